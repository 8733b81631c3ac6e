"""The blind sample: two people say good or bad without seeing each other's word, or the model's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.orm import Session, joinedload

from db.access import ActorKind, current
from db.base import utc_now
from db.errors import Conflict, WrongState
from db.models import Acquisition, Inspection, Reading, ReviewItem
from db.paging import flush_new
from db.queries.review_queue import BLIND_READERS, DONE, OPEN, Word, lock_item
from db.queries.review_truth import is_rejected
from inspection.kappa import Kappa, cohens_kappa

# Of the newest so many the agreement is counted.
_MOST = 5000


@dataclass(frozen=True)
class Agreement:
    """Of one month (2026-11), or of all of them (empty).

    Attributes:
        between: the two people, on the pictures that both have read.
        with_model: each word of a person against the verdict of that time.
    """

    month: str
    between: Kappa
    with_model: Kappa


def next_for(session: Session, by: str, station_id: int | None = None) -> ReviewItem | None:
    """The oldest picture that two have not read yet and this one not at all; None: there is none.

    One whose image is gone is passed over.
    """
    mine = select(Reading.review_item_id).where(Reading.actor == by)
    statement = (
        select(ReviewItem)
        .join(Inspection, Inspection.id == ReviewItem.inspection_id)
        .join(Acquisition, Acquisition.id == Inspection.acquisition_id)
        .where(
            ReviewItem.blind,
            ReviewItem.state == OPEN,
            ReviewItem.id.not_in(mine),
            _readings() < BLIND_READERS,
            Acquisition.image_key.is_not(None),
        )
    )
    if station_id is not None:
        statement = statement.where(ReviewItem.station_id == station_id)
    return session.scalars(
        statement.order_by(ReviewItem.id)
        .limit(1)
        .options(joinedload(ReviewItem.inspection).joinedload(Inspection.acquisition))
    ).one_or_none()


def waiting_for(session: Session, by: str) -> int:
    """How many pictures wait for this one's word."""
    mine = select(Reading.review_item_id).where(Reading.actor == by)
    counted = select(func.count(ReviewItem.id)).where(
        ReviewItem.blind,
        ReviewItem.state == OPEN,
        ReviewItem.id.not_in(mine),
        _readings() < BLIND_READERS,
    )
    return session.scalar(counted) or 0


def read(session: Session, item_id: int, word: Word, by: str) -> Reading:
    """Write somebody's word. Where two say the same the item is done, else it joins the queue.

    Raises:
        NotFound: there is no such item.
        WrongState: it is not of the blind sample, or waits for nobody.
        Conflict: they have said their word on it.
    """
    item = lock_item(session, item_id)
    if not item.blind:
        raise WrongState("review item", item_id, "not of the blind sample", ("of it",))
    if item.state != OPEN:
        raise WrongState("review item", item_id, item.state, (OPEN,))
    before = session.scalars(select(Reading).where(Reading.review_item_id == item_id)).all()
    if any(row.actor == by for row in before):
        raise Conflict("reading", f"{by} has said their word on item {item_id}.")
    if len(before) >= BLIND_READERS:
        raise WrongState("review item", item_id, "read by two people", ("waiting for one",))
    access = current()
    actor = access.actor if access else None
    person = actor.id if actor is not None and actor.kind is ActorKind.PERSON else None
    row = Reading(review_item_id=item_id, person_id=person, actor=by[:100], verdict=word.value)
    session.add(row)
    flush_new(session, "reading", item_id)
    words = [each.verdict for each in before] + [row.verdict]
    if len(words) == BLIND_READERS:
        if len(set(words)) == 1:
            item.state, item.closed_at, item.closed_by = DONE, utc_now(), by[:100]
        else:
            item.detail = "two people do not agree"
    session.flush()
    return row


def agreement(session: Session, station_id: int | None = None) -> Sequence[Agreement]:
    """Of all months together first, then of each, the newest first."""
    statement = (
        select(Reading.review_item_id, Reading.verdict, Reading.at, Inspection.verdict)
        .join(ReviewItem, ReviewItem.id == Reading.review_item_id)
        .join(Inspection, Inspection.id == ReviewItem.inspection_id)
    )
    if station_id is not None:
        statement = statement.where(ReviewItem.station_id == station_id)
    # Who was first is the first of a pair: kappa asks for two judges, and people change.
    rows = session.execute(statement.order_by(Reading.id.desc()).limit(_MOST)).all()
    words: defaultdict[int, list[tuple[str, datetime]]] = defaultdict(list)
    models: dict[int, str] = {}
    for item_id, word, at, verdict in reversed(rows):
        words[item_id].append((word, at))
        models[item_id] = (Word.BAD if is_rejected(verdict) else Word.GOOD).value
    between: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    with_model: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for item_id, said in words.items():
        for word, at in said:
            for month in ("", at.astimezone(UTC).strftime("%Y-%m")):
                with_model[month].append((word, models[item_id]))
        if len(said) >= BLIND_READERS:
            for month in ("", said[1][1].astimezone(UTC).strftime("%Y-%m")):
                between[month].append((said[0][0], said[1][0]))
    months = ["", *sorted({*between, *with_model} - {""}, reverse=True)]
    return [
        Agreement(month, cohens_kappa(between[month]), cohens_kappa(with_model[month]))
        for month in months
    ]


def _readings() -> ScalarSelect[int]:
    return (
        select(func.count())
        .where(Reading.review_item_id == ReviewItem.id)
        .correlate(ReviewItem)
        .scalar_subquery()
    )
