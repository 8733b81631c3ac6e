"""Uploads of foreign model folders: what waits for its trial inference, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from db.base import utc_now
from db.engine import database_now
from db.errors import Conflict, NotFound
from db.models import ModelUpload, RecipeVersion, RegisteredModel, Station
from db.queries import registry
from inspection.model_folder import ModelFolder, list_models, read_manifest
from inspection.recipe import Recipe

CHECKING, LISTED, REFUSED = "checking", "listed", "refused"
LEASE_S = 120.0
MAX_ATTEMPTS = 3


@dataclass(frozen=True)
class UploadStep:
    """An upload to be tried, leased to whoever got this."""

    upload_id: int
    folder: str  # below the folder of models
    parent_id: int | None
    by: str


def check_name(session: Session, folder: ModelFolder, models_dir: Path) -> None:
    """See that a folder may have its name here.

    Raises:
        Conflict: another content has it, here or in the registry, or it is being checked.
    """
    name = folder.name
    row = session.scalars(select(RegisteredModel).where(RegisteredModel.name == name)).one_or_none()
    if row is not None:
        same = "with this very content" if row.version == folder.version else "with another content"
        raise Conflict("model", f"{name} is registered already, {same}; it needs another name")
    here = list_models([models_dir]).get(name)
    if here is not None and read_manifest(here).version != folder.version:
        raise Conflict("model", f"there is another folder {name} already; it needs another name")
    waits = select(ModelUpload.id).where(ModelUpload.name == name, ModelUpload.state == CHECKING)
    if session.scalar(waits.limit(1)) is not None:
        raise Conflict("model", f"another upload of {name} is being checked")


def ask(
    session: Session, folder: ModelFolder, models_dir: Path, *, parent_id: int | None, by: str
) -> ModelUpload:
    """Ask for a folder that was taken in to be tried. Raises Conflict, see `check_name`."""
    check_name(session, folder, models_dir)
    upload = ModelUpload(
        name=folder.name,
        version=folder.version,
        folder=folder.path.relative_to(models_dir).as_posix(),
        parent_id=parent_id,
        asked_by=by[:100],
    )
    session.add(upload)
    session.flush()
    return upload


def get_upload(session: Session, upload_id: int) -> ModelUpload:
    """An upload by its id. Raises NotFound."""
    upload = session.get(ModelUpload, upload_id)
    if upload is None:
        raise NotFound("upload", upload_id)
    return upload


def newest(session: Session, *, limit: int = 20) -> list[ModelUpload]:
    """What is being checked or was refused, the newest first."""
    return list(
        session.scalars(
            select(ModelUpload)
            .where(ModelUpload.state != LISTED)
            .order_by(ModelUpload.id.desc())
            .limit(limit)
        )
    )


def classes_wanted(session: Session) -> dict[str, set[str]]:
    """The classes that each active recipe asks for, by the recipe's name."""
    found: dict[str, set[str]] = {}
    bodies = session.scalars(
        select(RecipeVersion.body).join(Station, Station.recipe_version_id == RecipeVersion.id)
    )
    for body in bodies:
        try:
            recipe = Recipe.model_validate(body)
        except ValueError:
            continue
        positions = {position.class_name for position in recipe.positions}
        found.setdefault(recipe.name, set()).update(recipe.classes, positions)
    return found


def any_waiting(session: Session) -> bool:
    waiting = select(ModelUpload.id).where(ModelUpload.state == CHECKING).limit(1)
    return session.scalar(waiting) is not None


def next_step(session: Session) -> UploadStep | None:
    """Lease the oldest upload that nobody is at; None where there is none.

    What ended its worker again and again is refused here.
    """
    now = database_now(session)
    free = or_(ModelUpload.lease_until.is_(None), ModelUpload.lease_until < now)
    upload = session.scalars(
        select(ModelUpload)
        .where(ModelUpload.state == CHECKING, free)
        .order_by(ModelUpload.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if upload is None:
        return None
    if upload.attempts >= MAX_ATTEMPTS:
        refuse(session, upload.id, f"its trial inference ended the worker {MAX_ATTEMPTS} times")
        return None
    upload.attempts += 1
    upload.lease_until = now + timedelta(seconds=LEASE_S)
    return UploadStep(upload.id, upload.folder, upload.parent_id, upload.asked_by)


def refuse(session: Session, upload_id: int, reason: str) -> None:
    upload = get_upload(session, upload_id)
    upload.state, upload.reason = REFUSED, reason[:500]
    upload.ended_at, upload.lease_until = utc_now(), None


def list_it(session: Session, step: UploadStep, folder: ModelFolder) -> RegisteredModel:
    """Register what passed. Raises Conflict where its name was taken meanwhile."""
    upload = get_upload(session, step.upload_id)
    model = registry.register(
        session, folder, source=registry.UPLOADED, parent_id=step.parent_id, by=step.by
    )
    upload.state, upload.model_id = LISTED, model.id
    upload.ended_at, upload.lease_until = utc_now(), None
    return model
