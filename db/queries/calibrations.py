"""What makes a station's pixels into millimetres, now."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Calibration, Station
from inspection import calibration as domain


@dataclass(frozen=True)
class Scale:
    calibration_id: int
    calibration: domain.Calibration

    @property
    def mm_per_px(self) -> float:
        return self.calibration.mm_per_px


def current_scales(
    session: Session, station_ids: Collection[int], now: datetime
) -> dict[int, Scale]:
    """The calibration that counts at each station that has one, by station.

    The newest that has not expired at `now`, else the newest that has: what is measured by it
    warns, which says more than that there is none.
    """
    rows = session.scalars(
        select(Calibration)
        .where(Calibration.station_id.in_(station_ids), Calibration.made_at <= now)
        .order_by(Calibration.made_at, Calibration.id)
    ).all()
    # Later rows replace earlier ones, and those that hold those that have expired.
    holds = [row for row in rows if row.expires_at is None or row.expires_at > now]
    chosen = {row.station_id: row for row in rows} | {row.station_id: row for row in holds}
    return {id_: Scale(row.id, to_domain(row)) for id_, row in chosen.items()}


def scales_by_station(session: Session, now: datetime) -> dict[str, domain.Calibration]:
    """The calibration that counts, by the key of each station that has one, in their order."""
    rows = session.execute(select(Station.id, Station.key).order_by(Station.key)).all()
    keys = {row.id: row.key for row in rows}
    scales = current_scales(session, list(keys), now)
    return {key: scales[id_].calibration for id_, key in keys.items() if id_ in scales}


def to_domain(row: Calibration) -> domain.Calibration:
    """A stored calibration as the domain measures by it."""
    return domain.Calibration.model_validate(
        {
            "method": row.method,
            "mm_per_px": row.mm_per_px,
            "u_mm_per_px": row.u_mm_per_px,
            "residual_px": row.residual_px,
            "made_at": row.made_at,
            "expires_at": row.expires_at,
            "note": row.note,
            **(row.geometry or {}),
        }
    )
