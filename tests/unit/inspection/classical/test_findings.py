from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from inspection.classical.findings import find_regions
from inspection.classical.settings import (
    ClassicalSettings,
    CutSettings,
    EdgeSettings,
    GrowthSettings,
    ThresholdSettings,
)
from inspection.detections import Detections
from inspection.model_manifest import Engines

METHODS: dict[str, Callable[..., ClassicalSettings]] = {
    "threshold": ThresholdSettings,
    "region-growing": lambda **given: GrowthSettings(method="region-growing", **given),
    "graph-cut": lambda **given: CutSettings(method="graph-cut", **given),
    "edges": lambda **given: EdgeSettings(method="edges", look_for="outlines", **given),
}


def plate(size_wh: tuple[int, int] = (320, 240)) -> np.ndarray:
    """A light plate with noise and one dark disc of radius 12 px at (100, 80)."""
    image = np.full((size_wh[1], size_wh[0], 3), 180, dtype=np.uint8)
    cv2.circle(image, (100, 80), 12, (60, 60, 60), cv2.FILLED)
    noise = np.random.default_rng(0).normal(0, 4, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def cracked(angle_deg: float, width_px: int) -> tuple[np.ndarray, np.ndarray]:
    """A light wall with one dark line of 200 px, and the line's own pixels."""
    way = np.array([np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))])
    start, end = (tuple(np.round(160 + sign * 100 * way).astype(int)) for sign in (-1, 1))
    line = cv2.line(np.zeros((320, 320), np.uint8), start, end, 1, width_px)
    image = np.full((320, 320, 3), 170, dtype=np.float64)
    image[line > 0] = 70
    image += np.random.default_rng(1).normal(0, 5, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8), line.astype(np.bool_)


def iou(found: Detections, truth: np.ndarray) -> float:
    union = np.zeros(truth.shape, dtype=np.bool_)
    for mask in found.masks:
        union |= mask.to_frame(found.size_wh)
    return float((union & truth).sum() / (union | truth).sum())


@pytest.mark.parametrize("method", METHODS)
def test_a_dark_disc_is_one_finding_at_its_place(method: str) -> None:
    found = find_regions(plate(), METHODS[method]())
    assert len(found) == 1
    assert found.size_wh == (320, 240)
    disc = cv2.circle(np.zeros((240, 320), np.uint8), (100, 80), 12, 1, cv2.FILLED)
    assert iou(found, disc.astype(np.bool_)) > 0.75
    assert 0.1 < found.scores[0] <= 1


@pytest.mark.parametrize("method", METHODS)
def test_a_good_plate_has_no_finding(method: str) -> None:
    noise = np.random.default_rng(2).normal(180, 5, (240, 320, 3))
    assert len(find_regions(noise.astype(np.uint8), METHODS[method]())) == 0


@pytest.mark.parametrize("method", METHODS)
def test_light_regions_where_they_are_asked_for(method: str) -> None:
    # Of a dark plate the relative contrast is larger, and an outline has no sign.
    light = find_regions(255 - plate(), METHODS[method](light=True))
    assert len(light) == 1
    if method != "edges":
        assert len(find_regions(255 - plate(), METHODS[method]())) == 0


@pytest.mark.parametrize("method", METHODS)
def test_small_ones_are_dropped(method: str) -> None:
    assert len(find_regions(plate(), METHODS[method](least_area_px=2000))) == 0


@pytest.mark.parametrize("angle_deg", [0, 30, 45, 90])
@pytest.mark.parametrize("width_px", [4, 9])
def test_a_line_is_one_finding_at_every_angle(angle_deg: float, width_px: int) -> None:
    image, truth = cracked(angle_deg, width_px)
    found = find_regions(image, EdgeSettings(method="edges"))
    assert len(found) == 1
    assert iou(found, truth) > 0.6


