"""Masks as polygons."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.ndimage import label

from inspection import rle
from inspection.datasets.masks import to_rle
from inspection.datasets.outlines import outline
from inspection.detections import InstanceMask


@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=12)), st.integers(0, 3))
@settings(max_examples=150, deadline=None)
def test_polygons_cover_the_mask_with_its_holes_and_nothing_else(
    bits: np.ndarray, shift: int
) -> None:
    frame = np.pad(bits, ((shift, 1), (shift, 2)))
    rings = outline(InstanceMask.from_frame(frame))
    assert len(rings) == label(bits)[1]  # one for each piece
    if rings:
        size_wh = (frame.shape[1], frame.shape[0])
        np.testing.assert_array_equal(rle.decode(to_rle(rings, size_wh)), frame)


def test_a_slanting_border_becomes_a_line_within_the_tolerance() -> None:
    rows, columns = np.indices((120, 120))
    frame = np.abs(rows - columns) < 10
    exact = outline(InstanceMask.from_frame(frame))
    smooth = outline(InstanceMask.from_frame(frame), 0.75)
    assert len(exact[0]) > 400
    assert len(smooth[0]) < 30
    again = rle.decode(to_rle(smooth, (120, 120)))
    assert (again ^ frame).sum() < 0.06 * frame.sum()
