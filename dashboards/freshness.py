"""How old a result may be before a screen says so, and before it stops believing it.

Past twice its camera's interval a tile says how old it is; past five times it is NO DATA.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from db.models import Camera
from inspection.verdicts import CameraState

# A station whose cameras have no measured interval yet: pushed once, or just started.
_UNKNOWN_INTERVAL = timedelta(seconds=60)
# Below these a pause of a fast camera is shorter than a glance, and the tile would flicker.
_LEAST_AGING, _LEAST_NO_DATA = timedelta(seconds=6), timedelta(seconds=15)


class Freshness(StrEnum):
    FRESH = "fresh"
    AGING = "aging"
    NO_DATA = "no_data"


@dataclass(frozen=True)
class Judged:
    """How fresh a result is, and when that changes by itself (None: not any more)."""

    freshness: Freshness
    changes_at: datetime | None


def judge_age(captured_at: datetime | None, cameras: Sequence[Camera], now: datetime) -> Judged:
    """The freshness of a station's newest result; None: there is no result."""
    if captured_at is None:
        return Judged(Freshness.NO_DATA, None)
    interval = _interval(cameras)
    aging_at = captured_at + max(2 * interval, _LEAST_AGING)
    no_data_at = captured_at + max(5 * interval, _LEAST_NO_DATA)
    if now >= no_data_at:
        return Judged(Freshness.NO_DATA, None)
    if now >= aging_at:
        return Judged(Freshness.AGING, no_data_at)
    return Judged(Freshness.FRESH, aging_at)


def worst_camera(cameras: Sequence[Camera]) -> Camera | None:
    """The camera that most needs a person; None where a station has no camera."""
    order = (
        CameraState.OFFLINE,
        CameraState.DEGRADED,
        CameraState.ENDED,
        CameraState.DISABLED,
        CameraState.ONLINE,
    )
    ranks = {str(state): rank for rank, state in enumerate(order)}
    return min(cameras, key=lambda camera: ranks.get(camera.state, -1), default=None)


def _interval(cameras: Sequence[Camera]) -> timedelta:
    measured = [camera.interval_s for camera in cameras if camera.enabled and camera.interval_s]
    return timedelta(seconds=min(measured)) if measured else _UNKNOWN_INTERVAL
