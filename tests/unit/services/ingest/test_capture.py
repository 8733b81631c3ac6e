"""A camera's loop over drawn frames: what it takes, what it says, how it comes back."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
import pytest

from inspection.feed import UInt8
from inspection.recipe import FramePolicy
from inspection.verdicts import CameraState, Reason
from services.ingest.capture import Capture, back_off_s
from services.ingest.frame import Frame, Pulse, SourceUnavailable, SteadyClock
from services.ingest.health import Health, MinuteCounts
from services.ingest.intake import Wanted
from tests.unit.services.ingest.frames import START, frame, picture

_BLACK = np.zeros((180, 320, 3), dtype=np.uint8)


@dataclass
class _FakeIntake:
    """Takes everything; stops the pulse after so many frames."""

    stop_after: int = 10_000
    taken: list[Wanted] = field(default_factory=list)
    waits: list[bool] = field(default_factory=list)
    failed: bool = False

    def offer(self, wanted: Wanted, pulse: Pulse, *, waits: bool) -> bool:
        self.taken.append(wanted)
        self.waits.append(waits)
        if len(self.taken) >= self.stop_after:
            pulse.stop()
        return True

    def idle(self) -> bool:
        return True


@dataclass
class _FakeSource:
    """Gives its frames, and then ends or breaks off."""

    given: Sequence[Frame]
    live: bool = False
    breaks: str = ""
    closed: bool = False

    def frames(self, pulse: Pulse) -> Iterator[Frame]:
        yield from self.given
        if self.breaks:
            raise SourceUnavailable(self.breaks)

    def close(self) -> None:
        self.closed = True


class _Camera:
    """A capture over a row of sources, each opened when the last one broke off."""

    def __init__(
        self,
        *sources: _FakeSource | str,
        stop_after: int = 10_000,
        clock: SteadyClock | None = None,
        **policy: object,
    ):
        self.sources = list(sources)
        self.intake = _FakeIntake(stop_after)
        self.health, self.minutes = Health(), MinuteCounts()
        self.rng = _NoWait()
        self.states: list[tuple[CameraState, str]] = []
        self.pulse = Pulse(self._note, every_s=0.0)
        self.capture = Capture(
            self._open,
            self.intake,  # type: ignore[arg-type]
            frames=FramePolicy.model_validate(policy),
            health=self.health,
            minutes=self.minutes,
            pulse=self.pulse,
            rng=self.rng,
            clock=clock,
        )

    def run(self) -> bool:
        return self.capture.run()

    def _open(self) -> _FakeSource:
        source = self.sources.pop(0)
        if isinstance(source, str):
            raise SourceUnavailable(source)
        return source

    def _note(self) -> None:
        said = self.health.condition()
        if not self.states or self.states[-1] != (said.state, said.reason):
            self.states.append((said.state, said.reason))


class _NoWait(random.Random):
    """Notes how long it might have made somebody wait, and waits for nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.most_s: list[float] = []

    def uniform(self, a: float, b: float) -> float:
        self.most_s.append(b)
        return 0.0


def _frames(*pictures: UInt8, every_s: float = 0.1) -> list[Frame]:
    return [frame(number * every_s, bgr) for number, bgr in enumerate(pictures)]


def test_a_clip_ends_and_says_so() -> None:
    source = _FakeSource(_frames(picture(0), picture(1)))
    camera = _Camera(source)
    assert camera.run()
    assert len(camera.intake.taken) == 2
    assert camera.intake.waits == [True, True]
    assert camera.health.condition().state is CameraState.ENDED
    assert source.closed


def test_what_the_trigger_skips_is_counted() -> None:
    camera = _Camera(
        _FakeSource(_frames(*[picture(n) for n in range(7)])), trigger={"kind": "every_nth", "n": 3}
    )
    camera.run()
    assert len(camera.intake.taken) == 3
    assert {reason: count for (_, reason), count in camera.minutes.snapshot().items()} == {
        "trigger_skipped": 4
    }


