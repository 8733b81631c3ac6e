"""What a false call of an inspection means for the discrepancies that it was seen in.

Somebody who calls one image false says that this image shows no defect, and no more than that. A
discrepancy may rest on many images. It is closed, as a false call too, only where each image that
it was seen in has been called false: then nothing is left that speaks for it. Else it stays as it
is, and whoever acted is told how many other images still show it. Taking the word back opens it
again, unless something newer is open at its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from db.errors import Conflict
from db.models import Discrepancy, DiscrepancyEvent, Finding, Inspection, Review
from db.queries import discrepancies, gap_work
from db.queries.discrepancies import UNRESOLVED
from inspection.verdicts import DiscrepancyState, Verdict

_DEVIATING = (Verdict.FAIL, Verdict.WARN)
_FALSE_CALL = "false_call"


@dataclass(frozen=True)
class Settled:
    """What became of discrepancies: ids, for the live screens and for the person's answer.

    Attributes:
        closed: called false too.
        reopened: open again, because the false call was taken back.
        still_shown_by: of the discrepancies that stay open, how many other images show one at most.
    """

    closed: tuple[int, ...] = ()
    reopened: tuple[int, ...] = ()
    still_shown_by: int = 0

    @property
    def changed(self) -> tuple[int, ...]:
        return self.closed + self.reopened


def settle(session: Session, inspection: Inspection, actor: str, note: str) -> Settled:
    """Close what rests on nothing but inspections that were called false.

    To be called after the review of this one was written.
    """
    inspection_id = inspection.id
    closed, left = [], 0
    for discrepancy_id in _seen_in(session, inspection):
        others = _not_called_false(session, session.get_one(Discrepancy, discrepancy_id))
        if others > 0:
            left = max(left, others)
            continue
        discrepancy = discrepancies.false_call(session, discrepancy_id, actor, note)
        # By this it is found again when the word is taken back.
        discrepancy.history[-1].inspection_id = inspection_id
        closed.append(discrepancy_id)
    session.flush()
    return Settled(closed=tuple(closed), still_shown_by=left)


def reopen(session: Session, inspection: Inspection, actor: str) -> Settled:
    """Open again what a false call of this inspection closed, where nothing newer stands there."""
    closed_by = (
        select(DiscrepancyEvent)
        .join(Discrepancy, Discrepancy.id == DiscrepancyEvent.discrepancy_id)
        .where(
            DiscrepancyEvent.action == _FALSE_CALL,
            DiscrepancyEvent.inspection_id == inspection.id,
            Discrepancy.station_id == inspection.station_id,
            Discrepancy.state == DiscrepancyState.FALSE_CALL,
        )
        .order_by(DiscrepancyEvent.id)
    )
    reopened = []
    for event in session.scalars(closed_by).all():
        discrepancy_id, event_id = event.discrepancy_id, event.id
        try:
            gap_work.undo(session, discrepancy_id, event_id, actor)
        except Conflict:
            continue  # somebody did something else with it since, or a newer one is open there
        reopened.append(discrepancy_id)
    return Settled(reopened=tuple(reopened))


def _seen_in(session: Session, inspection: Inspection) -> Sequence[int]:
    """Unresolved discrepancies of which this inspection is one that saw them."""
    shown = (
        select(Finding.id)
        .where(
            Finding.inspection_id == inspection.id,
            Finding.class_name == Discrepancy.kind,
            Finding.place == Discrepancy.place,
            Finding.verdict.in_(_DEVIATING),
        )
        .exists()
    )
    statement = select(Discrepancy.id).where(
        Discrepancy.station_id == inspection.station_id,
        Discrepancy.state.in_(UNRESOLVED),
        or_(
            Discrepancy.first_inspection_id == inspection.id,
            Discrepancy.last_inspection_id == inspection.id,
            and_(
                Discrepancy.opened_at <= inspection.captured_at,
                Discrepancy.last_seen_at >= inspection.captured_at,
                shown,
            ),
        ),
    )
    return session.scalars(statement.order_by(Discrepancy.id)).all()


def _not_called_false(session: Session, discrepancy: Discrepancy) -> int:
    """How many inspections saw it that nobody has called false.

    Counted from the reviews, which are few, and not from the inspections, which are many.
    """
    later = aliased(Review)
    newer = (
        select(later.id)
        .where(
            later.inspection_id == Review.inspection_id,
            later.finding_id.is_(None),
            later.class_name == "",
            later.verdict != "noted",
            later.id > Review.id,
        )
        .exists()
    )
    called = (
        select(func.count(Review.inspection_id.distinct()))
        .join(Inspection, Inspection.id == Review.inspection_id)
        .where(
            Inspection.station_id == discrepancy.station_id,
            Inspection.verdict.in_(_DEVIATING),
            Inspection.captured_at >= discrepancy.opened_at,
            Inspection.captured_at <= discrepancy.last_seen_at,
            Review.verdict == _FALSE_CALL,
            Review.finding_id.is_(None),
            _saw(discrepancy),
            ~newer,
        )
    )
    return discrepancy.seen_count - (session.scalar(called) or 0)


def _saw(discrepancy: Discrepancy) -> ColumnElement[bool]:
    shown = select(Finding.id).where(
        Finding.inspection_id == Inspection.id,
        Finding.class_name == discrepancy.kind,
        Finding.place == discrepancy.place,
        Finding.verdict.in_(_DEVIATING),
    )
    ends = (discrepancy.first_inspection_id, discrepancy.last_inspection_id)
    return or_(Inspection.id.in_(ends), shown.exists())
