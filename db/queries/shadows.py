"""Challengers beside a line: which frames they see, what they would have said, and the end.

A shadow is a row; the sweeper rings while it has frames before it, and a worker that hears it
looks at a second's worth of them. Nothing that it says is a verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from pydantic import ValidationError
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from db.base import utc_now
from db.engine import database_now
from db.errors import Conflict, Invalid, NotFound, WrongState
from db.models import (
    Acquisition,
    Calibration,
    Inspection,
    RecipeVersion,
    Shadow,
    ShadowResult,
    Station,
)
from db.paging import Page, flush_new, page_of_entities
from db.queries.gates import challenger_of
from db.queries.registry import get_named
from inspection.finding_agreement import FoundThing
from inspection.recipe import Recipe
from inspection.verdicts import Verdict

LEASE_S = 60.0
MOST_ATTEMPTS = 3
KEEPS_UP_WITH = 100  # inspections behind the line; older ones it passes over
_BATCH = 200


@dataclass(frozen=True)
class ShadowImage:
    """A live frame, what the champion made of it, and the recipe with the challenger in it."""

    inspection_id: int
    captured_at: datetime
    image_key: str | None
    image_sha256: str | None
    image_is_own: bool
    calibration: Calibration | None  # by which the champion measured
    champion: str
    found: tuple[FoundThing, ...]
    recipe: Recipe


@dataclass(frozen=True)
class ShadowStep:
    """The next frames of a shadow, which is leased to whoever got this.

    `reason` says why it cannot go on; then it has no frames.
    """

    shadow_id: int
    images: tuple[ShadowImage, ...]
    seen_to: int  # when all of them have been looked at
    more: bool
    reason: str = ""


@dataclass(frozen=True)
class Said:
    """What a challenger would have said of a frame."""

    image: ShadowImage
    challenger: str
    detail: str
    agreement: float
    findings: Sequence[dict[str, object]]
    engine_ms: float


def start(session: Session, station: Station, model: str, share: float, by: str) -> Shadow:
    """Let a registered model look along at a station, at a share of its frames from now on.

    Raises:
        NotFound: no model of that name is registered.
        Invalid: the share is none, the station has no recipe, or the model lacks its classes.
        Conflict: a shadow runs there already, or the model is its champion.
    """
    row = get_named(session, model)
    if not 0 < share <= 1:
        raise Invalid("share", share, "a share of the frames, above 0 up to 1")
    if station.recipe_version_id is None:
        raise Invalid("station", station.key, "a station with an active recipe")
    version = session.get_one(RecipeVersion, station.recipe_version_id)
    if version.body.get("model") == row.name:
        raise Conflict("shadow", f"{row.name} is what {station.key} inspects by")
    if row.archived_at is not None:
        raise Invalid("model", row.name, "a model that is not archived")
    if running(session, station.id) is not None:
        raise Conflict("shadow", f"a shadow runs at {station.key} already")
    challenger_of(version, row)
    newest = session.scalar(select(func.max(Inspection.id))) or 0
    shadow = Shadow(
        station_id=station.id, model_id=row.id, share=share, started_by=by[:100], seen_to=newest
    )
    session.add(shadow)
    flush_new(session, "shadow", station.key)
    return shadow


def end(session: Session, shadow_id: int, by: str) -> Shadow:
    """End a shadow; its results stay.

    Raises:
        NotFound: there is none.
        WrongState: it has ended.
    """
    shadow = get_shadow(session, shadow_id)
    if shadow.ended_at is not None:
        raise WrongState("shadow", shadow_id, "ended", ("running",))
    shadow.ended_at, shadow.ended_by, shadow.lease_until = utc_now(), by[:100], None
    return shadow


def running(session: Session, station_id: int) -> Shadow | None:
    return session.scalars(
        select(Shadow).where(Shadow.station_id == station_id, Shadow.ended_at.is_(None))
    ).one_or_none()


def get_shadow(session: Session, shadow_id: int) -> Shadow:
    """A shadow with its model. Raises NotFound."""
    wanted = select(Shadow).where(Shadow.id == shadow_id).options(joinedload(Shadow.model))
    shadow = session.scalars(wanted).one_or_none()
    if shadow is None:
        raise NotFound("shadow", shadow_id)
    return shadow


def list_shadows(
    session: Session, *, station_id: int | None = None, after: int | None, limit: int
) -> Page[Shadow]:
    """Shadows with their models, the newest first."""
    statement = select(Shadow).options(joinedload(Shadow.model))
    if station_id is not None:
        statement = statement.where(Shadow.station_id == station_id)
    return page_of_entities(
        session, Shadow, statement, Shadow.id, after=after, limit=limit, newest_first=True
    )


def any_waiting(session: Session) -> bool:
    """Whether a shadow that nobody is at has frames before it."""
    ahead = (
        select(Inspection.id)
        .where(Inspection.station_id == Shadow.station_id, Inspection.id > Shadow.seen_to)
        .exists()
    )
    free = or_(Shadow.lease_until.is_(None), Shadow.lease_until < database_now(session))
    waiting = select(Shadow.id).where(Shadow.ended_at.is_(None), free, ahead).limit(1)
    return session.scalar(waiting) is not None


def next_step(session: Session, *, images: int) -> ShadowStep | None:
    """Lease the shadow that has waited longest and has frames before it; None: there is none."""
    now = database_now(session)
    ahead = (
        select(Inspection.id)
        .where(Inspection.station_id == Shadow.station_id, Inspection.id > Shadow.seen_to)
        .exists()
    )
    shadow = session.scalars(
        select(Shadow)
        .where(
            Shadow.ended_at.is_(None),
            or_(Shadow.lease_until.is_(None), Shadow.lease_until < now),
            ahead,
        )
        .order_by(Shadow.seen_to, Shadow.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if shadow is None:
        return None
    if shadow.attempts >= MOST_ATTEMPTS:
        reason = f"{MOST_ATTEMPTS} attempts ended without a result: its process died or hung"
        return ShadowStep(shadow.id, (), shadow.seen_to, False, reason)
    shadow.lease_until = now + timedelta(seconds=LEASE_S)
    shadow.attempts += 1
    _pass_over(session, shadow)
    rows = session.execute(
        select(Inspection.id, Inspection.verdict)
        .where(Inspection.station_id == shadow.station_id, Inspection.id > shadow.seen_to)
        .order_by(Inspection.id)
        .limit(_BATCH)
    ).all()
    chosen = [id_ for id_, verdict in rows if _is_chosen(shadow, id_, verdict)]
    more = len(chosen) > images or len(rows) == _BATCH
    seen_to = chosen[images - 1] if len(chosen) > images else rows[-1][0]
    try:
        found = _images(session, shadow, chosen[:images])
    except (Invalid, ValidationError) as error:
        return ShadowStep(shadow.id, (), shadow.seen_to, False, str(error))
    return ShadowStep(shadow.id, tuple(found), seen_to, more)


def write_step(session: Session, step: ShadowStep, said: Sequence[Said], seen_to: int) -> bool:
    """Keep what was said, give the lease back; True where more is to be looked at."""
    shadow = session.scalars(
        select(Shadow).where(Shadow.id == step.shadow_id).with_for_update()
    ).one()
    if shadow.ended_at is not None:
        return False
    known = set(
        session.scalars(
            select(ShadowResult.inspection_id).where(
                ShadowResult.shadow_id == shadow.id,
                ShadowResult.inspection_id.in_([each.image.inspection_id for each in said]),
            )
        )
    )
    session.add_all(
        ShadowResult(
            shadow_id=shadow.id,
            inspection_id=each.image.inspection_id,
            captured_at=each.image.captured_at,
            champion=each.image.champion,
            challenger=each.challenger,
            detail=each.detail[:500],
            agreement=each.agreement,
            findings=list(each.findings),
            engine_ms=each.engine_ms,
        )
        for each in said
        if each.image.inspection_id not in known
    )
    shadow.seen_to = max(shadow.seen_to, seen_to)
    shadow.lease_until, shadow.attempts = None, 0
    return step.more or seen_to < step.seen_to


def fail(session: Session, shadow_id: int, reason: str) -> None:
    """End a shadow by itself; the line goes on as before."""
    shadow = session.scalars(select(Shadow).where(Shadow.id == shadow_id)).one()
    if shadow.ended_at is None:
        shadow.ended_at, shadow.reason, shadow.lease_until = utc_now(), reason[:300], None


def _is_chosen(shadow: Shadow, inspection_id: int, verdict: str) -> bool:
    """By a hash, so that a share of the frames is the same however often it is asked."""
    if verdict == Verdict.NOT_INSPECTED:
        return False
    digest = sha256(f"{shadow.id}:{inspection_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < shadow.share * 2**64


def _pass_over(session: Session, shadow: Shadow) -> None:
    """Go on with the newest where it has fallen behind, and count what it would have seen."""
    beyond = session.scalar(
        select(Inspection.id)
        .where(Inspection.station_id == shadow.station_id, Inspection.id > shadow.seen_to)
        .order_by(Inspection.id.desc())
        .offset(KEEPS_UP_WITH)
        .limit(1)
    )
    if beyond is None:
        return
    left_out = session.execute(
        select(Inspection.id, Inspection.verdict).where(
            Inspection.station_id == shadow.station_id,
            Inspection.id > shadow.seen_to,
            Inspection.id <= beyond,
        )
    )
    shadow.passed_over += sum(_is_chosen(shadow, id_, verdict) for id_, verdict in left_out)
    shadow.seen_to = beyond


def _images(session: Session, shadow: Shadow, inspection_ids: Sequence[int]) -> list[ShadowImage]:
    rows = session.execute(
        select(Inspection, Acquisition, Calibration)
        .join(Acquisition, Acquisition.id == Inspection.acquisition_id)
        .outerjoin(Calibration, Calibration.id == Inspection.calibration_id)
        .where(Inspection.id.in_(inspection_ids), Acquisition.image_key.is_not(None))
        .options(selectinload(Inspection.findings))
        .order_by(Inspection.id)
    ).all()
    recipes: dict[int, Recipe] = {}
    for version_id in {inspection.recipe_version_id for inspection, _, _ in rows}:
        version = session.get_one(RecipeVersion, version_id)
        recipes[version_id] = challenger_of(version, shadow.model)
    return [
        ShadowImage(
            inspection.id,
            inspection.captured_at,
            acquisition.image_key,
            acquisition.image_sha256,
            acquisition.image_is_own,
            calibration,
            inspection.verdict,
            tuple(FoundThing(each.class_name, each.mask_rle) for each in inspection.findings),
            recipes[inspection.recipe_version_id],
        )
        for inspection, acquisition, calibration in rows
    ]
