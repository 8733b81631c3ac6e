"""Changes at stations in the words of a chart's markers: what was before, what came, and who."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import (
    AuditEntry,
    Calibration,
    Camera,
    ModelVersion,
    RecipeActivation,
    RecipeRow,
    RecipeVersion,
)
from db.queries.quality import Stretch
from db.queries.quality_changes import ChangeKind, Switch, switches

# What of a camera changes its pictures. A new name or key does not.
_OF_PICTURES = frozenset({"source", "kind", "enabled", "options", "station_id", "secret"})
_HASH_SHOWN = 8
# The first image by a new recipe comes some time after its activation, at night much later.
_ACTIVATED_BEFORE = timedelta(days=1)


@dataclass(frozen=True)
class Change:
    """What changed at a station, in names: `before` and `after` None where there was none.

    `by` is who did it, where the tables know.
    """

    at: datetime
    station_id: int
    kind: ChangeKind
    before: str | None
    after: str | None
    by: str | None = None


def changes(session: Session, station_ids: Collection[int], stretch: Stretch) -> list[Change]:
    """The changes of a stretch at the stations, in the order of time."""
    found = [*_of_configuration(session, switches(session, station_ids, stretch))]
    found += _of_cameras(session, station_ids, stretch)
    return sorted(found, key=lambda one: (one.at, one.station_id, one.kind))


def _of_configuration(session: Session, found: Sequence[Switch]) -> Iterator[Change]:
    both = [each for one in found for each in (one.before, one.after)]
    recipes = _recipes(session, {each.recipe_version_id for each in both})
    models = _models(session, {each.model_version_id for each in both})
    scales = _scales(session, {each.calibration_id for each in both})
    for one in found:
        old, new = one.before, one.after
        if old.recipe_version_id != new.recipe_version_id:
            was, is_now = (recipes.get(each.recipe_version_id) for each in (old, new))
            by = _activated_by(session, one)
            yield Change(one.at, one.station_id, ChangeKind.RECIPE, was, is_now, by)
        if old.model_version_id != new.model_version_id:
            was, is_now = (models.get(each.model_version_id) for each in (old, new))
            yield Change(one.at, one.station_id, ChangeKind.MODEL, was, is_now)
        if old.calibration_id != new.calibration_id:
            was, is_now = (scales.get(each.calibration_id) for each in (old, new))
            yield Change(one.at, one.station_id, ChangeKind.CALIBRATION, was, is_now)


def _recipes(session: Session, ids: Collection[int]) -> dict[int | None, str]:
    if not ids:
        return {}
    rows = session.execute(
        select(RecipeVersion.id, RecipeRow.name, RecipeVersion.version)
        .join(RecipeRow, RecipeRow.id == RecipeVersion.recipe_id)
        .where(RecipeVersion.id.in_(ids))
    )
    return {id_: f"{name} v{version}" for id_, name, version in rows}


def _models(session: Session, ids: set[int | None]) -> dict[int | None, str]:
    if not ids - {None}:
        return {}
    rows = session.execute(
        select(ModelVersion.id, ModelVersion.name, ModelVersion.version, ModelVersion.engine).where(
            ModelVersion.id.in_(ids)
        )
    )
    return {
        id_: f"{name} {version[:_HASH_SHOWN]} ({engine})" for id_, name, version, engine in rows
    }


def _scales(session: Session, ids: set[int | None]) -> dict[int | None, str]:
    if not ids - {None}:
        return {}
    rows = session.execute(
        select(Calibration.id, Calibration.mm_per_px, Calibration.method).where(
            Calibration.id.in_(ids)
        )
    )
    return {id_: f"{scale:.4g} mm/px ({method})" for id_, scale, method in rows}


def _activated_by(session: Session, switch: Switch) -> str | None:
    """Who made the new recipe version the active one: the newest activation before its image."""
    by = session.scalar(
        select(RecipeActivation.activated_by)
        .where(
            RecipeActivation.station_id == switch.station_id,
            RecipeActivation.recipe_version_id == switch.after.recipe_version_id,
            RecipeActivation.activated_at <= switch.at,
            RecipeActivation.activated_at >= switch.at - _ACTIVATED_BEFORE,
        )
        .order_by(RecipeActivation.id.desc())
        .limit(1)
    )
    return by or None


def _of_cameras(
    session: Session, station_ids: Collection[int], stretch: Stretch
) -> Iterator[Change]:
    """What people changed about cameras, from the audit log."""
    cameras = {
        str(camera_id): (key, station_id)
        for camera_id, key, station_id in session.execute(
            select(Camera.id, Camera.key, Camera.station_id).where(
                Camera.station_id.in_(station_ids)
            )
        )
    }
    if not cameras:
        return
    entries = session.execute(
        select(
            AuditEntry.at,
            AuditEntry.object_id,
            AuditEntry.action,
            AuditEntry.actor_name,
            AuditEntry.before,
            AuditEntry.after,
        ).where(
            AuditEntry.object_kind == Camera.__tablename__,
            AuditEntry.object_id.in_(cameras),
            AuditEntry.at >= stretch[0],
            AuditEntry.at < stretch[1],
        )
    )
    for at, camera_id, action, actor, before, after in entries:
        key, station_id = cameras[camera_id or ""]
        if action == "created":
            yield Change(at, station_id, ChangeKind.CAMERA, None, key, actor)
            continue
        names = sorted(_OF_PICTURES & ((before or {}).keys() | (after or {}).keys()))
        if names:
            old, new = (_shown(key, names, values or {}) for values in (before, after))
            yield Change(at, station_id, ChangeKind.CAMERA, old, new, actor)


def _shown(key: str, names: Sequence[str], values: dict[str, object]) -> str:
    shown = []
    for name in names:
        value = values.get(name)
        if name == "enabled":
            shown.append("on" if value else "off")
        elif name in ("options", "secret"):
            shown.append(name)
        else:
            shown.append(f"{name} {value}"[:80])
    return f"{key}: {', '.join(shown)}"
