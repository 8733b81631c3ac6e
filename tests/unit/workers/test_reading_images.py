"""From the store to pixels: whose copies are trusted, and whose are not looked at."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from db.frames import open_store
from db.queries.claims import ClaimedFrame
from db.queries.results import InspectedFrame
from inspection.decode import ImageRefused, ReducedImage, encode_jpeg
from inspection.preview import shrink, with_preview
from inspection.verdicts import Reason
from workers.inspecting.images import read_image
from workers.mask_pasting import letterbox

SIDE = 64
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
BRIGHT, DARK = np.full((120, 200, 3), 200, np.uint8), np.full((120, 200, 3), 40, np.uint8)


def file_with(picture: np.ndarray, copy_of: np.ndarray) -> bytes:
    small = shrink(copy_of, SIDE)
    assert small is not None
    return with_preview(encode_jpeg(picture, 90), encode_jpeg(small, 95), (200, 120))


def level(store_folder: Path, data: bytes, *, own: bool, input_px: int | None = SIDE) -> float:
    """How bright the image is that comes out."""
    store = open_store(str(store_folder), min_free_bytes=0)
    image = store.put(data, "jpg")
    frame = InspectedFrame(1, 1, 1, 1, NOW, 1, image.sha256)
    seen = read_image(store, ClaimedFrame(frame, image.key, 1, own), input_px)
    return float((seen.rgb if isinstance(seen, ReducedImage) else seen).mean())


def test_a_pushed_file_is_judged_by_its_picture(tmp_path: Path) -> None:
    hostile = file_with(BRIGHT, copy_of=DARK)
    assert level(tmp_path, hostile, own=False) == pytest.approx(200, abs=2)
    # The same bytes from a camera's process could not have come about; that they would be
    # trusted shows that the copy is what is looked at.
    assert level(tmp_path, hostile, own=True) == pytest.approx(40, abs=2)
    assert level(tmp_path, hostile, own=True, input_px=None) == pytest.approx(200, abs=2)


def test_a_copy_that_was_changed_in_the_store_is_noticed(tmp_path: Path) -> None:
    data = file_with(BRIGHT, copy_of=BRIGHT)
    store = open_store(str(tmp_path), min_free_bytes=0)
    swapped = store.put(file_with(BRIGHT, copy_of=DARK), "jpg")
    frame = InspectedFrame(1, 1, 1, 1, NOW, 1, hashlib.sha256(data).hexdigest())
    with pytest.raises(ImageRefused) as caught:
        read_image(store, ClaimedFrame(frame, swapped.key, 1, True), SIDE)
    assert caught.value.reason is Reason.CORRUPT


@pytest.mark.parametrize("wh", [(1920, 1080), (1080, 1920), (1999, 1237)])
def test_a_copy_needs_no_more_fitting(wh: tuple[int, int]) -> None:
    small = shrink(np.zeros((wh[1], wh[0], 3), np.uint8), SIDE)
    assert small is not None
    canvas, fit = letterbox(ReducedImage(small, wh), SIDE)
    height, width = small.shape[:2]
    inside = canvas[fit.top_px : fit.top_px + height, fit.left_px : fit.left_px + width]
    assert np.array_equal(inside, small)
    assert fit == letterbox(np.zeros((wh[1], wh[0], 3), np.uint8), SIDE)[1]
