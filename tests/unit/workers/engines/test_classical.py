import numpy as np
import pytest

from inspection.model_folder import find_model
from workers import engines

SHIPPED = (
    "classical-threshold",
    "classical-edges",
    "classical-region-growing",
    "classical-graph-cut",
)


def wall(size_wh: tuple[int, int] = (320, 240)) -> np.ndarray:
    """A light wall with one dark crack of 160 × 6 px."""
    image = np.full((size_wh[1], size_wh[0], 3), 180, dtype=np.uint8)
    image[100:106, 20:180] = 60
    return image


@pytest.mark.parametrize("name", SHIPPED)
def test_a_crack_is_one_finding_at_its_place(name: str) -> None:
    detector = engines.load(find_model(name))
    (found,) = detector.detect([wall()])
    assert detector.classes == ("defect",)
    assert len(found) == 1
    assert found.boxes_xyxy[0] == pytest.approx([20, 100, 180, 106], abs=4)
    assert found.masks[0].area_px == pytest.approx(160 * 6, rel=0.4)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_stream_gives_results_in_order(name: str) -> None:
    good = np.full((240, 320, 3), 180, dtype=np.uint8)
    stream = engines.load(find_model(name)).detect_stream(iter([wall(), good, wall((200, 200))]))
    assert [(len(found), found.size_wh) for found in stream] == [
        (1, (320, 240)),
        (0, (320, 240)),
        (1, (200, 200)),
    ]


def test_an_engine_that_the_folder_lacks_is_refused() -> None:
    with pytest.raises(engines.EngineUnavailableError, match="'openvino'"):
        engines.load(find_model("classical-threshold"), engine="openvino")
