"""Fills the review queue beside the line: never in a request, and never in a frame's transaction.

Each step reads the next rows of one source without a lock and writes what came of them in a short
transaction that moves the source's cursor. Whoever finds the cursor moved meanwhile leaves it: two
fillers do no harm, and what one has begun and not written is read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.base import utc_now
from db.engine import Database, database_now
from db.models import ReviewCursor, ReviewItem
from db.queries.inserting import insert_rows
from db.queries.review_queue import OPEN, WITHDRAWN
from db.queries.review_sampling import fix_days
from db.queries.review_sources import SOURCES, Batch, Candidate
from inspection.ranking import ReviewReason, priority

# Longer than any transaction that writes results is open.
LAG_S = 30.0
# Of one station and reason no more wait at a time: what comes after teaches less and less. What is
# reported or drawn is never left out.
MOST_OPEN = 500
_NEVER_LEFT_OUT = {ReviewReason.FALSE_CALL, ReviewReason.MISSED, ReviewReason.RANDOM}

_Kind = tuple[int, str, str]  # station, reason, class


def fill(database: Database, *, lag_s: float = LAG_S, most_steps: int = 50) -> int:
    """Read every source on, some steps at most; how many items were added."""
    added = 0
    for source in SOURCES:
        for _ in range(most_steps):
            done = fill_step(database, source, lag_s=lag_s)
            if done is None:
                break
            added += done
    return added


def fill_step(database: Database, source: str, *, lag_s: float = LAG_S) -> int | None:
    """Read the next rows of a source; how many items were added, None where nothing was left.

    Raises:
        KeyError: there is no such source.
    """
    read = SOURCES[source]
    with database.reads() as session:
        after = session.get_one(ReviewCursor, source).seen_to
        until = database_now(session) - timedelta(seconds=lag_s)
        batch = read(session, after, until)
    if batch.undrawn:
        with database.sessions.begin() as session:
            _lock(session, source)
            fix_days(session, batch.undrawn)
        with database.reads() as session:
            batch = read(session, after, until)
    if batch.seen_to == after:
        return None
    with database.sessions.begin() as session:
        cursor = _lock(session, source)
        if cursor.seen_to != after:
            return 0
        cursor.seen_to = batch.seen_to
        return _write(session, batch)


def _lock(session: Session, source: str) -> ReviewCursor:
    return session.scalars(
        select(ReviewCursor).where(ReviewCursor.source == source).with_for_update()
    ).one()


def _write(session: Session, batch: Batch) -> int:
    known = _known(session, batch)
    now = utc_now()
    for inspection_id, reason in batch.withdrawn:
        item = known.get((inspection_id, reason.value))
        if item is not None and item.state == OPEN:
            item.state, item.closed_at = WITHDRAWN, now
    for each in batch.candidates:
        item = known.get((each.inspection_id, each.reason.value))
        if item is not None and item.state == WITHDRAWN:
            item.state, item.closed_at, item.detail = OPEN, None, each.detail
    fresh = [
        each for each in batch.candidates if (each.inspection_id, each.reason.value) not in known
    ]
    rows = _ranked(session, fresh, now)
    insert_rows(session, ReviewItem, rows)
    return len(rows)


def _ranked(session: Session, fresh: Sequence[Candidate], now: datetime) -> list[dict[str, Any]]:
    """The rows of new items, the most uncertain first, so that it gets the most for its novelty."""
    stations = {each.station_id for each in fresh}
    seen = _counts(session, stations)
    waiting = _counts(session, stations, only_open=True)
    open_now = {
        (station, reason): sum(n for (s, r, _), n in waiting.items() if (s, r) == (station, reason))
        for station, reason, _ in waiting
    }
    rows: list[dict[str, Any]] = []
    for each in sorted(fresh, key=lambda each: -each.uncertainty):
        kind = (each.station_id, each.reason.value, each.class_name)
        if each.reason not in _NEVER_LEFT_OUT and open_now.get(kind[:2], 0) >= MOST_OPEN:
            continue
        number = seen.get(kind, 0)
        seen[kind] = number + 1
        open_now[kind[:2]] = open_now.get(kind[:2], 0) + 1
        rows.append(
            {
                "inspection_id": each.inspection_id,
                "station_id": each.station_id,
                "reason": each.reason.value,
                "class_name": each.class_name,
                "priority": priority(each.reason, each.uncertainty, number),
                "probability": each.probability,
                "detail": each.detail,
                "state": OPEN,
                "created_at": now,
                "closed_by": "",
                "blind": each.blind,
            }
        )
    return rows


def _known(session: Session, batch: Batch) -> dict[tuple[int, str], ReviewItem]:
    ids = {each.inspection_id for each in batch.candidates}
    ids |= {inspection_id for inspection_id, _ in batch.withdrawn}
    rows = session.scalars(select(ReviewItem).where(ReviewItem.inspection_id.in_(ids)))
    return {(row.inspection_id, row.reason): row for row in rows}


def _counts(session: Session, stations: set[int], *, only_open: bool = False) -> dict[_Kind, int]:
    """How many items there are of each kind, from an index alone where all count."""
    statement = select(
        ReviewItem.station_id, ReviewItem.reason, ReviewItem.class_name, func.count()
    ).where(ReviewItem.station_id.in_(stations))
    if only_open:
        statement = statement.where(ReviewItem.state == OPEN)
    rows = session.execute(
        statement.group_by(ReviewItem.station_id, ReviewItem.reason, ReviewItem.class_name)
    )
    return {(station, reason, name): number for station, reason, name, number in rows}
