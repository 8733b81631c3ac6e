import numpy as np
import pytest

from inspection.model_folder import ClassicalEngine, find_model
from workers import engines
from workers.engines.classical import find_regions


def plate(size_wh: tuple[int, int] = (320, 240)) -> np.ndarray:
    """A light plate with one dark disc of radius 12 px at (100, 80)."""
    image = np.full((size_wh[1], size_wh[0], 3), 180, dtype=np.uint8)
    rows, columns = np.mgrid[0 : size_wh[1], 0 : size_wh[0]]
    image[(columns - 100) ** 2 + (rows - 80) ** 2 <= 12**2] = 60
    return image


def test_a_dark_disc_is_one_finding_at_its_place() -> None:
    detector = engines.load(find_model("classical-threshold"))
    (found,) = detector.detect([plate()])
    assert detector.classes == ("defect",)
    assert len(found) == 1
    assert found.size_wh == (320, 240)
    assert found.boxes_xyxy[0] == pytest.approx([88, 68, 113, 93], abs=2)
    assert found.masks[0].area_px == pytest.approx(np.pi * 12**2, rel=0.15)
    assert 0.3 < found.scores[0] <= 1


def test_a_good_plate_has_no_finding() -> None:
    (found,) = engines.load(find_model("classical-threshold")).detect(
        [np.full((240, 320, 3), 180, dtype=np.uint8)]
    )
    assert len(found) == 0


def test_a_stream_gives_results_in_order() -> None:
    good = np.full((240, 320, 3), 180, dtype=np.uint8)
    stream = engines.load(find_model("classical-threshold")).detect_stream(
        iter([plate(), good, plate((200, 200))])
    )
    assert [(len(found), found.size_wh) for found in stream] == [
        (1, (320, 240)),
        (0, (320, 240)),
        (1, (200, 200)),
    ]


def test_light_regions_and_small_ones() -> None:
    inverted = 255 - plate()
    settings = ClassicalEngine(light=True)
    assert len(find_regions(inverted, settings, 0.0)) == 1
    assert len(find_regions(inverted, ClassicalEngine(light=False), 0.0)) == 0
    assert len(find_regions(plate(), ClassicalEngine(least_area_px=2000), 0.0)) == 0


def test_scores_fall_and_the_number_is_bounded() -> None:
    image = np.full((400, 400, 3), 180, dtype=np.uint8)
    for place, level in enumerate((20, 60, 90)):
        image[100:120, 60 + 120 * place : 80 + 120 * place] = level
    every = find_regions(image, ClassicalEngine(), 0.0)
    assert len(every) == 3
    assert np.all(np.diff(every.scores) < 0)
    assert len(find_regions(image, ClassicalEngine(most_findings=2), 0.0)) == 2


def test_an_engine_that_the_folder_lacks_is_refused() -> None:
    with pytest.raises(engines.EngineUnavailableError, match="'openvino'"):
        engines.load(find_model("classical-threshold"), engine="openvino")
