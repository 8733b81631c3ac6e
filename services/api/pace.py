"""How fast one token may push: a camera that runs wild shall not fill the disk for all others.

Counted in this process, which is the only one that serves an API (`lineside.serving`). How many
frames may *wait* is another limit, the recipe's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pace:
    """A bucket for each token, which fills at `per_s` and holds `burst`."""

    def __init__(
        self, per_s: float, burst: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_s, self._burst, self._clock = per_s, float(burst), clock
        self._lock = threading.Lock()
        self._left: dict[int | None, tuple[float, float]] = {}  # what is left, and when

    def wait_s(self, token_id: int | None) -> float:
        """Take one out of a token's bucket; 0, or seconds until there is one, which took none."""
        now = self._clock()
        with self._lock:
            left, at = self._left.get(token_id, (self._burst, now))
            left = min(self._burst, left + (now - at) * self._per_s)
            taken = left >= 1
            self._left[token_id] = (left - 1 if taken else left, now)
            return 0.0 if taken else (1 - left) / self._per_s
