"""The review queue: what somebody should look at, in the order of what a label would teach.

It is filled beside the line (`db.queries.review_filling`). What two people are to look at without
seeing each other is kept out of it until both have said their word (`db.queries.review_blind`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from db.base import utc_now
from db.errors import Invalid, NotFound, WrongState
from db.models import Inspection, Reading, RecipeVersion, ReviewItem
from db.queries.reviews import ReviewVerdict, Said, say
from inspection.ranking import ReviewReason
from inspection.verdicts import Verdict

OPEN, DONE, SKIPPED = "open", "done", "skipped"
DUPLICATE, WITHDRAWN = "duplicate", "withdrawn"
STATES = (OPEN, DONE, SKIPPED, DUPLICATE, WITHDRAWN)
# People who have to say their word on a picture of the blind sample.
BLIND_READERS = 2


class Word(StrEnum):
    """What somebody says of the part on a picture."""

    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True)
class QueueFilter:
    """What of the queue is asked for; None: all."""

    station_id: int | None = None
    reason: ReviewReason | None = None
    class_name: str | None = None
    state: str = OPEN


@dataclass(frozen=True)
class QueuePage:
    """Items, the most telling first; of the next page the offset, None at the end."""

    rows: Sequence[ReviewItem]
    total: int
    next_offset: int | None


def list_items(
    session: Session, wanted: QueueFilter, *, offset: int = 0, limit: int = 24
) -> QueuePage:
    """A page of the queue; an inspection that is there for several reasons comes once."""
    conditions = _conditions(ReviewItem, wanted)
    other = aliased(ReviewItem)
    better = or_(
        other.priority > ReviewItem.priority,
        and_(other.priority == ReviewItem.priority, other.id < ReviewItem.id),
    )
    again = (
        select(other.id)
        .where(other.inspection_id == ReviewItem.inspection_id, better, *_conditions(other, wanted))
        .exists()
    )
    statement = select(ReviewItem).where(*conditions, ~again)
    total = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    newest_first = wanted.state != OPEN
    order: tuple[Any, ...] = (ReviewItem.priority.desc(), ReviewItem.id)
    if newest_first:
        order = (ReviewItem.closed_at.desc(), ReviewItem.id.desc())
    rows = session.scalars(
        statement.order_by(*order)
        .offset(offset)
        .limit(limit)
        .options(
            joinedload(ReviewItem.inspection).joinedload(Inspection.acquisition),
            joinedload(ReviewItem.inspection).selectinload(Inspection.findings),
        )
    ).all()
    more = offset + len(rows) < total
    return QueuePage(rows, total, offset + len(rows) if more and rows else None)


def count_by_reason(session: Session, wanted: QueueFilter) -> Mapping[str, int]:
    """How many items there are of each reason, whichever one the filter names."""
    wanted = QueueFilter(wanted.station_id, None, wanted.class_name, wanted.state)
    rows = session.execute(
        select(ReviewItem.reason, func.count())
        .where(*_conditions(ReviewItem, wanted))
        .group_by(ReviewItem.reason)
    )
    return {str(reason): int(number) for reason, number in rows}


def classes_in(session: Session, station_id: int | None = None) -> Sequence[str]:
    """The classes that open items are about, by name."""
    statement = select(ReviewItem.class_name).where(
        ReviewItem.state == OPEN, ReviewItem.class_name != ""
    )
    if station_id is not None:
        statement = statement.where(ReviewItem.station_id == station_id)
    return session.scalars(statement.distinct().order_by(ReviewItem.class_name)).all()


def reasons_of(session: Session, inspection_ids: Collection[int]) -> Mapping[int, Sequence[str]]:
    """For which reasons inspections are in the queue and open; blind ones are not told."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    rows = session.execute(
        select(ReviewItem.inspection_id, ReviewItem.reason)
        .where(
            ReviewItem.inspection_id.in_(inspection_ids),
            ReviewItem.state == OPEN,
            ~ReviewItem.blind,
        )
        .order_by(ReviewItem.priority.desc(), ReviewItem.id)
    )
    for inspection_id, reason in rows:
        found[inspection_id].append(reason)
    return found


def get_item(session: Session, item_id: int) -> ReviewItem:
    """Raises NotFound."""
    item = session.scalars(
        select(ReviewItem)
        .where(ReviewItem.id == item_id)
        .options(
            joinedload(ReviewItem.inspection).joinedload(Inspection.acquisition),
            joinedload(ReviewItem.inspection).selectinload(Inspection.findings),
        )
    ).one_or_none()
    if item is None:
        raise NotFound("review item", item_id)
    return item


def skip(session: Session, item_id: int, by: str) -> ReviewItem:
    """Put an item aside. Raises NotFound, and WrongState where it is closed."""
    item = lock_item(session, item_id)
    if item.state != OPEN:
        raise WrongState("review item", item_id, item.state, (OPEN,))
    _close(item, SKIPPED, by)
    return item


