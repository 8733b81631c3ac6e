"""Findings of tiles against the same shapes drawn in the whole image."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from inspection.detections import Detections, InstanceMask
from inspection.inference import Tiling
from inspection.masks.packed import PackedMask
from inspection.masks.stitching import stitch, tiles_of
from inspection.measure import measure_mask

Shape = np.ndarray


def line(size_wh: tuple[int, int], start: tuple[int, int], end: tuple[int, int], px: int) -> Shape:
    frame = np.zeros((size_wh[1], size_wh[0]), dtype=np.uint8)
    return cv2.line(frame, start, end, 1, px).astype(np.bool_)


def seen(
    shapes: list[Shape],
    size_wh: tuple[int, int],
    tiling: Tiling,
    classes: list[int] | None = None,
    seen_by: dict[int, set[int]] | None = None,
) -> Detections:
    """What stitching makes of tiles that each see their part of every shape, score by tile."""
    tiles = tiles_of(size_wh, tiling)
    found = []
    for number, tile in enumerate(tiles):
        masks, class_ids = [], []
        for place, shape in enumerate(shapes):
            part = shape[tile.y0 : tile.y1, tile.x0 : tile.x1]
            if part.any() and (seen_by is None or number in seen_by[place]):
                masks.append(InstanceMask.from_frame(part))
                class_ids.append(classes[place] if classes else 0)
        boxes = [(m.x0, m.y0, m.x0 + m.bits.shape[1], m.y0 + m.bits.shape[0]) for m in masks]
        found.append(
            Detections(
                (tile.x1 - tile.x0, tile.y1 - tile.y0),
                np.array(boxes, dtype=np.float32).reshape(-1, 4),
                np.full(len(masks), 0.5 + 0.1 * number, dtype=np.float32),
                np.array(class_ids, dtype=np.int64),
                tuple(masks),
            )
        )
    return stitch(size_wh, tiles, found)


@pytest.mark.parametrize("size_wh", [(100, 300), (512, 512), (513, 700), (4000, 3000)])
@pytest.mark.parametrize("overlap_px", [0, 64, 256])
def test_tiles_cover_the_image_and_overlap_as_asked(
    size_wh: tuple[int, int], overlap_px: int
) -> None:
    tiles = tiles_of(size_wh, Tiling(tile_px=512, overlap_px=overlap_px))
    covered = np.zeros((size_wh[1], size_wh[0]), dtype=np.bool_)
    for tile in tiles:
        covered[tile.y0 : tile.y1, tile.x0 : tile.x1] = True
        assert (tile.x1 - tile.x0, tile.y1 - tile.y0) == (
            min(512, size_wh[0]),
            min(512, size_wh[1]),
        )
    assert covered.all()
    starts = sorted({tile.x0 for tile in tiles})
    assert all(right - left <= 512 - overlap_px for left, right in pairwise(starts))


@pytest.mark.parametrize("overlap_px", [0, 40, 120])
def test_one_crack_across_three_tiles_is_one_finding_of_its_length(overlap_px: int) -> None:
    size_wh = (700, 256)
    crack = line(size_wh, (30, 40), (660, 200), 5)
    found = seen([crack], size_wh, Tiling(tile_px=256, overlap_px=overlap_px))
    assert len(found) == 1
    assert np.array_equal(found.masks[0].to_frame(size_wh), crack)
    length_px = measure_mask(found.masks[0].bits).length_px
    assert length_px == pytest.approx(measure_mask(crack).length_px, rel=0.02)
    assert found.boxes_xyxy[0] == pytest.approx([28, 38, 663, 203], abs=1)


def test_a_finding_has_the_best_score_of_its_pieces() -> None:
    crack = line((700, 256), (30, 128), (660, 128), 5)
    found = seen([crack], (700, 256), Tiling(tile_px=256, overlap_px=32))
    # Three tiles, of which the last is the surest.
    assert found.scores[0] == pytest.approx(0.7)


def test_two_cracks_side_by_side_stay_two_although_their_boxes_overlap() -> None:
    size_wh = (700, 256)
    cracks = [line(size_wh, (30, 40 + down), (660, 200 + down), 3) for down in (0, 12)]
    found = seen(cracks, size_wh, Tiling(tile_px=256, overlap_px=64))
    assert len(found) == 2
    first, second = found.boxes_xyxy
    assert min(first[3], second[3]) - max(first[1], second[1]) > 0.9 * (first[3] - first[1])
    wholes = sorted(found.masks, key=lambda mask: mask.y0)
    for whole, crack in zip(wholes, cracks, strict=True):
        assert np.array_equal(whole.to_frame(size_wh), crack)


def test_crossing_cracks_seen_by_different_tiles_stay_two() -> None:
    size_wh = (400, 256)
    # Both cross in the band of the two tiles; the left tile sees one of them, the right the other.
    cracks = [line(size_wh, (150, 60), (250, 200), 4), line(size_wh, (150, 200), (250, 60), 4)]
    tiling = Tiling(tile_px=256, overlap_px=112)
    assert len(seen(cracks, size_wh, tiling, seen_by={0: {0}, 1: {1}})) == 2


def test_pieces_of_two_classes_stay_two() -> None:
    crack = line((400, 256), (50, 128), (350, 128), 5)
    found = seen(
        [crack, crack], (400, 256), Tiling(tile_px=256, overlap_px=64), [0, 1], {0: {0}, 1: {1}}
    )
    assert len(found) == 2
    assert set(found.class_ids) == {0, 1}


def test_one_thing_seen_whole_by_two_tiles_is_one_finding() -> None:
    size_wh = (400, 256)
    disc = cv2.circle(np.zeros((256, 400), np.uint8), (200, 128), 20, 1, -1).astype(np.bool_)
    wider = cv2.dilate(disc.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(np.bool_)
    tiling = Tiling(tile_px=256, overlap_px=112)
    found = seen([disc, wider], size_wh, tiling, seen_by={0: {0}, 1: {1}})
    assert len(found) == 1
    assert np.array_equal(found.masks[0].to_frame(size_wh), wider)


def test_an_image_without_findings_and_one_of_a_single_tile() -> None:
    tiling = Tiling(tile_px=256, overlap_px=64)
    assert len(seen([], (700, 500), tiling)) == 0
    crack = line((200, 200), (10, 10), (190, 190), 3)
    (found,) = (seen([crack], (200, 200), tiling),)
    assert np.array_equal(found.masks[0].to_frame((200, 200)), crack)


def test_a_large_thin_shape_is_packed_and_comes_back_as_it_was() -> None:
    size_wh = (1200, 1200)
    crack = line(size_wh, (10, 10), (1190, 1190), 4)
    (mask,) = seen([crack], size_wh, Tiling(tile_px=512, overlap_px=64)).masks
    assert isinstance(mask, PackedMask)
    assert np.array_equal(mask.to_frame(size_wh), crack)
    assert mask.area_px == np.count_nonzero(crack)
    mask.check_inside(size_wh)
    with pytest.raises(ValueError, match="beyond an image of 1000×1000"):
        mask.check_inside((1000, 1000))


@pytest.mark.parametrize(("tile_px", "overlap_px"), [(64, 0), (512, 257), (512, -1)])
def test_tilings_that_make_no_sense_are_refused(tile_px: int, overlap_px: int) -> None:
    with pytest.raises(ValueError, match=r"overlap_px|tile_px"):
        Tiling(tile_px=tile_px, overlap_px=overlap_px)
