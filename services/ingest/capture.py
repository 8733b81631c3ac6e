"""One camera's loop: open its source, take frames, and begin again when it is lost."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from db.credentials import redact
from inspection.recipe import FramePolicy
from inspection.verdicts import Reason
from services.ingest.feed_watch import FeedWatch
from services.ingest.frame import Frame, Pulse, Source, SourceUnavailable, SteadyClock
from services.ingest.health import Health, MinuteCounts
from services.ingest.intake import Intake, Wanted
from services.ingest.triggers import FrameTrigger

_log = structlog.get_logger()

# A camera or switch that begins anew is back within minutes, and a line waits for it. What is away
# for longer is asked less often: a wrong password locks some cameras, and each try is a log line.
_LEAST_S, _SOON_S, _LATER_S = 1.0, 10.0, 60.0
_SOON_FOR_S = 300.0
_LOOK_EVERY_S = 0.5  # frames that no trigger wants are looked at this often
_CLOCK_TROUBLE_S = 60.0
_TROUBLE = {Reason.BLIND: "blind", Reason.FROZEN: "frozen"}
# Without the seconds that a verdict's own text has: each new text is written to the database.
_TROUBLE_TEXT = {
    Reason.BLIND: "the picture is black, over-exposed or blank",
    Reason.FROZEN: "the camera repeats one picture",
}


@dataclass(frozen=True, slots=True)
class _Seen:
    refusal: tuple[Reason, str] | None


def back_off_s(attempt: int, away_s: float, rng: random.Random) -> float:
    """Seconds before the next try after `attempt` failed ones, 1 and more.

    Exponential with full jitter, so that cameras which a switch took down do not come back in
    step (M. Brooker, "Exponential Backoff And Jitter", 2015).

    Args:
        away_s: how long the camera has given no frame; up to five minutes it is asked soon.
    """
    most_s = _SOON_S if away_s <= _SOON_FOR_S else _LATER_S
    return rng.uniform(0.2, min(most_s, _LEAST_S * 2 ** min(attempt - 1, 10)))


class Capture:
    """Runs a camera until its source ends or the pulse stops.

    Args:
        open_source: opens the source; raises SourceUnavailable.
        files: the source gives single image files.
    """

    def __init__(
        self,
        open_source: Callable[[], Source],
        intake: Intake,
        *,
        frames: FramePolicy,
        health: Health,
        minutes: MinuteCounts,
        pulse: Pulse,
        files: bool = False,
        rng: random.Random | None = None,
        clock: SteadyClock | None = None,
    ) -> None:
        self._open_source, self._intake = open_source, intake
        self._frames, self._files = frames, files
        self._health, self._minutes, self._pulse = health, minutes, pulse
        self._rng = rng or random.Random()  # noqa: S311 - jitter
        self._clock = clock or SteadyClock()
        self._clock_quiet_s = 0.0
        self._size_wh: tuple[int, int] | None = None
        self._seen_frames = 0  # of the present connection

    def run(self) -> bool:
        """Whether the source played to its end; False where it was stopped before."""
        attempt, away_since_s = 0, time.monotonic()
        while not self._pulse.stopping:
            self._seen_frames = 0
            try:
                self._play()
            except SourceUnavailable as error:
                now_s = time.monotonic()
                attempt += 1
                if self._seen_frames:
                    attempt, away_since_s = 1, now_s
                wait_s = back_off_s(attempt, now_s - away_since_s, self._rng)
                reason = redact(error.reason)
                _log.warning(
                    "camera.lost", reason=reason, attempt=attempt, retry_s=round(wait_s, 1)
                )
                self._health.offline(reason)
                self._pulse.wait(wait_s)
                continue
            if not self._pulse.stopping:
                return self._end()
        return False

    def _play(self) -> None:
        source = self._open_source()
        watch = FeedWatch(live=source.live)
        trigger = FrameTrigger(self._frames.trigger, files=self._files)
        looked_s = float("-inf")
        if self._files:
            self._health.online()  # a watched folder is well while nothing comes
        try:
            for frame in source.frames(self._pulse):
                self._pulse.beat()
                if self._intake.failed:
                    raise RuntimeError("the intake has died; its log line says of what")
                if self._seen_frames == 0:
                    self._health.online()
                self._seen_frames += 1
                self._check_clock()
                if trigger.wants(frame):
                    looked_s = time.monotonic()
                    self._take(frame, watch, waits=not source.live)
                    continue
                self._minutes.count("trigger_skipped", frame.captured_at)
                if source.live and time.monotonic() - looked_s >= _LOOK_EVERY_S:
                    looked_s = time.monotonic()
                    self._look(frame, watch)
        finally:
            source.close()

    def _take(self, frame: Frame, watch: FeedWatch, *, waits: bool) -> None:
        refusal = frame.refusal
        if frame.pixels is not None:
            seen = self._look(frame, watch)
            if seen is None:
                self._minutes.count("damaged", frame.captured_at)
                return
            refusal = refusal or seen.refusal
        bgr = None if frame.pixels is None else frame.pixels()
        wanted = Wanted(frame.captured_at, bgr, frame.encoded, frame.key, refusal, frame.part)
        self._intake.offer(wanted, self._pulse, waits=waits)

    def _look(self, frame: Frame, watch: FeedWatch) -> _Seen | None:
        """Look at a frame and say so where it shows nothing; None where it is damaged."""
        if frame.pixels is None:
            return _Seen(None)
        bgr = frame.pixels()
        self._check_size((bgr.shape[1], bgr.shape[0]))
        if watch.damaged(bgr):
            self._health.trouble("damaged", "damaged frames are left out")
            if watch.broken:
                raise SourceUnavailable("the stream gives damaged frames only")
            return None
        refusal = watch.refusal(bgr, frame.time_s)
        self._health.settle("damaged")
        for reason, name in _TROUBLE.items():
            if refusal is not None and refusal[0] is reason:
                self._health.trouble(name, _TROUBLE_TEXT[reason])
            else:
                self._health.settle(name)
        return _Seen(refusal)

    def _check_size(self, size_wh: tuple[int, int]) -> None:
        if self._size_wh is None:
            self._size_wh = size_wh
        if size_wh == self._size_wh:
            self._health.settle("size")
            return
        (was_w, was_h), (width, height) = self._size_wh, size_wh
        self._health.trouble(
            "size",
            f"the picture's size changed from {was_w}×{was_h} to {width}×{height};"
            " regions and scale may not fit any more",
        )

    def _check_clock(self) -> None:
        now, step_s = self._clock.read()
        if step_s:
            way = "back" if step_s < 0 else "forward"
            text = f"the clock stepped {way} by {abs(step_s):.0f} s at {now:%H:%M:%S} UTC"
            _log.warning("clock.stepped", step_s=round(step_s, 1))
            self._health.trouble("clock", text)
            self._clock_quiet_s = time.monotonic() + _CLOCK_TROUBLE_S
        elif self._clock_quiet_s and time.monotonic() > self._clock_quiet_s:
            self._clock_quiet_s = 0.0
            self._health.settle("clock")

    def _end(self) -> bool:
        while not self._intake.idle():
            if self._pulse.wait(0.05) or self._intake.failed:
                return False
        self._health.ended("played to its end")
        return True
