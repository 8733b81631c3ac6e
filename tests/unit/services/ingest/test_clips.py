"""Clips: frames at the clip's times, once, in a loop, and on from where they were."""

import time
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image

from services.ingest.clips import Clip
from services.ingest.frame import Pulse, SourceUnavailable
from tests.unit.services.ingest.clips import number_of, write_clip
from tests.unit.services.ingest.frames import START


def _clip(path: Path, **options: object) -> Clip:
    defaults = {"loop": False, "fast": True, "started_at": START, "after": None}
    return Clip(path, **(defaults | options))  # type: ignore[arg-type]


def _pulse() -> Pulse:
    return Pulse(lambda: None)


def test_a_clip_plays_once_and_its_times_are_its_own(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 7, fps=10)
    frames = [(f.captured_at - START, number_of(f.pixels())) for f in _clip(path).frames(_pulse())]
    assert frames == [(timedelta(seconds=n / 10), n) for n in range(7)]


def test_a_clip_goes_on_after_the_last_frame_that_was_taken(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 7, fps=10)
    clip = _clip(path, after=START + timedelta(seconds=0.4))
    assert [number_of(f.pixels()) for f in clip.frames(_pulse())] == [5, 6]
    assert list(_clip(path, after=START + timedelta(seconds=0.6)).frames(_pulse())) == []


def test_a_loop_begins_again_while_its_times_go_on(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 3, fps=10)
    pulse, seen = _pulse(), []
    for frame in _clip(path, loop=True).frames(pulse):
        seen.append(
            (round((frame.captured_at - START).total_seconds(), 3), number_of(frame.pixels()))
        )
        if len(seen) == 7:
            pulse.stop()
    assert seen == [(0, 0), (0.1, 1), (0.2, 2), (0.3, 0), (0.4, 1), (0.5, 2), (0.6, 0)]


def test_a_clip_at_its_own_speed_is_not_early_and_does_not_race_after_a_hold(
    tmp_path: Path,
) -> None:
    path = write_clip(tmp_path / "a.mp4", 6, fps=20)
    times_s = []
    for number, _ in enumerate(_clip(path, fast=False).frames(_pulse())):
        times_s.append(time.monotonic())
        if number == 2:
            time.sleep(0.5)  # what takes the frames holds
    assert times_s[2] - times_s[0] >= 0.09
    assert times_s[5] - times_s[3] >= 0.09


def test_a_clip_ends_when_it_is_told_to(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 6)
    pulse = _pulse()
    frames = _clip(path, fast=False).frames(pulse)
    next(frames)
    pulse.stop()
    assert list(frames) == []


def test_a_gif_plays(tmp_path: Path) -> None:
    pictures = [Image.new("RGB", (64, 48), (level, 0, 0)) for level in (60, 120, 180)]
    path = tmp_path / "a.gif"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=200)
    frames = [f.captured_at - START for f in _clip(path).frames(_pulse())]
    assert frames == [timedelta(seconds=s) for s in (0, 0.2, 0.4)]


@pytest.mark.parametrize("content", [b"", b"not a video", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"])
def test_a_video_without_frames_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceUnavailable, match=r"(no|without) frames"):
        list(_clip(path).frames(_pulse()))


def test_a_video_that_was_never_written_to_has_no_frames(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.avi", 0)
    with pytest.raises(SourceUnavailable, match=r"a\.avi.*(no frames|without frames)"):
        list(_clip(path).frames(_pulse()))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="there is no file"):
        _clip(tmp_path / "a.mp4")