def test_a_lost_stream_goes_offline_with_its_reason_and_comes_back() -> None:
    camera = _Camera(
        _FakeSource(_frames(picture(0)), live=True, breaks="the stream broke off"),
        "cannot open rtsp://ad:hunter2@cam/s1",
        _FakeSource(_frames(picture(1), picture(2)), live=True),
        stop_after=3,
    )
    assert not camera.run()
    offline = [reason for state, reason in camera.states if state is CameraState.OFFLINE]
    assert offline[-2:] == ["the stream broke off", "cannot open rtsp://***@cam/s1"]
    assert camera.health.condition().state is CameraState.ONLINE
    assert camera.intake.waits == [False] * 3


def test_a_blind_camera_is_degraded_and_its_frames_are_refused() -> None:
    camera = _Camera(_FakeSource(_frames(_BLACK, every_s=1), live=True), stop_after=1)
    times_s = [0.0, 1.0, 3.0, 4.0]
    camera.sources = [_FakeSource([frame(t, _BLACK) for t in times_s], live=True)]
    camera.intake.stop_after = 4
    camera.run()
    reasons = [wanted.refusal and wanted.refusal[0] for wanted in camera.intake.taken]
    assert reasons == [None, None, Reason.BLIND, Reason.BLIND]
    said = camera.health.condition()
    assert said.state is CameraState.DEGRADED
    assert "black" in said.reason


def test_damaged_frames_are_left_out_counted_and_end_the_connection() -> None:
    green = picture()
    green[60:] = (0, 135, 0)
    broken = _FakeSource(_frames(picture(0), *[green] * 5, picture(1)), live=True)
    camera = _Camera(broken, _FakeSource(_frames(picture(2)), live=True), stop_after=2)
    camera.run()
    assert len(camera.intake.taken) == 2
    counts = {reason: count for (_, reason), count in camera.minutes.snapshot().items()}
    assert counts == {"damaged": 4}  # with the fifth the connection was given up
    assert (CameraState.OFFLINE, "the stream gives damaged frames only") in camera.states
    assert broken.closed


def test_a_change_of_size_degrades_until_it_is_back() -> None:
    small = picture(1, (160, 90))
    camera = _Camera(_FakeSource(_frames(picture(0), small, picture(2)), live=True), stop_after=3)
    camera.run()
    said = "the picture's size changed from 320×180 to 160×90"
    assert any(reason.startswith(said) for _, reason in camera.states)
    assert camera.health.condition().state is CameraState.ONLINE


def test_a_clock_that_steps_back_degrades_the_camera_and_loses_no_frame() -> None:
    wall = iter([START, START, START - timedelta(hours=1), START - timedelta(hours=1)])
    clock = SteadyClock(wall.__next__, lambda: 0.0)
    camera = _Camera(
        _FakeSource(_frames(*[picture(n) for n in range(3)]), live=True), stop_after=3, clock=clock
    )
    camera.run()
    assert len(camera.intake.taken) == 3
    said = camera.health.condition()
    assert said.state is CameraState.DEGRADED
    assert said.reason == "the clock stepped back by 3600 s at 07:00:00 UTC"


def test_an_intake_that_died_ends_the_process() -> None:
    camera = _Camera(_FakeSource(_frames(picture(0))))
    camera.intake.failed = True
    with pytest.raises(RuntimeError, match="intake"):
        camera.run()


def test_back_off_grows_and_is_never_in_step() -> None:
    rng = random.Random(1)
    for attempt, away_s, most_s in ((1, 0, 1), (3, 3, 4), (20, 290, 10), (20, 310, 60)):
        waits = [back_off_s(attempt, away_s, rng) for _ in range(200)]
        assert 0.9 * most_s < max(waits) <= most_s
        assert min(waits) < 0.2 * most_s + 0.2


def test_a_camera_that_was_away_for_a_short_time_is_asked_every_ten_seconds_at_least() -> None:
    away = ["the stream broke off"] * 6
    back = _FakeSource(_frames(picture(0)), live=True, breaks="the stream broke off")
    camera = _Camera(*away, back, *away[:2], _FakeSource(_frames(picture(1))))
    camera.run()
    # Frames set it back: what comes after them is a new outage.
    assert camera.rng.most_s == [1, 2, 4, 8, 10, 10, 1, 2, 4]
