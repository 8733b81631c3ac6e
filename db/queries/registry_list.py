"""All models that there are: those that are registered, and folders that merely lie here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import RegisteredModel
from db.queries import registry
from db.queries.registry import Standing
from inspection.model_folder import ModelFolderError, list_models, read_manifest


@dataclass(frozen=True)
class ListedModel:
    """A model by its name.

    Attributes:
        row: None where nobody has registered the folder yet.
        problem: why it cannot be used here; empty: it can.
    """

    name: str
    version: str
    source: str
    manifest: dict[str, Any]
    standing: Standing
    row: RegisteredModel | None = None
    problem: str = ""


def listed(session: Session, models_dirs: Sequence[Path]) -> list[ListedModel]:
    """Every model by name; folders are read, not hashed."""
    running = registry.standings(session)
    rows = {row.name: row for row in session.scalars(select(RegisteredModel))}
    here = list_models(models_dirs)
    return [_one(name, rows.get(name), here.get(name), running) for name in sorted({*rows, *here})]


def _one(
    name: str, row: RegisteredModel | None, path: Path | None, running: dict[str, Standing]
) -> ListedModel:
    version, manifest, problem = "", {}, ""
    if path is None:
        problem = "its folder is not on this host"
    else:
        try:
            folder = read_manifest(path)
            version = folder.version
            manifest = folder.manifest.model_dump(mode="json", by_alias=True)
        except ModelFolderError as error:
            problem = error.reason
    if row is not None:
        if version and version != row.version:
            problem = f"its folder is version {version}, {row.version} was registered"
        standing = registry.standing_of(row, running)
        return ListedModel(name, row.version, row.source, row.manifest, standing, row, problem)
    standing = running.get(name, Standing(registry.ModelState.CANDIDATE))
    source = registry.source_of(path) if path else ""
    return ListedModel(name, version, source, manifest, standing, None, problem)
