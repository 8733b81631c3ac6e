"""What makes a station's pixels into millimetres, now."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from db.models import Calibration


@dataclass(frozen=True)
class Scale:
    calibration_id: int
    mm_per_px: float


def valid_scales(session: Session, station_ids: Collection[int], now: datetime) -> dict[int, Scale]:
    """The newest calibration of each station that has not expired at `now`, by station."""
    rows = session.execute(
        select(Calibration.station_id, Calibration.id, Calibration.mm_per_px)
        .where(
            Calibration.station_id.in_(station_ids),
            Calibration.made_at <= now,
            or_(Calibration.expires_at.is_(None), Calibration.expires_at > now),
        )
        .order_by(Calibration.made_at, Calibration.id)
    )
    # Later rows replace earlier ones.
    return {station_id: Scale(id_, mm_per_px) for station_id, id_, mm_per_px in rows}
