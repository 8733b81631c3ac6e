"""Promotion and rollback: the next recipe version with another model, drafted and activated.

One transaction for all stations, with the stations locked in the order of their ids: of two
promotions at once one finds that the recipe it started from is no longer active, and says so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from db import audit
from db.access import Permission
from db.base import utc_now
from db.errors import Conflict, Invalid, NotFound
from db.models import GateFlip, GateRun, Promotion, RecipeVersion, RegisteredModel, Station
from db.queries import gates, recipe_drafts, recipes, registry, shadows
from inspection.gating import must_be_looked_at
from inspection.inference import split_inference

MAX_REASON = 1000


class Overtaken(Conflict):
    """Somebody else activated another version meanwhile. Nothing was written."""

    def __init__(self, station: str, active: str, by: str) -> None:
        super().__init__(
            "promotion",
            f"{station} inspects by {active} by now, which {by or 'somebody'} activated meanwhile;"
            " nothing was changed",
        )
        self.station, self.active, self.by = station, active, by


class GateNotPassed(Conflict):
    """The gate says no, or nothing; an admin may promote all the same, with a reason."""

    def __init__(self, model: str, problems: Mapping[str, str]) -> None:
        told = "; ".join(f"{key}: {why}" for key, why in problems.items())
        super().__init__(
            "promotion",
            f"the gate of {model} is not passed ({told}); an admin may promote it with a reason",
        )
        self.problems = dict(problems)


class FlipsUnseen(Conflict):
    """Parts that would no longer fail, and that nobody has looked at yet."""

    def __init__(self, model: str, gate_id: int, count: int) -> None:
        super().__init__(
            "promotion",
            f"{count} images that fail now would no longer fail with {model}; each has to be looked"
            f" at first (gate run {gate_id})",
        )
        self.gate_id, self.count = gate_id, count


@dataclass(frozen=True)
class Readiness:
    """What stands between a model and a station.

    Attributes:
        gate: the newest against the station's active version; None: there is none.
        problem: why the gate does not let it pass; empty: it does.
        unseen: flips that nobody has looked at.
    """

    gate: GateRun | None
    problem: str
    unseen: int = 0


@dataclass(frozen=True)
class Promoted:
    """What was written, and the stations that inspect by something else now."""

    promotions: tuple[Promotion, ...]
    stations: tuple[Station, ...] = field(default=())


def stations_of_champion(session: Session, model_name: str) -> list[Station]:
    """The stations whose recipe names a model, of those that one may see."""
    rows = session.execute(
        select(Station, RecipeVersion.model)
        .join(RecipeVersion, RecipeVersion.id == Station.recipe_version_id)
        .order_by(Station.id)
    )
    return [station for station, key in rows if split_inference(key)[0] == model_name]


def readiness(session: Session, model: RegisteredModel, station: Station) -> Readiness:
    """Whether the gate lets a model pass at a station, as its recipe is now."""
    version_id = station.recipe_version_id or 0
    gate = gates.newest(session, model.id, version_id, station.id) or gates.newest(
        session, model.id, version_id
    )
    if gate is None:
        return Readiness(None, "there is no gate against the recipe version that is active")
    if gate.state == gates.WAITING:
        return Readiness(gate, "it is still being looked at")
    if gate.state == gates.FAILED:
        return Readiness(gate, gate.reason)
    flips = session.scalars(select(GateFlip).where(GateFlip.gate_run_id == gate.id)).all()
    asked = [each for each in flips if must_be_looked_at(each.before, each.after)]
    unseen = sum(each.decision is None for each in asked)
    refused = sum(each.decision == gates.REFUSED for each in asked)
    if not gate.passed:
        enough = gate.results.get("enough")
        return Readiness(gate, "a limit is not kept" if enough else "not enough to say", unseen)
    if refused:
        return Readiness(gate, f"{refused} flips were refused", unseen)
    return Readiness(gate, "", unseen)


def promote(
    session: Session,
    model_name: str,
    expected: Mapping[int, int | None],
    *,
    by: str,
    may: Collection[Permission],
    reason: str = "",
) -> Promoted:
    """Make a model what stations inspect by, from the next acquisition on.

    Args:
        expected: by a station's id the version that was active when this was decided.
        may: what who asks may; `OVERRIDE` promotes past a gate that is not passed, with a reason.
        reason: an admin's own words.

    Raises:
        NotFound: the model is not registered, or a station is not there.
        Conflict: the model is archived, or judges there already.
        Overtaken: another version is active by now.
        FlipsUnseen: somebody has to look at flips first.
        GateNotPassed: it is not, and who asks may not override it, or gives no reason.
        Invalid: the model lacks classes of the recipe; the reason is too long.
    """
    reason = reason.strip()
    if len(reason) > MAX_REASON:
        raise Invalid("reason", f"{len(reason)} characters", f"at most {MAX_REASON} characters")
    model = registry.get_named(session, model_name)
    if model.archived_at is not None:
        raise Conflict("model", f"{model.name} is archived")
    stations = _locked(session, list(expected))
    for station in stations:
        _check_expected(session, station, expected[station.id])
    ready = {station.id: readiness(session, model, station) for station in stations}
    for each in ready.values():
        if each.unseen and each.gate is not None:
            raise FlipsUnseen(model.name, each.gate.id, each.unseen)
    problems = {each.key: why for each in stations if (why := ready[each.id].problem)}
    if problems and not (reason and Permission.OVERRIDE in may):
        raise GateNotPassed(model.name, problems)
    written = []
    for station in stations:
        gate = ready[station.id].gate
        past = reason if station.key in problems else ""
        written.append(_activate(session, model, station, gate, past, by))
    return Promoted(tuple(written), tuple(stations))


def rollback(session: Session, station_ref: Station, *, by: str) -> Promotion:
    """Make what was active before the newest promotion active again.

    Raises:
        Conflict: nothing was promoted there, or something else has become active since.
    """
    (station,) = _locked(session, [station_ref.id])
    promotion = newest(session, station.id)
    if promotion is None or promotion.recipe_version_id != station.recipe_version_id:
        raise Conflict(
            "rollback",
            f"what {station.key} inspects by was not made active by a promotion;"
            " activate another recipe version instead",
        )
    recipes.activate(session, str(station.id), promotion.before_version_id)
    promotion.rolled_back_at, promotion.rolled_back_by = utc_now(), by[:100]
    audit.record(
        session,
        "rolled back",
        kind="station",
        id=station.id,
        name=station.key,
        detail={"promotion": promotion.id, "to version": promotion.before_version_id},
        station_id=station.id,
    )
    session.flush()
    return promotion


def newest(session: Session, station_id: int) -> Promotion | None:
    """The newest promotion at a station that was not rolled back."""
    return session.scalars(
        select(Promotion)
        .where(Promotion.station_id == station_id, Promotion.rolled_back_at.is_(None))
        .order_by(Promotion.id.desc())
        .limit(1)
    ).one_or_none()


def history(session: Session, model_id: int, *, limit: int = 50) -> list[tuple[Promotion, Station]]:
    """Where a model was promoted, the newest first."""
    rows = session.execute(
        select(Promotion, Station)
        .join(Station, Station.id == Promotion.station_id)
        .where(Promotion.model_id == model_id)
        .order_by(Promotion.id.desc())
        .limit(limit)
    )
    return [(promotion, station) for promotion, station in rows]


def _locked(session: Session, station_ids: Sequence[int]) -> list[Station]:
    found = session.scalars(
        select(Station)
        .where(Station.id.in_(station_ids))
        .order_by(Station.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    if missing := set(station_ids) - {each.id for each in found}:
        raise NotFound("station", min(missing))
    if not found:
        raise Invalid("stations", "none", "one station at least")
    return list(found)


def _check_expected(session: Session, station: Station, expected: int | None) -> None:
    if station.recipe_version_id == expected and expected is not None:
        return
    newest_one = recipe_drafts.activations(session, station.id, limit=1)
    if station.recipe_version_id is None:
        raise Invalid("station", station.key, "a station with an active recipe")
    active = recipes.get_version(session, station.recipe_version_id)
    by = newest_one[0].activated_by if newest_one else ""
    raise Overtaken(station.key, f"{active.recipe.name} {active.version} ({active.model})", by)


def _activate(
    session: Session,
    model: RegisteredModel,
    station: Station,
    gate: GateRun | None,
    reason: str,
    by: str,
) -> Promotion:
    before = recipes.get_version(session, station.recipe_version_id or 0)
    recipe = gates.challenger_of(before, model)
    if recipe.engine_key == before.model:
        raise Conflict("model", f"{model.name} is what {station.key} inspects by already")
    version, _ = recipes.draft(session, recipe)
    recipes.activate(session, str(station.id), version.id)
    promotion = Promotion(
        station_id=station.id,
        model_id=model.id,
        gate_run_id=gate.id if gate else None,
        recipe_version_id=version.id,
        before_version_id=before.id,
        override_reason=reason,
        by=by[:100],
    )
    session.add(promotion)
    # It would be held against itself.
    looks_along = shadows.running(session, station.id)
    if looks_along is not None and looks_along.model_id == model.id:
        shadows.end(session, looks_along.id, by)
    session.flush()
    audit.record(
        session,
        "promoted past the gate" if reason else "promoted",
        kind="station",
        id=station.id,
        name=station.key,
        detail={"model": model.name, "version": model.version, "promotion": promotion.id}
        | ({"reason": reason} if reason else {}),
        station_id=station.id,
    )
    return promotion
