"""Escape and false-call rate of what runs, from what was drawn at random and looked at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models import Inspection, ReviewItem
from db.queries.review_truth import is_rejected, truths
from inspection.estimating import Estimate, Sampled, share
from inspection.ranking import ReviewReason

# Of the newest so many rates are counted.
_MOST = 10_000


@dataclass(frozen=True)
class Rates:
    """Rates of a station since a moment, as inspected then.

    Attributes:
        drawn: how many were drawn at random.
        answered: of how many of these the truth is known; the others are taken to be like them.
        escapes: bad parts that passed, of the bad ones.
        false_calls: good parts that failed or warned, of the good ones.
        bad: bad parts, of all.
        model_version_id: of which model alone; None: of all that ran.
    """

    drawn: int
    answered: int
    escapes: Estimate
    false_calls: Estimate
    bad: Estimate
    model_version_id: int | None


def rates(
    session: Session, station_id: int, *, since: datetime, champion_only: bool = True
) -> Rates:
    """What the random sample says of a station.

    Args:
        champion_only: only what was judged by the model of the station's newest inspection.
    """
    model = _champion(session, station_id) if champion_only else None
    statement = (
        select(ReviewItem.inspection_id, ReviewItem.probability, Inspection.verdict)
        .join(Inspection, Inspection.id == ReviewItem.inspection_id)
        .where(
            ReviewItem.station_id == station_id,
            ReviewItem.reason == ReviewReason.RANDOM.value,
            Inspection.captured_at >= since,
        )
    )
    if model is not None:
        statement = statement.where(Inspection.model_version_id == model)
    rows = session.execute(statement.order_by(ReviewItem.id.desc()).limit(_MOST)).all()
    known = truths(session, [row.inspection_id for row in rows])
    members = [
        (float(row.probability or 0), is_rejected(row.verdict), known[row.inspection_id].bad)
        for row in rows
        if row.inspection_id in known
    ]
    return Rates(
        drawn=len(rows),
        answered=len(members),
        escapes=share([Sampled(p, bad, not rejected) for p, rejected, bad in members]),
        false_calls=share([Sampled(p, not bad, rejected) for p, rejected, bad in members]),
        bad=share([Sampled(p, True, bad) for p, _, bad in members]),
        model_version_id=model,
    )


def _champion(session: Session, station_id: int) -> int | None:
    newest = select(func.max(Inspection.id)).where(
        Inspection.station_id == station_id, Inspection.model_version_id.is_not(None)
    )
    return session.scalar(
        select(Inspection.model_version_id).where(Inspection.id == newest.scalar_subquery())
    )
