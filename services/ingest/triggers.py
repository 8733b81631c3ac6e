"""Which frames are acquisitions: the trigger of a recipe, at one camera."""

from __future__ import annotations

from inspection.feed import UInt8, changed_share, small_gray
from inspection.recipe import Trigger
from services.ingest.frame import Frame


class FrameTrigger:
    """Holds what a trigger must remember between frames.

    Args:
        files: the frames are single image files. Whoever put one there wanted it inspected, so
            that only `every_nth` leaves any out.
    """

    def __init__(self, trigger: Trigger, *, files: bool = False) -> None:
        self._trigger = trigger
        self._files = files
        self._seen = 0
        self._due_s: float | None = None
        self._quiet_until_s = float("-inf")
        self._before: UInt8 | None = None

    def wants(self, frame: Frame) -> bool:
        """Whether this frame is an acquisition. Ask once for every frame, in order."""
        if frame.refusal is not None:
            return True
        if self._trigger.kind == "every_nth":
            self._seen += 1
            return (self._seen - 1) % self._trigger.n == 0
        if self._files:
            return True
        if self._trigger.kind == "interval":
            return self._interval(frame.time_s)
        if self._trigger.kind == "motion":
            return self._motion(frame)
        return False  # external: only what is pushed is an acquisition

    def _interval(self, time_s: float) -> bool:
        if self._due_s is None or time_s >= self._due_s:
            every_s = self._trigger.interval_s
            # From the due time and not from this frame's, or 25 fps at 1 s would become 1.04 s;
            # from this frame's where whole intervals went by without any.
            late = self._due_s is None or time_s - self._due_s > every_s
            self._due_s = (time_s if late or self._due_s is None else self._due_s) + every_s
            return True
        return False

    def _motion(self, frame: Frame) -> bool:
        if frame.pixels is None:
            return True
        after = small_gray(frame.pixels())
        before, self._before = self._before, after
        if before is None or frame.time_s < self._quiet_until_s:
            return False
        if changed_share(before, after) < self._trigger.min_changed:
            return False
        self._quiet_until_s = frame.time_s + self._trigger.cooldown_s
        return True
