import numpy as np
import pytest

from inspection.detections import Detections, InstanceMask


def two() -> Detections:
    masks = (
        InstanceMask(np.ones((2, 3), dtype=np.bool_), 1, 2),
        InstanceMask(np.ones((4, 4), dtype=np.bool_), 6, 0),
    )
    return Detections(
        size_wh=(10, 8),
        boxes_xyxy=np.array([[1, 2, 4, 4], [6, 0, 10, 4]], dtype=np.float32),
        scores=np.array([0.9, 0.4], dtype=np.float32),
        class_ids=np.array([1, 0]),
        masks=masks,
    )


def test_a_mask_goes_to_its_place_in_the_frame_and_back() -> None:
    mask = two().masks[0]
    frame = mask.to_frame((10, 8))
    assert frame.shape == (8, 10)
    assert np.argwhere(frame).min(axis=0).tolist() == [2, 1]
    again = InstanceMask.from_frame(frame)
    assert (again.x0, again.y0, again.bits.shape, again.area_px) == (1, 2, (2, 3), 6)


def test_an_empty_frame_is_an_empty_crop() -> None:
    assert InstanceMask.from_frame(np.zeros((5, 5), dtype=np.bool_)).bits.shape == (0, 0)


def test_select_takes_a_bool_mask_and_positions_in_their_order() -> None:
    found = two()
    assert found.select(found.scores >= 0.5).class_ids.tolist() == [1]
    turned = found.select(np.array([1, 0]))
    assert turned.scores.tolist() == pytest.approx([0.4, 0.9])
    assert turned.masks[0] is found.masks[1]
    assert len(found.select([])) == 0
    assert len(Detections.empty((4, 4)).select(np.zeros(0, dtype=np.bool_))) == 0


def test_a_wrong_shape_shows_both_sides() -> None:
    with pytest.raises(ValueError, match=r"scores must be float32 of shape \(2,\).*\(3,\)"):
        Detections((10, 8), two().boxes_xyxy, np.zeros(3, np.float32), two().class_ids, two().masks)


def test_a_wrong_dtype_shows_both_sides() -> None:
    with pytest.raises(ValueError, match=r"class_ids must be int64.*float32"):
        Detections((10, 8), two().boxes_xyxy, two().scores, np.zeros(2, np.float32), two().masks)


def test_a_mask_beyond_the_image_is_refused() -> None:
    with pytest.raises(ValueError, match=r"x=10, y=4, beyond an image of 9×8"):
        Detections((9, 8), two().boxes_xyxy, two().scores, two().class_ids, two().masks)


def test_a_mask_is_two_dimensional_and_bool() -> None:
    with pytest.raises(ValueError, match="uint8"):
        InstanceMask(np.ones((2, 2), dtype=np.uint8), 0, 0)  # type: ignore[arg-type]
