"""What holds of inspections: what people said of them, and what was done with their parts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from db.models import Disposition, Review
from db.queries.dispositions import dispositions_by_inspection, standing_dispositions
from db.queries.reviews import ReviewVerdict, reviews_of, standing


@dataclass(frozen=True)
class Decided:
    """What holds of one inspection. Empty: nobody has decided anything.

    Attributes:
        review: what was said of the whole of it; None: nothing.
        missed: what was reported as not found.
        notes: that judge nothing.
        disposition: what was done with its part; None: nothing.
    """

    review: Review | None = None
    missed: tuple[Review, ...] = ()
    notes: tuple[Review, ...] = ()
    disposition: Disposition | None = None

    def __bool__(self) -> bool:
        return bool(self.review or self.missed or self.disposition)

    @property
    def last(self) -> Review | Disposition | None:
        """What was done last, and would be undone next."""
        rows: list[Review | Disposition] = [*self.missed, *self.notes]
        rows += [row for row in (self.review, self.disposition) if row is not None]
        return max(rows, key=_moment, default=None)


def decided(session: Session, inspection_ids: Collection[int]) -> Mapping[int, Decided]:
    """What holds of each inspection; two queries, however many."""
    reviews = reviews_of(session, inspection_ids)
    dispositions = dispositions_by_inspection(session, inspection_ids)
    return {
        each: _of_one(reviews.get(each, ()), dispositions.get(each, ())) for each in inspection_ids
    }


def _of_one(reviews: Sequence[Review], dispositions: Sequence[Disposition]) -> Decided:
    held = standing(reviews)
    whole = [row for row in held if row.finding_id is None and not row.class_name]
    judged = [row for row in whole if row.verdict != ReviewVerdict.NOTED]
    done = standing_dispositions(dispositions)
    return Decided(
        review=judged[-1] if judged else None,
        missed=tuple(row for row in held if row.class_name),
        notes=tuple(row for row in whole if row.verdict == ReviewVerdict.NOTED),
        disposition=done[-1] if done else None,
    )


def _moment(row: Review | Disposition) -> datetime:
    return row.at if isinstance(row, Review) else row.created_at
