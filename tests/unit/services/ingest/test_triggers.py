"""Triggers: which of a run of frames are acquisitions."""

import pytest

from inspection.recipe import Trigger
from inspection.verdicts import Reason
from services.ingest.frame import Frame
from services.ingest.triggers import FrameTrigger
from tests.unit.services.ingest.frames import START, frame, picture


def test_every_nth_takes_the_first_and_each_nth_after_it() -> None:
    trigger = FrameTrigger(Trigger(kind="every_nth", n=3))
    assert [trigger.wants(frame(i / 25)) for i in range(7)] == [1, 0, 0, 1, 0, 0, 1]


def test_an_interval_does_not_drift_with_the_frame_rate() -> None:
    trigger = FrameTrigger(Trigger(kind="interval", interval_s=1.0))
    taken = [i for i in range(30 * 60) if trigger.wants(frame(i / 30 + 0.001 * (i % 3)))]
    assert len(taken) == 60


def test_an_interval_starts_again_after_a_pause() -> None:
    trigger = FrameTrigger(Trigger(kind="interval", interval_s=1.0))
    times_s = [0.0, 0.5, 7.3, 7.4, 8.2, 8.4]
    assert [trigger.wants(frame(time_s)) for time_s in times_s] == [1, 0, 1, 0, 0, 1]


def test_motion_takes_what_moves_and_then_rests() -> None:
    trigger = FrameTrigger(Trigger(kind="motion", min_changed=0.01, cooldown_s=1.0))
    still, moved = picture(0), picture(3)
    run = [(0.0, still), (0.1, still), (0.2, moved), (0.3, still), (1.0, still), (1.3, moved)]
    assert [trigger.wants(frame(time_s, bgr)) for time_s, bgr in run] == [0, 0, 1, 0, 0, 1]


def test_external_takes_nothing_but_files_which_somebody_put_there() -> None:
    external = Trigger(kind="external")
    assert not FrameTrigger(external).wants(frame())
    assert FrameTrigger(external, files=True).wants(frame())


@pytest.mark.parametrize("kind", ["every_nth", "interval", "motion", "external"])
def test_what_is_refused_already_is_always_an_acquisition(kind: str) -> None:
    trigger = FrameTrigger(Trigger.model_validate({"kind": kind, "n": 100}))
    trigger.wants(frame())
    refused = Frame(START, 0.04, refusal=(Reason.UNREADABLE, "empty file"))
    assert trigger.wants(refused)
