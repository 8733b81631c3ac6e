"""The registry: model folders by content, and what each of them is at the moment.

Only what cannot be read elsewhere is written down. Champion is what an active recipe version of a
station names, shadow what looks along at one, and every other model is a candidate until somebody
archives it. Models belong to no place; where they run is shown of the lines that one may see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.access import EVERYTHING, acting
from db.base import utc_now
from db.errors import Conflict, NotFound
from db.models import RecipeVersion, RegisteredModel, Shadow, Station
from db.paging import flush_new
from inspection.inference import split_inference
from inspection.model_card import read_card
from inspection.model_folder import (
    ModelFolder,
    ModelFolderError,
    list_models,
    load_model_folder,
    starters_dirs,
)

TRAINED, UPLOADED, SHIPPED, FOUND = "trained", "uploaded", "shipped", "found"


class ModelState(StrEnum):
    """What a model is, by where it runs."""

    CANDIDATE = "candidate"
    SHADOW = "shadow"
    CHAMPION = "champion"
    ARCHIVED = "archived"


class StillRuns(Conflict):
    """A model that judges or looks along somewhere cannot be archived."""

    def __init__(self, name: str, state: ModelState, stations: Sequence[str]) -> None:
        at = f" at {', '.join(stations)}" if stations else ""
        super().__init__("model", f"{name} is {state.value}{at}")
        self.name, self.state, self.stations = name, state, tuple(stations)


@dataclass(frozen=True)
class Standing:
    """Where a model runs, by the keys of stations that one may see."""

    state: ModelState
    champion_at: tuple[str, ...] = ()
    shadow_at: tuple[str, ...] = ()


def register(
    session: Session,
    folder: ModelFolder,
    *,
    source: str,
    parent_id: int | None = None,
    snapshot_id: int | None = None,
    by: str,
) -> RegisteredModel:
    """Write a checked folder down under its folder's name; again is the same row.

    Args:
        source: trained, uploaded, shipped or found.

    Raises:
        Conflict: the name stands for another content. What is registered never changes.
    """
    name = folder.path.name
    row = _named(session, name)
    if row is not None:
        if row.version != folder.version:
            raise Conflict(
                "model",
                f"{name} is registered with version {row.version}, and this is {folder.version}; "
                "a registered model never changes, give it another name",
            )
        return row
    row = RegisteredModel(
        name=name,
        version=folder.version,
        source=source,
        parent_id=parent_id,
        snapshot_id=snapshot_id,
        manifest=folder.manifest.model_dump(mode="json", by_alias=True),
        card=read_card(folder),
        registered_by=by[:100],
    )
    session.add(row)
    flush_new(session, "model", name)
    return row


def adopt(session: Session, name: str, models_dirs: Sequence[Path], *, by: str) -> RegisteredModel:
    """A registered model, or a folder that is here and is registered by this.

    Raises:
        NotFound: there is neither.
        Conflict: the folder here is not what was registered, or cannot be used.
    """
    row = _named(session, name)
    path = list_models(models_dirs).get(name)
    if path is None:
        if row is None:
            raise NotFound("model", name)
        return row
    try:
        folder = load_model_folder(path)
    except ModelFolderError as error:
        raise Conflict("model", str(error)) from error
    return register(session, folder, source=source_of(path), by=by)


def source_of(path: Path) -> str:
    """Where a folder that nobody registered comes from."""
    return SHIPPED if path.parent in starters_dirs() else FOUND


def get_named(session: Session, name: str) -> RegisteredModel:
    """A registered model. Raises NotFound."""
    row = _named(session, name)
    if row is None:
        raise NotFound("model", name)
    return row


def standings(session: Session) -> dict[str, Standing]:
    """What each model is that runs somewhere, by its name; others are candidates or archived.

    A model that runs only at lines that one may not see is champion or shadow all the same.
    """
    with acting(EVERYTHING):
        everywhere = _running(session)
    visible = _running(session)
    nowhere: tuple[list[str], list[str]] = ([], [])
    return {
        name: Standing(
            ModelState.CHAMPION if champion else ModelState.SHADOW,
            *(tuple(keys) for keys in visible.get(name, nowhere)),
        )
        for name, (champion, _) in everywhere.items()
    }


def standing_of(model: RegisteredModel, running: Mapping[str, Standing]) -> Standing:
    """What a model is, given where all of them run."""
    archived = ModelState.ARCHIVED if model.archived_at is not None else ModelState.CANDIDATE
    return running.get(model.name, Standing(archived))


def archive(session: Session, name: str) -> RegisteredModel:
    """Take a model out of the lists of what may be promoted; its folder stays.

    Raises:
        NotFound: it is not registered.
        StillRuns: it is champion or shadow somewhere.
    """
    model = get_named(session, name)
    standing = standings(session).get(name)
    if standing is not None:
        raise StillRuns(name, standing.state, (*standing.champion_at, *standing.shadow_at))
    if model.archived_at is None:
        model.archived_at = utc_now()
    return model


def restore(session: Session, name: str) -> RegisteredModel:
    """Make an archived model a candidate again. Raises NotFound."""
    model = get_named(session, name)
    model.archived_at = None
    return model


def _named(session: Session, name: str) -> RegisteredModel | None:
    return session.scalars(
        select(RegisteredModel).where(RegisteredModel.name == name)
    ).one_or_none()


def _running(session: Session) -> dict[str, tuple[list[str], list[str]]]:
    """Keys of stations where each model is champion, and where it is shadow."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    champions = (
        select(Station.key, RecipeVersion.model)
        .join(RecipeVersion, RecipeVersion.id == Station.recipe_version_id)
        .order_by(Station.key)
    )
    for key, engine_key in session.execute(champions):
        found.setdefault(split_inference(engine_key)[0], ([], []))[0].append(key)
    shadows = (
        select(Station.key, RegisteredModel.name)
        .join(Shadow, Shadow.station_id == Station.id)
        .join(RegisteredModel, RegisteredModel.id == Shadow.model_id)
        .where(Shadow.ended_at.is_(None))
        .order_by(Station.key)
    )
    for key, name in session.execute(shadows):
        found.setdefault(name, ([], []))[1].append(key)
    return found
