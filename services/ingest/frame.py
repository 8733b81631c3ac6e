"""What a source yields, and what every source is given and says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from db.base import utc_now
from inspection.feed import UInt8
from inspection.verdicts import Reason


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One frame of a source. Exactly one of `pixels` and `encoded` is there, or a refusal.

    Attributes:
        captured_at: when it was taken: the wall clock for live sources, the clip's time for files.
        time_s: the same on the source's own clock, which never steps back: what triggers use.
        pixels: gives uint8 BGR (H, W, 3), as OpenCV has it; only until the next frame is taken,
            so that frames which no trigger wants are never converted.
        encoded: the file as it came, for images that are passed on unchanged, and its suffix.
        key: the same for the same frame after a restart, where the source can tell.
        refusal: known already not to be inspected, and why.
        part: serial number of the part it shows, where the source knows it.
    """

    captured_at: datetime
    time_s: float
    pixels: Callable[[], UInt8] | None = None
    encoded: tuple[bytes, str] | None = None
    key: str | None = None
    refusal: tuple[Reason, str] | None = None
    part: str | None = None


class SourceUnavailable(Exception):
    """The source gives no frames now. `reason` is one line for a person, without passwords."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Source(Protocol):
    """Frames of one camera. `live`: frames come whether they can be taken or not."""

    live: bool

    def frames(self, pulse: Pulse) -> Iterator[Frame]:
        """Yield frames until the source ends or `pulse.stopping`.

        Raises SourceUnavailable.
        """
        ...

    def close(self) -> None: ...


class Pulse:
    """Says that a camera's loop lives, and carries the wish that it ends.

    Whoever waits, waits here: a loop that is stuck anywhere else is seen by its silence.
    """

    def __init__(self, on_beat: Callable[[], None], *, every_s: float = 0.5) -> None:
        self._on_beat = on_beat
        self._every_s = every_s
        self._last_s = float("-inf")
        self._stop = threading.Event()

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    def stop(self) -> None:
        self._stop.set()

    def beat(self) -> None:
        now_s = time.monotonic()
        if now_s - self._last_s >= self._every_s:
            self._last_s = now_s
            self._on_beat()

    def wait(self, seconds: float) -> bool:
        """Wait, beating meanwhile; returns early, and True, when it shall end."""
        until_s = time.monotonic() + seconds
        while True:
            self.beat()
            left_s = until_s - time.monotonic()
            if left_s <= 0 or self._stop.wait(min(left_s, self._every_s)):
                return self.stopping


# A jump of the wall clock against the monotonic one that is no drift (RELIABILITY, table 3).
_STEP_S = 2.0


class SteadyClock:
    """The wall clock, and by how much it stepped since it was last read."""

    def __init__(
        self,
        wall: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._last = (wall(), monotonic())

    def read(self) -> tuple[datetime, float]:
        """The wall time, and seconds of a step, 0 where there was none; a step back is negative."""
        now, now_s = self._wall(), self._monotonic()
        (before, before_s), self._last = self._last, (now, now_s)
        step_s = (now - before).total_seconds() - (now_s - before_s)
        return now, step_s if abs(step_s) > _STEP_S else 0.0
