"""How a camera is, put together from what its parts say; and the frames that got no row."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from db.base import utc_now
from inspection.verdicts import CameraState


@dataclass(frozen=True, slots=True)
class Condition:
    """A camera's state with its reason, as the database has it."""

    state: CameraState
    reason: str
    since: datetime


class Health:
    """A camera's state. Any thread may say something; the reporter reads it.

    A camera that gives frames is online, and degraded while anything troubles it; each trouble
    has a name under which it is said and taken back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state, self._reason = CameraState.OFFLINE, "starting"
        self._since = utc_now()
        self._troubles: dict[str, tuple[str, float]] = {}  # reason, and when it ends by itself

    def online(self) -> None:
        self._set(CameraState.ONLINE, "frames arrive")

    def offline(self, reason: str) -> None:
        self._set(CameraState.OFFLINE, reason)

    def ended(self, reason: str) -> None:
        self._set(CameraState.ENDED, reason)

    def trouble(self, name: str, reason: str, *, for_s: float = math.inf) -> None:
        """Say what troubles the camera, until it is settled or was not said for `for_s`."""
        with self._changing():
            self._troubles[name] = reason, time.monotonic() + for_s

    def settle(self, name: str) -> None:
        # Said of every frame, and hardly ever is there anything to take back. A trouble that
        # comes between the look and the lock came after this was said.
        if name not in self._troubles:
            return
        with self._changing():
            self._troubles.pop(name, None)

    def condition(self) -> Condition:
        with self._changing():
            now_s = time.monotonic()
            for name in [name for name, (_, end_s) in self._troubles.items() if end_s <= now_s]:
                del self._troubles[name]
        with self._lock:
            state, reason = self._now()
            return Condition(state, reason, self._since)

    def _set(self, state: CameraState, reason: str) -> None:
        with self._changing():
            self._state, self._reason = state, reason

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self._lock:
            before, _ = self._now()
            yield
            after, _ = self._now()
            if before is not after:
                self._since = utc_now()

    def _now(self) -> tuple[CameraState, str]:
        if self._state is CameraState.ONLINE and self._troubles:
            return CameraState.DEGRADED, "; ".join(reason for reason, _ in self._troubles.values())
        return self._state, self._reason


class MinuteCounts:
    """Frames that got no row, by minute and reason, kept until they could be written."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[datetime, str]] = Counter()

    def count(self, reason: str, at: datetime | None = None, *, frames: int = 1) -> None:
        minute = (at or utc_now()).replace(second=0, microsecond=0)
        with self._lock:
            self._counts[minute, reason] += frames

    def snapshot(self) -> dict[tuple[datetime, str], int]:
        with self._lock:
            return dict(self._counts)

    def written(self, counts: dict[tuple[datetime, str], int]) -> None:
        """Take off what has been written; what came meanwhile stays."""
        with self._lock:
            self._counts.subtract(counts)
            self._counts = +self._counts
