"""Skeletons of masks by Guo and Hall's parallel thinning, as table look-ups in OpenCV.

scikit-image's `skeletonize` (Zhang and Suen 1984) is as fast, but it eats lines that are two
pixels wide and run down to the right at 45° from their ends: a 300 px crack came out 159 px long.
"""

from functools import cache
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt

_Bytes = npt.NDArray[np.uint8]


def thinned(mask: _Bytes) -> _Bytes:
    """The skeleton of a mask, uint8 0/1 (H, W): one pixel wide, 8-connected, as many pieces.

    Source: Z. Guo and R. W. Hall, Parallel thinning with two-subiteration algorithms, CACM 32
    (1989), algorithm A1.
    """
    skeleton: npt.NDArray[Any] = mask
    unchanged = 0
    while True:
        for table in _tables():
            # Each neighbour gives one bit, so that the sum is the neighbourhood's number.
            neighbours = cv2.filter2D(skeleton, cv2.CV_8U, _WEIGHTS, borderType=cv2.BORDER_CONSTANT)
            gone = cv2.bitwise_and(cv2.LUT(neighbours, table), skeleton)
            if cv2.countNonZero(gone):
                skeleton = cv2.bitwise_xor(skeleton, gone)
                unchanged = 0
            else:
                unchanged += 1
                if unchanged == 2:
                    return cast(_Bytes, skeleton)


# Bits 0 to 7: east, north-east, north, and on around.
_WEIGHTS = np.array([[8, 4, 2], [16, 0, 1], [32, 64, 128]], np.float32)


@cache
def _tables() -> tuple[_Bytes, _Bytes]:
    """For both subiterations: whether the centre of each of 256 neighbourhoods is deleted."""
    first, second = np.zeros(256, np.uint8), np.zeros(256, np.uint8)
    for number in range(256):
        e, ne, n, nw, w, sw, s, se = (bool(number >> bit & 1) for bit in range(8))
        pieces = sum(
            (not side) and (corner or following)
            for side, corner, following in ((n, ne, e), (e, se, s), (s, sw, w), (w, nw, n))
        )
        pairs = min(
            (nw or n) + (ne or e) + (se or s) + (sw or w),
            (n or ne) + (e or se) + (s or sw) + (w or nw),
        )
        if pieces == 1 and 2 <= pairs <= 3:
            first[number] = not ((s or sw or not nw) and w)
            second[number] = not ((n or ne or not se) and e)
    return first, second
