"""Between labels and the review queue: what is done is closed there, and what comes next."""

from __future__ import annotations

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from db.models import Acquisition, Inspection, LabelledImage, ReviewItem
from db.queries import review_queue
from db.queries.review_queue import QueueFilter

# How far down the queue a picture is looked for that is stored and can be labelled.
_LOOKED_AT = 50


def close_reviews(session: Session, image: LabelledImage, by: str) -> int:
    """Close what asked for labels of a picture, by whichever acquisition of the same bytes."""
    acquisitions = session.scalars(
        select(Inspection.acquisition_id)
        .join(ReviewItem, ReviewItem.inspection_id == Inspection.id)
        .where(
            ReviewItem.station_id == image.station_id,
            ReviewItem.state == review_queue.OPEN,
            or_(
                Inspection.image_sha256 == image.image_sha256,
                Inspection.acquisition_id == image.acquisition_id,
            ),
        )
        .distinct()
    ).all()
    return sum(
        review_queue.close_for_acquisition(session, acquisition_id, by)
        for acquisition_id in acquisitions
    )


def next_inspection(session: Session, *, beside: LabelledImage | None = None) -> int | None:
    """The inspection that the queue asks for first and whose picture is stored; None: none.

    Args:
        beside: the picture that is being labelled, which is not the next one.
    """
    page = review_queue.list_items(session, QueueFilter(), limit=_LOOKED_AT)
    for item in page.rows:
        acquisition: Acquisition = item.inspection.acquisition
        own = beside is not None and acquisition.image_sha256 == beside.image_sha256
        if acquisition.image_key is not None and not own:
            return item.inspection_id
    return None
