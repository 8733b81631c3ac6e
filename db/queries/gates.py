"""Gates: a challenger against what a station inspects by, done by a worker in small steps.

What is to be looked at is written down when the gate is asked for, so that both models see the same
images whenever they are looked at; what is true of each image too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from pydantic import ValidationError
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from db.base import utc_now
from db.engine import database_now
from db.errors import Conflict, Invalid, NotFound, WrongState
from db.models import DatasetSnapshot, GateFlip, GateRun, RecipeVersion, RegisteredModel, Station
from db.queries import registry
from db.queries.gate_images import GateImage, images_for, newest_frozen
from db.queries.recipes import get_version
from inspection.gating import Compared, GateLimits, decide, must_be_looked_at
from inspection.model_manifest import Manifest
from inspection.recipe import Recipe
from inspection.verdicts import Verdict

WAITING, DONE, FAILED = "waiting", "done", "failed"
ACCEPTED, REFUSED = "accepted", "refused"
LEASE_S = 120.0
MAX_ATTEMPTS = 3  # leases in a row without a result: its process died or hung


@dataclass(frozen=True)
class GateStep:
    """The next images of a gate, which is leased to whoever got this."""

    gate_id: int
    station_id: int
    champion: Recipe
    challenger: Recipe
    images: tuple[GateImage, ...]


@dataclass(frozen=True)
class Looked:
    """What both said of one image. `champion` None: what was stored holds (`before`)."""

    image: GateImage
    champion: str | None
    challenger: str
    detail: str = ""
    findings: tuple[dict[str, object], ...] = ()


def ask(
    session: Session,
    model_name: str,
    station: Station,
    *,
    limits: GateLimits,
    snapshot: DatasetSnapshot | None = None,
    images: Sequence[GateImage] | None = None,
    by: str,
) -> GateRun:
    """Ask for a gate; one that waits for the same is the same.

    Args:
        snapshot: whose test part counts; None: the newest frozen one with pictures of the station.
        images: what `images_at` gave for the very station, limits and snapshot; None: it is asked
            here, which takes a while where many pictures are labelled.

    Raises:
        NotFound: the model is not registered.
        Conflict: it is archived, or is what the station inspects by.
        Invalid: the station has no recipe, or one whose classes the model lacks.
    """
    model = registry.get_named(session, model_name)
    if model.archived_at is not None:
        raise Conflict("model", f"{model.name} is archived")
    if station.recipe_version_id is None:
        raise Invalid("station", station.key, "a station with an active recipe")
    version = get_version(session, station.recipe_version_id)
    challenger = challenger_of(version, model)
    if challenger.engine_key == version.model:
        raise Conflict("model", f"{model.name} is what {station.key} inspects by")
    snapshot = snapshot or newest_frozen(session, station.id)
    before = session.scalars(
        select(GateRun).where(
            GateRun.model_id == model.id,
            GateRun.station_id == station.id,
            GateRun.recipe_version_id == version.id,
            GateRun.state == WAITING,
        )
    ).first()
    if before is not None:
        return before
    recipe = Recipe.model_validate(version.body)
    if images is None:
        images = images_for(session, station, version.id, recipe, snapshot, limits)()
    gate = GateRun(
        model_id=model.id,
        station_id=station.id,
        recipe_version_id=version.id,
        snapshot_id=snapshot.id if snapshot else None,
        limits=limits.model_dump(),
        work={"images": [each.to_json() for each in images], "looked": []},
        results={},
        asked_by=by[:100],
    )
    session.add(gate)
    session.flush()
    return gate


def images_at(
    session: Session,
    station: Station,
    *,
    limits: GateLimits,
    snapshot: DatasetSnapshot | None = None,
) -> Callable[[], list[GateImage]]:
    """What a gate at a station would look at; to be called once the session is over.

    Raises:
        Invalid: the station has no recipe.
    """
    if station.recipe_version_id is None:
        raise Invalid("station", station.key, "a station with an active recipe")
    version = get_version(session, station.recipe_version_id)
    snapshot = snapshot or newest_frozen(session, station.id)
    recipe = Recipe.model_validate(version.body)
    return images_for(session, station, version.id, recipe, snapshot, limits)


def challenger_of(version: RecipeVersion, model: RegisteredModel) -> Recipe:
    """A version's recipe with its model replaced.

    Raises:
        Invalid: the recipe asks for classes that the model lacks.
    """
    recipe = Recipe.model_validate({**version.body, "model": model.name})
    classes = set(Manifest.model_validate(model.manifest).classes)
    joined = recipe.inference.join.classes if recipe.inference.join else ()
    wanted = {*recipe.classes, *(each.class_name for each in recipe.positions), *joined}
    if missing := sorted(wanted - classes):
        raise Invalid(
            "model",
            model.name,
            f"a model with the classes of {recipe.name}; it lacks {', '.join(missing)} and has"
            f" {', '.join(sorted(classes))}",
        )
    return recipe


def get_gate(session: Session, gate_id: int) -> GateRun:
    """Raises NotFound."""
    gate = session.scalars(select(GateRun).where(GateRun.id == gate_id)).one_or_none()
    if gate is None:
        raise NotFound("gate run", gate_id)
    return gate


def newest(
    session: Session, model_id: int, recipe_version_id: int, station_id: int | None = None
) -> GateRun | None:
    """The newest gate of a model against a recipe version, at a station or anywhere."""
    statement = select(GateRun).where(
        GateRun.model_id == model_id, GateRun.recipe_version_id == recipe_version_id
    )
    if station_id is not None:
        statement = statement.where(GateRun.station_id == station_id)
    return session.scalars(statement.order_by(GateRun.id.desc()).limit(1)).one_or_none()


def of_model(session: Session, model_id: int, *, limit: int = 20) -> list[tuple[GateRun, Station]]:
    """The gates of a model with their stations, the newest first."""
    rows = session.execute(
        select(GateRun, Station)
        .join(Station, Station.id == GateRun.station_id)
        .where(GateRun.model_id == model_id)
        .order_by(GateRun.id.desc())
        .limit(limit)
    )
    return [(gate, station) for gate, station in rows]


def flips_of(session: Session, gate_id: int) -> list[GateFlip]:
    """Flips, those that somebody has to look at first."""
    rows = session.scalars(
        select(GateFlip).where(GateFlip.gate_run_id == gate_id).order_by(GateFlip.id)
    )
    return sorted(rows, key=lambda flip: not must_be_looked_at(flip.before, flip.after))


def decide_flip(session: Session, flip_id: int, decision: str, by: str) -> GateFlip:
    """Say of a flip whether the challenger is right.

    Raises:
        NotFound: there is no such flip.
        Invalid: neither accepted nor refused.
    """
    if decision not in (ACCEPTED, REFUSED):
        raise Invalid("decision", decision, f"{ACCEPTED} or {REFUSED}")
    flip = session.scalars(select(GateFlip).where(GateFlip.id == flip_id)).one_or_none()
    if flip is None:
        raise NotFound("flip", flip_id)
    flip.decision, flip.decided_at, flip.decided_by = decision, utc_now(), by[:100]
    return flip


def any_waiting(session: Session) -> bool:
    waiting = select(GateRun.id).where(GateRun.state == WAITING).limit(1)
    return session.scalar(waiting) is not None


def next_step(session: Session, *, images: int) -> GateStep | None:
    """Lease the oldest gate that nobody is at; None where there is none."""
    now = database_now(session)
    free = or_(GateRun.lease_until.is_(None), GateRun.lease_until < now)
    gate = session.scalars(
        select(GateRun)
        .where(GateRun.state == WAITING, free)
        .order_by(GateRun.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if gate is None:
        return None
    gate.lease_until = now + timedelta(seconds=LEASE_S)
    attempts = int(str(gate.work.get("attempts", 0)))
    if attempts >= MAX_ATTEMPTS:
        fail(session, gate.id, f"{attempts} attempts in a row ended without a result")
        return None
    gate.work = {**gate.work, "attempts": attempts + 1}
    version = session.get_one(RecipeVersion, gate.recipe_version_id)
    try:
        champion = Recipe.model_validate(version.body)
        challenger = challenger_of(version, session.get_one(RegisteredModel, gate.model_id))
    except (ValidationError, Invalid) as error:
        fail(session, gate.id, str(error))
        return None
    done = {(each["kind"], each["id"]) for each in _looked(gate)}
    left = [each for each in _images(gate) if (each.kind, each.id) not in done]
    return GateStep(gate.id, gate.station_id, champion, challenger, tuple(left[:images]))


def write_step(session: Session, gate_id: int, looked: Sequence[Looked]) -> bool:
    """Add what was said, give the lease back, conclude at the end; True where more is left."""
    gate = session.scalars(select(GateRun).where(GateRun.id == gate_id).with_for_update()).one()
    if gate.state != WAITING:
        return False
    known = {(each["kind"], each["id"]) for each in _looked(gate)}
    fresh = [each for each in looked if (each.image.kind, each.image.id) not in known]
    said = [
        {
            "kind": each.image.kind,
            "id": each.image.id,
            "champion": each.champion or each.image.before,
            "challenger": each.challenger,
        }
        for each in fresh
    ]
    for each in fresh:
        _note_flip(session, gate, each)
    gate.work = {**gate.work, "looked": [*_looked(gate), *said], "attempts": 0}
    gate.lease_until = None
    more = len(_looked(gate)) < len(_images(gate))
    if not more:
        _conclude(gate)
    return more


def fail(session: Session, gate_id: int, reason: str) -> None:
    gate = session.get_one(GateRun, gate_id)
    if gate.state != WAITING:
        return  # another worker has concluded it meanwhile
    gate.state, gate.reason, gate.passed = FAILED, reason[:500], False
    gate.ended_at, gate.lease_until = utc_now(), None


def progress(gate: GateRun) -> tuple[int, int]:
    """Images looked at, and all."""
    return len(_looked(gate)), len(_images(gate))


def check_done(gate: GateRun) -> None:
    """Raises WrongState where a gate is not concluded yet."""
    if gate.state == WAITING:
        raise WrongState("gate run", gate.id, gate.state, [DONE])


def _note_flip(session: Session, gate: GateRun, looked: Looked) -> None:
    before = looked.champion or looked.image.before
    if looked.image.kind != "replay" or before is None or before == looked.challenger:
        return
    session.add(
        GateFlip(
            gate_run_id=gate.id,
            inspection_id=looked.image.id,
            before=before,
            after=looked.challenger,
            detail=looked.detail[:500],
            findings=list(looked.findings),
        )
    )


def _conclude(gate: GateRun) -> None:
    truth = {(each.kind, each.id): each.bad for each in _images(gate)}
    compared = [
        Compared(bad, Verdict(each["champion"]), Verdict(each["challenger"]))
        for each in _looked(gate)
        if (bad := truth[each["kind"], each["id"]]) is not None
    ]
    gate.results = decide(compared, GateLimits.model_validate(gate.limits))
    gate.passed = bool(gate.results["passed"])
    gate.state, gate.ended_at = DONE, utc_now()


def _images(gate: GateRun) -> list[GateImage]:
    return [GateImage.from_json(each) for each in cast("list[dict[str, Any]]", gate.work["images"])]


def _looked(gate: GateRun) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", gate.work["looked"])
