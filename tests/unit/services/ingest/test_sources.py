"""What a SOURCE is, and the drawn sources."""

from datetime import datetime
from ipaddress import ip_network
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest

from db.base import utc_now
from db.camera_options import CameraOptions
from db.camera_sources import SourceRules
from services.ingest import samples
from services.ingest.frame import Pulse, SourceUnavailable
from services.ingest.sources import UnknownSource, describe_source, opener


def test_sources_are_told_apart(tmp_path: Path) -> None:
    clip = tmp_path / "clip.MP4"
    clip.touch()
    assert describe_source("rtsp://u:p@cam/s") == ("rtsp", "rtsp://u:p@cam/s", {})
    assert describe_source("/dev/video3") == ("usb", "/dev/video3", {})
    assert describe_source("0") == ("usb", "0", {})
    assert describe_source(str(clip)) == ("file", str(clip), {})
    assert describe_source(str(tmp_path)) == ("folder", str(tmp_path), {})
    assert describe_source("sample-shelf") == ("sample-shelf", "", {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nowhere.mp4", "there is no file or folder nowhere.mp4"),
        ("ftp://u:hunter2@cam/s", "expected a URL that begins with rtsp"),
        ("rtsp://u:hunter2/x@cam/s", "%40"),
        ("IMAGE", "lineside inspect"),
        ("TEXT", "is no video"),
    ],
)
def test_what_is_no_source_is_told_what_was_expected(tmp_path: Path, text: str, said: str) -> None:
    files = {"IMAGE": tmp_path / "a.jpg", "TEXT": tmp_path / "a.txt"}
    if text in files:
        files[text].touch()
    with pytest.raises(UnknownSource, match=said) as caught:
        describe_source(str(files.get(text, text)))
    assert "hunter2" not in str(caught.value)


def test_surfaces_are_the_same_for_the_same_seed_and_number() -> None:
    draw = samples.surfaces(1, (128, 96))
    assert draw(0).shape == (96, 128, 3)
    assert np.array_equal(draw(3), samples.surfaces(1, (128, 96))(3))
    assert not np.array_equal(draw(3), draw(4))


def test_a_shelf_is_sold_from_and_filled_again() -> None:
    full = {"A1": 2, "A2": 3, "B1": 2}
    story = samples.ShelfStory(full, seed=1)
    steps = [story.at(step) for step in range(200)]
    assert steps[0] == full
    assert any(0 in step.values() for step in steps)
    filled = [
        after[name] == full[name] and before[name] == 0
        for before, after in pairwise(steps)
        for name in full
    ]
    assert any(filled)
    # From any step on, in any order.
    assert samples.ShelfStory(full, seed=1).at(150) == steps[150]
    assert story.at(20) == steps[20]


def test_drawings_come_in_order_from_the_first() -> None:
    drawings = samples.Drawings(
        lambda number: np.full((4, 4, 3), number, dtype=np.uint8), first=5, interval_s=0.01
    )
    frames = list(islice(drawings.frames(Pulse(lambda: None)), 3))
    assert [int(frame.pixels()[0, 0, 0]) for frame in frames] == [5, 6, 7]
    assert [frame.part for frame in frames] == [None] * 3


class NothingYet:
    """The memory of a camera that has taken nothing."""

    def began_at(self) -> datetime:
        return utc_now()

    def last_at(self) -> None:
        return None

    def taken_keys(self) -> set[str]:
        return set()


@pytest.mark.parametrize(
    ("kind", "options", "parts"),
    [
        ("sample-surfaces", {}, ["line-camera-000004", "line-camera-000005"]),
        ("sample-surfaces", {"repeat": 3}, [None, None]),
        ("sample-shelf", {}, [None, None]),
    ],
)
def test_each_picture_of_the_sample_line_shows_a_part_of_its_own(
    kind: str, options: dict[str, object], parts: list[str | None]
) -> None:
    open_source = opener(
        kind,
        "",
        CameraOptions(interval_s=0.01, size_wh=(96, 96), **options),
        camera_key="line-camera",
        next_sequence=5,
        memory=NothingYet(),
    )
    frames = islice(open_source().frames(Pulse(lambda: None)), 2)
    assert [frame.part for frame in frames] == parts


def test_what_is_forbidden_is_not_opened_unless_the_host_itself_asked(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    rules = SourceRules((tmp_path / "clips",), (ip_network("10.1.0.0/16"),))

    def opening(kind: str, address: str, **options: bool) -> None:
        opener(
            kind,
            address,
            CameraOptions(**options),
            camera_key="a",
            next_sequence=1,
            memory=NothingYet(),
            rules=rules,
        )().close()

    for kind, address in (
        ("folder", str(tmp_path / "a")),
        ("file", "/etc/passwd"),
        ("usb", "/etc/passwd"),
        ("rtsp", "rtsp://127.0.0.1:1/x"),
    ):
        with pytest.raises(SourceUnavailable, match=r"cameras may|no camera may|expected a device"):
            opening(kind, address)
    opening("folder", str(tmp_path / "a"), from_host=True)


def test_repeated_drawings_are_alike_and_yet_frames_of_their_own() -> None:
    calls: list[int] = []

    def draw(number: int) -> np.ndarray:
        calls.append(number)
        return np.full((20, 30, 3), number, dtype=np.uint8)

    again = samples.repeated(draw, 3)
    pictures = [again(number).copy() for number in range(11)]
    assert calls == [0, 1, 2]
    assert [int(picture[10, 0, 0]) for picture in pictures[:7]] == [0, 1, 2, 0, 1, 2, 0]
    assert len({picture.tobytes() for picture in pictures}) == 11
    assert np.array_equal(again(4), pictures[4])
    # A restart goes on in the middle.
    assert np.array_equal(samples.repeated(draw, 3)(7), pictures[7])
