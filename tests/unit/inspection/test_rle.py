import numpy as np
import pytest
from hypothesis import example, given
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as coco_mask

from inspection import rle
from inspection.detections import InstanceMask

frames = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40))


@given(frames)
@example(np.ones((7, 5), dtype=np.bool_))  # one run over all columns
@example(np.zeros((7, 5), dtype=np.bool_))
@example(np.eye(9, dtype=np.bool_))
def test_it_writes_what_pycocotools_writes_and_reads_it_back(frame: np.ndarray) -> None:
    size_wh = (frame.shape[1], frame.shape[0])
    given_rle = rle.encode(InstanceMask.from_frame(frame), size_wh)
    reference = coco_mask.encode(np.asfortranarray(frame.astype(np.uint8)))
    assert given_rle == {"size": list(frame.shape), "counts": reference["counts"].decode()}
    assert np.array_equal(rle.decode(given_rle), frame)


def test_a_crop_with_empty_margins_is_encoded_as_its_frame() -> None:
    frame = np.zeros((30, 20), dtype=np.bool_)
    frame[10:12, 5:9] = True
    loose = InstanceMask(frame[5:25, 2:15].copy(), 2, 5)
    assert rle.encode(loose, (20, 30)) == rle.encode(InstanceMask.from_frame(frame), (20, 30))


def test_decode_cropped_gives_the_tight_crop() -> None:
    frame = np.zeros((1080, 1920), dtype=np.bool_)
    frame[1000:1080, 1900:1920] = True
    mask = rle.decode_cropped(rle.encode(InstanceMask.from_frame(frame), (1920, 1080)))
    assert (mask.x0, mask.y0, mask.bits.shape) == (1900, 1000, (80, 20))
    assert mask.bits.all()


def test_counts_that_do_not_add_up_are_refused() -> None:
    whole = rle.encode(InstanceMask(np.ones((4, 4), dtype=np.bool_), 0, 0), (8, 8))
    with pytest.raises(ValueError, match="add up to 64 px, a size of 8×9"):
        rle.decode({"size": [8, 9], "counts": whole["counts"]})


def test_a_string_of_other_characters_is_refused() -> None:
    with pytest.raises(ValueError, match="not a compressed COCO counts string"):
        rle.decode({"size": [4, 4], "counts": "\x7f\x7f"})
