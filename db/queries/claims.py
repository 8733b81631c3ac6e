"""Claims: a worker holds acquisitions by a lease and a fencing token, never by a lock.

Whoever claims writes its token into the rows, and whoever commits writes only into rows that
still carry it: a worker that slept past its lease finds its rows taken and its results dropped.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, func, literal_column, or_, select, update
from sqlalchemy.orm import Session

from db.engine import database_now
from db.models import Acquisition, RecipeVersion
from db.queries.results import InspectedFrame, NewInspection, insert_inspections
from inspection.judgement import Judgement
from inspection.verdicts import AcquisitionState, Reason

MAX_ATTEMPTS = 5
_LOOK_AHEAD = 4  # candidates per place in a claim, since other workers may lock the first ones
_BURIED_AT_ONCE = 500
_ERROR_LENGTH = 500  # of the column


@dataclass(frozen=True)
class ClaimedFrame:
    """One acquisition in a claim."""

    frame: InspectedFrame
    image_key: str | None
    attempts: int  # with this one
    image_is_own: bool = False  # a camera's process wrote the file

    @property
    def acquisition_id(self) -> int:
        return self.frame.acquisition_id


@dataclass(frozen=True)
class Claim:
    """Acquisitions of one model, held until the lease runs out."""

    token: str
    model: str
    frames: tuple[ClaimedFrame, ...]

    @property
    def is_retry(self) -> bool:
        return any(frame.attempts > 1 for frame in self.frames)


@dataclass(frozen=True)
class _Candidate:
    acquisition_id: int
    model: str
    attempts: int


def claim(
    session: Session,
    queue: str,
    *,
    lease_s: float,
    limit: Callable[[str], int],
    retries: bool = True,
    avoid: Collection[str] = (),
) -> Claim | None:
    """Claim the oldest few of each camera: of one model, for `lease_s` on the database's clock.

    The model is that of the oldest. What is at its second or later attempt comes alone, so that
    an image that kills its process takes no neighbour with it.

    Args:
        limit: how many acquisitions of a model to take, at least 1.
        retries: whether a second or later attempt may be taken now. Where one is due and may
            not, nothing is claimed: the caller must first let go of what it holds.
        avoid: models that come last, since they are still being loaded here.
    """
    now = database_now(session)
    candidates = _candidates(session, queue, now)
    if not candidates:
        return None
    oldest = min(
        candidates, key=lambda candidate: (candidate.model in avoid, candidate.acquisition_id)
    )
    model = oldest.model
    if oldest.attempts > 0:
        if not retries:
            return None
        wanted, places = [oldest.acquisition_id], 1
    else:
        places = max(1, limit(model))
        wanted = [
            candidate.acquisition_id
            for candidate in candidates
            if candidate.model == model and candidate.attempts == 0
        ][: places * _LOOK_AHEAD]
    token = str(uuid.uuid4())
    # Lock what nobody else is locking. That the rows still may be taken is asked again here,
    # since the look at the candidates locked nothing. SQLite knows no such lock and needs none:
    # BEGIN IMMEDIATE has made this the only writer.
    free = session.scalars(
        select(Acquisition.id)
        .where(Acquisition.id.in_(wanted), _claimable(queue, now))
        .order_by(case({id_: place for place, id_ in enumerate(wanted)}, value=Acquisition.id))
        .limit(places)
        .with_for_update(skip_locked=True)
    ).all()
    rows = session.execute(
        update(Acquisition)
        .where(Acquisition.id.in_(free))
        .values(
            state=AcquisitionState.CLAIMED.value,
            attempts=Acquisition.attempts + 1,
            token=token,
            lease_until=now + timedelta(seconds=lease_s),
        )
        .returning(
            Acquisition.id,
            Acquisition.station_id,
            Acquisition.camera_id,
            Acquisition.sequence,
            Acquisition.captured_at,
            Acquisition.recipe_version_id,
            Acquisition.image_sha256,
            Acquisition.image_key,
            Acquisition.attempts,
            Acquisition.image_is_own,
        )
        .execution_options(synchronize_session=False)
    ).all()
    if not rows:
        return None
    frames = [ClaimedFrame(InspectedFrame(*row[:7]), *row[7:]) for row in rows]
    return Claim(token, model, tuple(sorted(frames, key=lambda held: held.acquisition_id)))


def renew(session: Session, token: str, *, lease_s: float) -> int:
    """Start the lease anew, for what still is held; returns how many those are."""
    until = database_now(session) + timedelta(seconds=lease_s)
    held = session.scalars(
        update(Acquisition)
        .where(Acquisition.token == token, _is(AcquisitionState.CLAIMED))
        .values(lease_until=until)
        .returning(Acquisition.id)
        .execution_options(synchronize_session=False)
    )
    return len(held.all())


def give_back(session: Session, token: str, acquisition_ids: Collection[int]) -> int:
    """Let go of what was not tried, as if it had never been claimed; returns how many."""
    given = session.scalars(
        update(Acquisition)
        .where(
            Acquisition.id.in_(acquisition_ids),
            Acquisition.token == token,
            _is(AcquisitionState.CLAIMED),
        )
        .values(
            state=AcquisitionState.WAITING.value,
            attempts=Acquisition.attempts - 1,
            token=None,
            lease_until=None,
        )
        .returning(Acquisition.id)
        .execution_options(synchronize_session=False)
    )
    return len(given.all())


def note_failure(
    session: Session, token: str, acquisition_id: int, error: str, *, retry_s: float
) -> None:
    """End an attempt that raised: it may be claimed again, by anybody, after `retry_s`."""
    session.execute(
        update(Acquisition)
        .where(
            Acquisition.id == acquisition_id,
            Acquisition.token == token,
            _is(AcquisitionState.CLAIMED),
        )
        .values(
            token=None,
            lease_until=database_now(session) + timedelta(seconds=retry_s),
            last_error=error[:_ERROR_LENGTH],
        )
        .execution_options(synchronize_session=False)
    )


def bury_exhausted(session: Session) -> list[int]:
    """Give what has had its attempts the verdict `not_inspected: failed`: the dead letters."""
    now = database_now(session)
    exhausted = session.scalars(
        select(Acquisition.id)
        .where(_pending(now), Acquisition.attempts >= MAX_ATTEMPTS)
        .order_by(Acquisition.id)
        .limit(_BURIED_AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    if not exhausted:
        return []
    rows = session.execute(
        update(Acquisition)
        .where(Acquisition.id.in_(exhausted))
        .values(state=AcquisitionState.DONE.value, token=None, lease_until=None)
        .returning(
            Acquisition.id,
            Acquisition.station_id,
            Acquisition.camera_id,
            Acquisition.sequence,
            Acquisition.captured_at,
            Acquisition.recipe_version_id,
            Acquisition.image_sha256,
            Acquisition.last_error,
        )
        .execution_options(synchronize_session=False)
    ).all()
    insert_inspections(
        session,
        [
            NewInspection(
                InspectedFrame(*row[:7]),
                Judgement.not_inspected(
                    Reason.FAILED,
                    f"{MAX_ATTEMPTS} attempts ended without a result; the last:"
                    f" {row[7] or 'its process died or hung'}",
                ),
            )
            for row in rows
        ],
    )
    return [row[0] for row in rows]


def queues_with_work(session: Session) -> list[str]:
    """Queues in which something may be claimed now."""
    statement = (
        select(Acquisition.queue)
        .where(_pending(database_now(session)), Acquisition.attempts < MAX_ATTEMPTS)
        .distinct()
        .order_by(Acquisition.queue)
    )
    return list(session.scalars(statement))


def _candidates(session: Session, queue: str, now: datetime) -> Sequence[_Candidate]:
    """What may be claimed, the oldest of each camera first, then their second oldest, and so on."""
    place = func.row_number().over(
        partition_by=Acquisition.camera_id, order_by=Acquisition.sequence
    )
    ranked = (
        select(
            Acquisition.id,
            Acquisition.attempts,
            Acquisition.recipe_version_id,
            place.label("place"),
        )
        .where(_claimable(queue, now))
        .subquery()
    )
    rows = session.execute(
        select(ranked.c.id, RecipeVersion.model, ranked.c.attempts)
        .join(RecipeVersion, RecipeVersion.id == ranked.c.recipe_version_id)
        .order_by(ranked.c.place, ranked.c.id)
        .limit(1000)
    )
    return [_Candidate(*row) for row in rows]


def _claimable(queue: str, now: datetime) -> ColumnElement[bool]:
    return and_(Acquisition.queue == queue, _pending(now), Acquisition.attempts < MAX_ATTEMPTS)


def _pending(now: datetime) -> ColumnElement[bool]:
    """Waiting, or held by a claim whose lease ran out."""
    return and_(
        # In the very words of the partial index; with a parameter SQLite would not use it.
        Acquisition.state != literal_column("'done'"),
        or_(
            _is(AcquisitionState.WAITING),
            and_(_is(AcquisitionState.CLAIMED), Acquisition.lease_until < now),
        ),
    )


def _is(state: AcquisitionState) -> ColumnElement[bool]:
    return Acquisition.state == state.value