def reopen(session: Session, item_id: int) -> ReviewItem:
    """Take a skip back. Raises NotFound, and WrongState where it was not skipped."""
    item = lock_item(session, item_id)
    if item.state != SKIPPED:
        raise WrongState("review item", item_id, item.state, (SKIPPED,))
    item.state, item.closed_at, item.closed_by = OPEN, None, ""
    return item


def confirm(session: Session, item_id: int, word: Word, by: str, *, class_name: str = "") -> Said:
    """Say whether the part is good or bad; that is a review, and closes what asked for one.

    Good: the result is right where it passed, else it is a false call. Bad: the result is right
    where it deviates, else `class_name` was missed.

    Raises:
        NotFound: there is no such item.
        WrongState: it is closed, or waits for two people who do not see each other.
        Invalid: what was missed is not said, or something that was not missed.
    """
    item = lock_item(session, item_id)
    if item.state != OPEN:
        raise WrongState("review item", item_id, item.state, (OPEN,))
    if item.blind and _readings(session, item_id) < BLIND_READERS:
        raise WrongState("review item", item_id, "waiting for two people", ("read by both",))
    inspection = session.get_one(Inspection, item.inspection_id)
    passed = inspection.verdict == Verdict.PASS
    missed = word is Word.BAD and passed
    if missed != bool(class_name):
        expected = "the class of what was missed" if missed else "none: nothing was missed"
        raise Invalid("class", class_name[:80], expected)
    if missed:
        verdict = ReviewVerdict.MISSED
    elif (word is Word.GOOD) == passed or word is Word.BAD:
        verdict = ReviewVerdict.CONFIRMED
    else:
        verdict = ReviewVerdict.FALSE_CALL
    said = say(session, item.inspection_id, verdict, by, class_name=class_name)
    close_for_inspection(session, item.inspection_id, by)
    return said


def close_for_acquisition(session: Session, acquisition_id: int, by: str) -> int:
    """Close what asked for labels of an image, now that they are saved as done; how many items.

    What two people are to look at without seeing each other stays open.
    """
    inspection_id = session.scalar(
        select(Inspection.id).where(Inspection.acquisition_id == acquisition_id)
    )
    return 0 if inspection_id is None else close_for_inspection(session, inspection_id, by)


def close_for_inspection(session: Session, inspection_id: int, by: str) -> int:
    """Close the open items of an inspection, those of the blind sample left out; how many."""
    items = session.scalars(
        select(ReviewItem)
        .where(ReviewItem.inspection_id == inspection_id, ReviewItem.state == OPEN, _shown())
        .with_for_update()
    ).all()
    for item in items:
        _close(item, DONE, by)
    session.flush()
    return len(items)


def missable(session: Session, items: Sequence[ReviewItem]) -> Mapping[int, Sequence[str]]:
    """By item the classes of its recipe: which of them was missed is for a person to say."""
    wanted = {item.inspection.recipe_version_id for item in items}
    bodies = select(RecipeVersion.id, RecipeVersion.body).where(RecipeVersion.id.in_(wanted))
    classes: dict[int, Sequence[str]] = {}
    for version_id, body in session.execute(bodies):
        named = body.get("classes")
        classes[version_id] = sorted(named) if isinstance(named, dict) else []
    return {item.id: classes.get(item.inspection.recipe_version_id, []) for item in items}


def _close(item: ReviewItem, state: str, by: str) -> None:
    item.state, item.closed_at, item.closed_by = state, utc_now(), by[:100]


def lock_item(session: Session, item_id: int) -> ReviewItem:
    """An item that nobody else changes until the commit. Raises NotFound."""
    item = session.scalars(
        select(ReviewItem).where(ReviewItem.id == item_id).with_for_update()
    ).one_or_none()
    if item is None:
        raise NotFound("review item", item_id)
    return item


def _readings(session: Session, item_id: int) -> int:
    counted = select(func.count()).where(Reading.review_item_id == item_id)
    return session.scalar(counted) or 0


def _conditions(entity: Any, wanted: QueueFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [entity.state == wanted.state, _shown(entity)]
    if wanted.station_id is not None:
        conditions.append(entity.station_id == wanted.station_id)
    if wanted.reason is not None:
        conditions.append(entity.reason == wanted.reason.value)
    if wanted.class_name is not None:
        conditions.append(entity.class_name == wanted.class_name)
    return conditions


def _shown(entity: Any = ReviewItem) -> ColumnElement[bool]:
    """What is no matter of the blind sample, or has been read by both."""
    reading = aliased(Reading)
    said: Select[Any] = select(func.count()).where(reading.review_item_id == entity.id)
    return or_(~entity.blind, said.scalar_subquery() >= BLIND_READERS)
