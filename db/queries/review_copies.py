"""Near-copies in the review queue: of pictures that show the same one is enough."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from db.models import Acquisition, Inspection, ReviewItem
from db.queries.review_queue import DONE, DUPLICATE, OPEN
from inspection.ranking import ReviewReason
from inspection.thumbprints import from_bytes, near_copy

# So many of a station's newest items a new one is held against.
_HELD_AGAINST = 200


def without_thumbprint(session: Session, *, limit: int) -> Sequence[tuple[int, str | None]]:
    """Open items whose pictures nobody has looked at, the most telling first, with their keys."""
    rows = session.execute(
        select(ReviewItem.id, Acquisition.image_key)
        .join(Inspection, Inspection.id == ReviewItem.inspection_id)
        .join(Acquisition, Acquisition.id == Inspection.acquisition_id)
        .where(ReviewItem.state == OPEN, ReviewItem.thumbprint.is_(None))
        .order_by(ReviewItem.priority.desc(), ReviewItem.id)
        .limit(limit)
    )
    return [(id_, key) for id_, key in rows]


def keep(session: Session, item_id: int, thumbprint: bytes) -> bool:
    """Keep what an item's picture looks like; True where that makes it a duplicate of another.

    What is drawn at random is never one: a sample that was thinned would be none.

    Args:
        thumbprint: of `inspection.thumbprints`, empty where there is no picture.
    """
    item = session.scalars(
        select(ReviewItem).where(ReviewItem.id == item_id).with_for_update()
    ).one()
    item.thumbprint = thumbprint
    if not thumbprint or item.state != OPEN or item.reason == ReviewReason.RANDOM:
        return False
    others = session.scalars(
        select(ReviewItem)
        .where(
            ReviewItem.station_id == item.station_id,
            ReviewItem.state.in_((OPEN, DONE)),
            ReviewItem.inspection_id != item.inspection_id,
            ReviewItem.thumbprint.is_not(None),
            ReviewItem.thumbprint != b"",
            ~ReviewItem.blind,
        )
        .order_by(ReviewItem.id.desc())
        .limit(_HELD_AGAINST)
        .options(undefer(ReviewItem.thumbprint))
    ).all()
    found = near_copy(
        from_bytes(thumbprint), [from_bytes(other.thumbprint or b"") for other in others]
    )
    if found is None:
        return False
    item.state, item.duplicate_of_id = DUPLICATE, others[found].id
    return True
