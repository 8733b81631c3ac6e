import numpy as np
import pytest

from inspection.detections import Detections, InstanceMask
from inspection.masks.refining import PixelClasses, refine, regions_left

SIZE = (200, 120)
HALF = np.array([0.5, 0.5], dtype=np.float32)


def box_mask(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    frame = np.zeros((SIZE[1], SIZE[0]), dtype=np.bool_)
    frame[y0:y1, x0:x1] = True
    return frame


def findings(*masks: np.ndarray, class_ids: tuple[int, ...] | None = None) -> Detections:
    cropped = tuple(InstanceMask.from_frame(mask) for mask in masks)
    boxes = [(m.x0, m.y0, m.x0 + m.bits.shape[1], m.y0 + m.bits.shape[0]) for m in cropped]
    return Detections(
        SIZE,
        np.array(boxes, dtype=np.float32).reshape(-1, 4),
        (0.9 - 0.1 * np.arange(len(masks))).astype(np.float32),
        np.array(class_ids or (0,) * len(masks), dtype=np.int64),
        cropped,
    )


def classes_of(*planes: np.ndarray) -> PixelClasses:
    """Planes of probability, or of bool for 0.8, of the instance classes 0, 1, …"""
    stack = np.stack([plane * 0.8 if plane.dtype == np.bool_ else plane for plane in planes])
    return PixelClasses.of(stack.astype(np.float32), HALF[: len(planes)], range(len(planes)))


def frames(found: Detections) -> list[np.ndarray]:
    return [mask.to_frame(SIZE) for mask in found.masks]


def test_a_coarse_mask_becomes_the_fine_one() -> None:
    fine = box_mask(30, 50, 90, 53)
    refined, held = refine(findings(box_mask(32, 47, 85, 56)), classes_of(fine), 8)
    assert np.array_equal(frames(refined)[0], fine)
    assert np.array_equal(held, fine)
    assert refined.boxes_xyxy[0].tolist() == [30, 50, 90, 53]
    assert refined.scores[0] == pytest.approx(0.9)


def test_a_mask_does_not_reach_further_than_it_may_grow() -> None:
    long = box_mask(0, 50, 200, 53)
    refined, _ = refine(findings(box_mask(80, 45, 120, 58)), classes_of(long), 5)
    assert np.array_equal(frames(refined)[0], box_mask(75, 50, 125, 53))


def test_pixels_between_two_instances_go_to_the_nearer() -> None:
    band = box_mask(20, 50, 120, 54)
    found = findings(box_mask(20, 48, 60, 56), box_mask(70, 48, 120, 56))
    refined, held = refine(found, classes_of(band), 12)
    left, right = frames(refined)
    assert np.array_equal(left | right, band)
    assert not (left & right).any()
    assert left[:, :64].sum() == band[:, :64].sum()
    assert right[:, 67:].sum() == band[:, 67:].sum()
    assert np.array_equal(held, band)


def test_a_region_that_only_passes_through_the_box_is_not_the_instance_s() -> None:
    own, other = box_mask(40, 40, 60, 60), box_mask(90, 30, 93, 110)
    found = findings(box_mask(38, 38, 100, 70) & ~box_mask(64, 0, 200, 120))
    wide = Detections(
        SIZE,
        np.array([[38, 38, 100, 70]], dtype=np.float32),
        found.scores,
        found.class_ids,
        found.masks,
    )
    refined, _ = refine(wide, classes_of(own | other), 4)
    assert np.array_equal(frames(refined)[0], own)


def test_an_instance_keeps_its_mask_where_the_pixels_say_nothing() -> None:
    crack, pit = box_mask(10, 10, 30, 20), box_mask(100, 60, 120, 80)
    found = findings(crack, pit, class_ids=(0, 1))
    nothing = np.zeros((SIZE[1], SIZE[0]), dtype=np.bool_)
    # Nothing of the first class here, and no plane at all of the second.
    refined, held = refine(found, classes_of(nothing), 8)
    assert np.array_equal(frames(refined)[0], crack)
    assert np.array_equal(frames(refined)[1], pit)
    assert np.array_equal(held, crack | pit)


def test_a_pixel_is_of_one_class_alone() -> None:
    both = box_mask(30, 30, 60, 60)
    pixels = classes_of(both * 0.6, both * 0.9)
    found = findings(both, both, class_ids=(0, 1))
    refined, _ = refine(found, pixels, 4)
    # The first class has nothing and keeps its own.
    assert pixels.planes.sum(axis=0).max() == 1
    assert np.array_equal(frames(refined)[1], both)
    assert pixels.certainty.max() == 230


def test_regions_without_an_instance_are_findings_of_their_own_if_large_and_sure() -> None:
    held_region = box_mask(10, 10, 60, 20)
    free, small, pale = (
        box_mask(100, 50, 130, 60),
        box_mask(5, 100, 8, 103),
        box_mask(160, 5, 190, 30),
    )
    plane = (held_region | free | small) * 0.9 + pale * 0.55
    pixels = classes_of(plane)
    _, held = refine(findings(box_mask(10, 8, 30, 22)), pixels, 2)
    left = regions_left(pixels, held, [20], [0.6])
    assert len(left) == 1
    assert np.array_equal(frames(left)[0], free)
    assert left.scores[0] == pytest.approx(0.9, abs=0.01)
    assert len(regions_left(pixels, held, [20], [0.5])) == 2
    nothing = np.zeros_like(free)
    assert len(regions_left(classes_of(nothing), held, [1], [0.0])) == 0
