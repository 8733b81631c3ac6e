"""Which models a worker should have ready: those that judge, and those that may soon."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.base import utc_now
from db.models import GateRun, Promotion, RecipeVersion, RegisteredModel, Station
from inspection.inference import split_inference, with_inference

# So long after a promotion the way back is kept warm, and after a gate the way forward.
_BACK = timedelta(hours=24)
_FORWARD = timedelta(hours=6)


@dataclass(frozen=True)
class WantedModels:
    """Engine keys. `maybe`: the way back after a promotion, then the challenger after a gate."""

    needed: tuple[str, ...] = ()
    maybe: tuple[str, ...] = ()


def wanted_models(session: Session) -> WantedModels:
    """What is active at stations now, and what a rollback or a promotion would make active."""
    active = (
        select(RecipeVersion.model)
        .join(Station, Station.recipe_version_id == RecipeVersion.id)
        .distinct()
        .order_by(RecipeVersion.model)
    )
    needed = tuple(session.scalars(active))
    now = utc_now()
    back = session.scalars(
        select(RecipeVersion.model)
        .join(Promotion, Promotion.before_version_id == RecipeVersion.id)
        .join(Station, Station.recipe_version_id == Promotion.recipe_version_id)
        .where(Promotion.rolled_back_at.is_(None), Promotion.at > now - _BACK)
        .where(Promotion.station_id == Station.id)
        .order_by(Promotion.id.desc())
    )
    forward = session.execute(
        select(RegisteredModel.name, RecipeVersion.model)
        .join(GateRun, GateRun.model_id == RegisteredModel.id)
        .join(RecipeVersion, RecipeVersion.id == GateRun.recipe_version_id)
        .join(Station, Station.id == GateRun.station_id)
        .where(
            GateRun.ended_at > now - _FORWARD,
            GateRun.state == "done",
            RegisteredModel.archived_at.is_(None),
            Station.recipe_version_id == GateRun.recipe_version_id,
        )
        .order_by(GateRun.id.desc())
        .limit(3)
    )
    maybe = [*back, *(with_inference(name, split_inference(key)[1]) for name, key in forward)]
    return WantedModels(needed, tuple(dict.fromkeys(each for each in maybe if each not in needed)))