def test_a_disc_larger_than_the_widest_line_is_no_line() -> None:
    image = np.full((320, 320, 3), 180, dtype=np.uint8)
    cv2.circle(image, (160, 160), 60, (60, 60, 60), cv2.FILLED)
    found = find_regions(image, EdgeSettings(method="edges", widths_px=(4.0,)))
    centre = [m for m in found.masks if m.to_frame(found.size_wh)[160, 160]]
    assert centre == []


def test_growing_finds_each_region_at_its_own_depth() -> None:
    # One dark and one pale blob, both with soft edges: half of its own depth is each one's edge.
    rows, columns = np.mgrid[0:240, 0:320]
    image = np.full((240, 320), 180.0)
    for x, depth in ((90, 140.0), (230, 90.0)):
        image -= depth * np.exp(-((columns - x) ** 2 + (rows - 120) ** 2) / (2 * 15.0**2))
    rgb = np.repeat(image[..., None], 3, axis=2).astype(np.uint8)
    settings = GrowthSettings(
        method="region-growing", seed_contrast=0.3, share=0.5, background_px=999
    )
    found = find_regions(rgb, settings)
    assert len(found) == 2
    areas = [mask.area_px for mask in found.masks]
    assert max(areas) / min(areas) < 1.3


def test_what_grows_over_the_background_is_no_finding() -> None:
    ramp = np.linspace(40, 220, 320).astype(np.uint8)
    rgb = np.repeat(np.tile(ramp, (240, 1))[..., None], 3, axis=2)
    settings = GrowthSettings(
        method="region-growing", seed_contrast=0.2, share=0.1, background_px=999
    )
    assert len(find_regions(rgb, settings)) == 0


def test_a_graph_cut_closes_what_noise_has_torn() -> None:
    # Some of the blob's pixels are as light as the plate: the threshold leaves holes there.
    blob = cv2.circle(np.zeros((200, 200), np.uint8), (100, 100), 30, 1, cv2.FILLED) > 0
    rng = np.random.default_rng(3)
    grey = np.where(blob, rng.normal(80, 45, blob.shape), rng.normal(180, 8, blob.shape))
    rgb = np.repeat(np.clip(grey, 0, 255)[..., None], 3, axis=2).astype(np.uint8)
    given = {"contrast": 0.5, "background_px": 199, "close_px": 1}
    before = find_regions(rgb, ThresholdSettings.model_validate(given))
    after = find_regions(rgb, CutSettings.model_validate(given | {"method": "graph-cut"}))
    assert iou(before, blob) < 0.9 < iou(after, blob)


def test_beyond_its_budget_a_cut_leaves_regions_as_they_are() -> None:
    threshold = find_regions(plate(), ThresholdSettings())
    cut = find_regions(plate(), CutSettings(method="graph-cut", contrast=0.25, most_cut_px=0))
    assert cut.masks[0].bits.tolist() == threshold.masks[0].bits.tolist()


def test_scores_fall_and_the_number_is_bounded() -> None:
    image = np.full((400, 400, 3), 180, dtype=np.uint8)
    for place, level in enumerate((20, 60, 90)):
        image[100:120, 60 + 120 * place : 80 + 120 * place] = level
    every = find_regions(image, ThresholdSettings())
    assert len(every) == 3
    assert np.all(np.diff(every.scores) < 0)
    assert len(find_regions(image, ThresholdSettings(most_findings=2))) == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "canny"}, "canny"),
        ({"method": "edges", "contrast": 0.3}, "contrast"),
        ({"method": "edges", "strength": 0.5, "seed_strength": 0.2}, "strength <= seed_strength"),
        ({"method": "edges", "widths_px": []}, "widths_px"),
        ({"method": "region-growing", "share": 1.5}, "share"),
        ({"share": 0.5}, "share"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Engines.model_validate({"classical": settings})


def test_a_folder_that_names_no_method_means_the_threshold() -> None:
    engines = Engines.model_validate({"classical": {"contrast": 0.3}})
    assert isinstance(engines.classical, ThresholdSettings)
