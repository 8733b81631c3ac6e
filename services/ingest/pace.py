"""How many seconds lie between the acquisitions of a camera, as measured."""

from __future__ import annotations

import threading
from datetime import datetime

# The weight of the newest span: about the last ten acquisitions count.
_NEWEST = 0.2


class Pace:
    """A running mean of the spans between acquisitions' times. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: datetime | None = None
        self._interval_s: float | None = None

    def add(self, captured_at: datetime) -> None:
        with self._lock:
            last, self._last = self._last, captured_at
            if last is None or captured_at <= last:
                return
            span_s = (captured_at - last).total_seconds()
            mean_s = self._interval_s
            self._interval_s = span_s if mean_s is None else mean_s + _NEWEST * (span_s - mean_s)

    @property
    def interval_s(self) -> float | None:
        with self._lock:
            return self._interval_s
