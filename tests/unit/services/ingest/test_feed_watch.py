"""Feeds that show nothing, told from ones that do."""

from datetime import timedelta

import numpy as np

from inspection.verdicts import Reason
from services.ingest.feed_watch import FeedWatch
from services.ingest.frame import SteadyClock
from tests.unit.services.ingest.frames import START, picture

_BLACK = np.zeros((180, 320, 3), dtype=np.uint8)


def test_a_live_feed_is_blind_after_three_seconds_and_sees_again_at_once() -> None:
    watch = FeedWatch(live=True)
    seen = [watch.refusal(_BLACK, time_s) for time_s in (0.0, 1.0, 2.9, 3.0)]
    assert seen[:3] == [None, None, None]
    assert seen[3] == (Reason.BLIND, "the picture is black")
    assert watch.refusal(picture(), 3.1) is None
    assert watch.refusal(_BLACK, 3.2) is None


def test_a_black_frame_of_a_clip_is_blind_at_once() -> None:
    assert FeedWatch(live=False).refusal(_BLACK, 0.0) == (Reason.BLIND, "the picture is black")


def test_a_live_feed_that_repeats_one_frame_is_frozen_after_ten_seconds() -> None:
    watch = FeedWatch(live=True)
    assert [watch.refusal(picture(), time_s) for time_s in (0.0, 5.0, 9.9)] == [None] * 3
    assert watch.refusal(picture(), 10.0) == (Reason.FROZEN, "no new picture for 10 s")
    assert watch.refusal(picture(1), 10.1) is None
    assert watch.refusal(picture(1), 19.0) is None


def test_a_still_picture_that_an_encoder_gives_in_a_cycle_is_frozen_too() -> None:
    watch = FeedWatch(live=True)
    refused = [watch.refusal(picture(n % 5), n / 10) for n in range(200)]
    assert refused[:104] == [None] * 104
    assert refused[105] == (Reason.FROZEN, "no new picture for 10 s")


def test_a_clip_that_a_camera_repeats_is_not_frozen() -> None:
    watch = FeedWatch(live=True)
    ramp = np.arange(180 * 320 * 3, dtype=np.uint32).reshape(180, 320, 3)
    pictures = [((ramp * (n + 3)) % 251).astype(np.uint8) for n in range(24)]
    assert [watch.refusal(pictures[n % 24], n / 2) for n in range(100)] == [None] * 100


def test_a_clip_that_stands_still_is_not_frozen() -> None:
    watch = FeedWatch(live=False)
    assert [watch.refusal(picture(), time_s) for time_s in (0.0, 20.0)] == [None, None]


def test_damaged_frames_are_told_and_five_in_a_row_break_the_feed() -> None:
    watch = FeedWatch(live=True)
    green = picture()
    green[90:] = (0, 135, 0)
    for _ in range(4):
        assert watch.damaged(green)
    assert not watch.broken
    assert not watch.damaged(picture())
    assert [watch.damaged(green) for _ in range(5)] == [True] * 5
    assert watch.broken
    assert not FeedWatch(live=False).damaged(green)


def test_a_wall_clock_that_steps_is_seen_and_one_that_drifts_is_not() -> None:
    wall = [START, START + timedelta(1), START + timedelta(1, 10.5), START + timedelta(0, 20)]
    steady = [0.0, 86400.0, 86410.0, 86420.0]
    clock = SteadyClock(iter(wall).__next__, iter(steady).__next__)
    assert clock.read() == (wall[1], 0.0)
    assert clock.read() == (wall[2], 0.0)
    now, step_s = clock.read()
    assert now == wall[3]
    assert step_s < -86000
