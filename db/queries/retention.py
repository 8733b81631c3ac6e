"""Which images may go. Rows always stay; only the key of the image is taken off them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from db.models import (
    Acquisition,
    Discrepancy,
    ImageStatistic,
    Inspection,
    LabelledImage,
    ShadowResult,
    StationReference,
)
from inspection.verdicts import AcquisitionState, DiscrepancyState, Reason, Verdict


class Tier(Enum):
    """In this order images go: what nobody will ask for again goes first."""

    PASSED = 1  # also what was superseded
    OTHERS = 2  # warned, failed, not inspected


@dataclass(frozen=True, slots=True)
class Purged:
    """An image that a row named until now."""

    key: str
    received_at: datetime


def purge_keys(
    session: Session, tier: Tier, *, limit: int, before: datetime | None = None
) -> list[Purged]:
    """Take the images off the oldest rows of a tier, and say which those were.

    Never touched are images that wait for their inspection, the first and last image of a
    discrepancy that is open or acknowledged, what somebody has labelled, and the picture that a
    station is held against.

    Args:
        limit: at most so many rows.
        before: only rows that were received before this time.
    """
    unresolved = (DiscrepancyState.OPEN.value, DiscrepancyState.ACKNOWLEDGED.value)
    of_discrepancies = (
        select(Discrepancy.id)
        .where(
            Discrepancy.state.in_(unresolved),
            or_(
                Discrepancy.first_inspection_id == Inspection.id,
                Discrepancy.last_inspection_id == Inspection.id,
            ),
        )
        .exists()
    )
    # Snapshots hold labelled images and nothing else, so that theirs stay too.
    labelled = (
        select(LabelledImage.id).where(LabelledImage.acquisition_id == Acquisition.id).exists()
    )
    of_reference = (
        select(StationReference.id)
        .where(
            StationReference.image_key == Acquisition.image_key,
            StationReference.ended_at.is_(None),
        )
        .exists()
    )
    passed = or_(
        Inspection.verdict == Verdict.PASS.value,
        and_(
            Inspection.verdict == Verdict.NOT_INSPECTED.value,
            Inspection.reason == Reason.SUPERSEDED.value,
        ),
    )
    wanted = (
        select(Acquisition.id, Acquisition.image_key, Acquisition.received_at)
        .join(Inspection, Inspection.acquisition_id == Acquisition.id)
        .where(
            Acquisition.image_key.is_not(None),
            Acquisition.state == AcquisitionState.DONE.value,
            passed if tier is Tier.PASSED else ~passed,
            ~of_discrepancies,
            ~labelled,
            ~of_reference,
        )
        .order_by(Acquisition.id)
        .limit(limit)
    )
    if before is not None:
        wanted = wanted.where(Acquisition.received_at < before)
    rows = session.execute(wanted).all()
    session.execute(
        update(Acquisition)
        .where(Acquisition.id.in_([row.id for row in rows]))
        .values(image_key=None)
        .execution_options(synchronize_session=False)
    )
    return [Purged(key, received_at) for _, key, received_at in rows if key is not None]


def still_named(session: Session, keys: Collection[str]) -> set[str]:
    """Those of some keys that a row names still: one file serves all rows of the same image."""
    return {
        key
        for column in (Acquisition.image_key, LabelledImage.image_key)
        for key in session.scalars(select(column).where(column.in_(keys)).distinct())
        if key is not None
    }


def named_keys(session: Session) -> set[str]:
    """All keys that rows name."""
    return {
        key
        for column in (Acquisition.image_key, LabelledImage.image_key)
        for key in session.scalars(select(column).where(column.is_not(None)))
        if key is not None
    }


def forget_watched(session: Session, before: datetime, *, limit: int) -> int:
    """Delete what shadows said and the figures of pictures, of before a time; how many rows.

    Rows are looked at from the oldest id on, so many that a look is short; the newest of all stays,
    so that SQLite gives no id twice, by which the review queue would pass over new ones.
    """
    rows = 0
    for entity, key in (
        (ShadowResult, ShadowResult.id),
        (ImageStatistic, ImageStatistic.inspection_id),
    ):
        newest = session.scalar(select(func.max(key)))
        first = session.execute(select(key, entity.captured_at).order_by(key).limit(limit))
        old = [id_ for id_, at in first if at < before and id_ != newest]
        if old:
            session.execute(
                delete(entity).where(key.in_(old)).execution_options(synchronize_session=False)
            )
        rows += len(old)
    return rows
