"""Where the picture that a planogram was made from lies in a later one: keypoints, robustly fitted.

Of the reference picture nothing is kept but its keypoints (ORB: Rublee et al., ICCV 2011), some
ten kilobytes from which nobody can make out what was photographed. Pictures are shrunk first, so
that finding a shelf again costs a few milliseconds whatever the camera's size.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

Kind = Literal["none", "shift", "homography"]
Matrix = npt.NDArray[np.float64]  # (3, 3), of homogeneous points in fractions of width and height

_LONGER_SIDE_PX = 400
_THINNED_PX = 640
_KEYPOINTS = 300
_MAGIC = b"LSR1"
# Facings of one product look alike, so a keypoint is looked for near its old place alone.
_REACH = 0.15  # of the longer side
_MOST_DISTANCE = 64  # of 256 bits that two descriptors of one point may differ in
_FIT_PX = 3.0
# Half the items may be sold and their keypoints with them; what remains must agree.
_LEAST_FITTING = 12
_LEAST_SHARE = 0.3
_SCALES = (0.8, 1.25)
# A similarity that explains nearly as much as a homography is nearer the truth than one of eight
# numbers from keypoints of which half the shelf has none.
_SIMPLER = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Keypoints of a picture.

    Attributes:
        size_wh: of the shrunk picture, px.
        points: float32 (N, 2), x and y in px of it.
        descriptors: uint8 (N, 32), ORB.
    """

    size_wh: tuple[int, int]
    points: npt.NDArray[np.float32]
    descriptors: npt.NDArray[np.uint8]

    def to_text(self) -> str:
        """As text, for a file of keypoints and for a recipe."""
        size = np.array([*self.size_wh, len(self.points)], dtype="<u2").tobytes()
        points = np.round(self.points * 16).astype("<u2").tobytes()
        packed = zlib.compress(_MAGIC + size + points + self.descriptors.tobytes(), 9)
        return base64.b64encode(packed).decode("ascii")

    @classmethod
    def from_text(cls, text: str) -> Reference:
        """Back from text. Raises ValueError where it is none."""
        try:
            packed = base64.b64decode("".join(text.split()), validate=True)
            # No bomb: a thousand keypoints are less than 64 kB.
            data = zlib.decompressobj().decompress(packed, 65_536)
        except (binascii.Error, zlib.error) as error:
            raise ValueError(f"no keypoints: {error}") from error
        if data[:4] != _MAGIC or len(data) < 10:
            raise ValueError("no keypoints: they begin otherwise")
        width, height, count = (int(value) for value in np.frombuffer(data[4:10], "<u2"))
        points, descriptors = data[10 : 10 + 4 * count], data[10 + 4 * count :]
        if len(descriptors) != 32 * count or not width or not height:
            raise ValueError("no keypoints: cut off")
        xy = np.frombuffer(points, "<u2").reshape(-1, 2).astype(np.float32)
        return cls(
            (width, height),
            xy / np.float32(16),
            np.frombuffer(descriptors, np.uint8).reshape(-1, 32),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """Where the reference lies in a picture, or why nobody knows.

    Attributes:
        matrix: from the reference to the picture, both in fractions of width and height.
        problem: empty where it was found.
        fitting: keypoints that agree.
    """

    matrix: Matrix
    problem: str
    fitting: int


def describe(image_rgb: npt.NDArray[np.uint8]) -> Reference:
    """The keypoints of a picture, uint8 (H, W, 3)."""
    grey = _shrunk(image_rgb)
    # cv2's stubs do not know that a mask may be None.
    orb: Any = cv2.ORB_create(nfeatures=_KEYPOINTS, nlevels=4, fastThreshold=12)  # type: ignore[attr-defined]
    found, descriptors = orb.detectAndCompute(grey, None)
    points = np.array([point.pt for point in found], dtype=np.float32).reshape(-1, 2)
    if descriptors is None:
        descriptors = np.zeros((0, 32), dtype=np.uint8)
    return Reference((grey.shape[1], grey.shape[0]), points, descriptors)


def register(image_rgb: npt.NDArray[np.uint8], reference: Reference, kind: Kind) -> Registration:
    """Find the reference in a picture, uint8 (H, W, 3).

    Args:
        kind: `none` trusts the camera to stand still; `shift` finds a translation, `homography`
            a camera that was turned or moved as well.
    """
    if kind == "none":
        return Registration(np.eye(3), "", 0)
    now = describe(image_rgb)
    shape, known = now.size_wh[0] / now.size_wh[1], reference.size_wh[0] / reference.size_wh[1]
    if abs(shape / known - 1) > 0.02:
        return _lost(f"the picture has another shape than the reference ({shape:.2f}, {known:.2f})")
    # Both in px of the shrunk picture of now; cameras may have changed their resolution.
    before = reference.points * (now.size_wh[0] / reference.size_wh[0])
    pairs = _pairs(before, reference.descriptors, now)
    if len(pairs) < _LEAST_FITTING:
        return _lost(f"{len(pairs)} of {len(before)} keypoints found again")
    start, end = before[pairs[:, 0]], now.points[pairs[:, 1]]
    matrix, fitting = _shift(start, end) if kind == "shift" else _homography(start, end)
    if matrix is None or fitting < max(_LEAST_FITTING, _LEAST_SHARE * len(pairs)):
        return _lost(f"{fitting} of {len(pairs)} keypoints agree on where it is")
    width, height = now.size_wh
    if not _sane(matrix, width, height):
        return _lost("its keypoints agree on a place that no camera sees")
    scale = np.diag([width, height, 1.0])
    return Registration(np.linalg.inv(scale) @ matrix @ scale, "", fitting)


def moved(matrix: Matrix, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Points (N, 2) taken through a matrix."""
    homogeneous = np.column_stack([np.asarray(points, dtype=np.float64), np.ones(len(points))])  # type: ignore[arg-type]
    ends = homogeneous @ matrix.T
    return np.asarray(ends[:, :2] / ends[:, 2:], dtype=np.float64)


def _lost(why: str) -> Registration:
    return Registration(np.eye(3), f"the shelf is not where the planogram saw it: {why}", 0)


def _shrunk(image_rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    # Every other pixel of a large picture is enough, and saves most of the time.
    step = max(1, max(image_rgb.shape[:2]) // _THINNED_PX)
    height, width = (side // step for side in image_rgb.shape[:2])
    if step > 1:
        thinned = cv2.resize(image_rgb, (width, height), interpolation=cv2.INTER_NEAREST)
        image_rgb = np.asarray(thinned, dtype=np.uint8)
    scale = min(1.0, _LONGER_SIDE_PX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Colour to grey after shrinking: a twentieth of the pixels.
    small = cv2.resize(image_rgb, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def _pairs(
    before: npt.NDArray[np.float32], descriptors: npt.NDArray[np.uint8], now: Reference
) -> npt.NDArray[np.intp]:
    """Pairs (K, 2) of keypoints that are each other's likest within reach."""
    if not len(before) or not len(now.points):
        return np.zeros((0, 2), dtype=np.intp)
    reach = _REACH * max(now.size_wh)
    # By coordinate and by word: reductions over two or four numbers cost more than all the rest.
    near = np.abs(before[:, 0, None] - now.points[None, :, 0]) <= reach
    near &= np.abs(before[:, 1, None] - now.points[None, :, 1]) <= reach
    # Thirty-two bytes are four words, whose differing bits are counted at once.
    words = [np.ascontiguousarray(each).view(np.uint64) for each in (descriptors, now.descriptors)]
    differing = np.zeros(near.shape, dtype=np.int16)
    for word in range(4):
        differing += np.bitwise_count(words[0][:, word, None] ^ words[1][None, :, word])
    distance = np.where(near, differing, np.int16(4 * _MOST_DISTANCE))
    best = distance.argmin(axis=1)
    mutual = distance.argmin(axis=0)[best] == np.arange(len(before))
    good = mutual & (distance.min(axis=1) <= _MOST_DISTANCE)
    return np.column_stack([np.flatnonzero(good), best[good]])


def _shift(
    start: npt.NDArray[np.float32], end: npt.NDArray[np.float32]
) -> tuple[Matrix | None, int]:
    """The translation that most pairs agree on: each pair votes, the best one is refined."""
    ways = end - start
    agree = np.hypot(*(ways[:, None] - ways[None]).transpose(2, 0, 1)) <= _FIT_PX
    best = agree[agree.sum(axis=1).argmax()]
    matrix = np.eye(3)
    matrix[:2, 2] = ways[best].mean(axis=0)
    return matrix, int(best.sum())


def _homography(
    start: npt.NDArray[np.float32], end: npt.NDArray[np.float32]
) -> tuple[Matrix | None, int]:
    # Both draw by a seed of their own: the same picture always gives the same answer.
    full, fits = cv2.findHomography(start, end, cv2.USAC_MAGSAC, _FIT_PX, maxIters=1000)
    similar, agree = cv2.estimateAffinePartial2D(
        start, end, method=cv2.RANSAC, ransacReprojThreshold=_FIT_PX
    )
    of_full = int(fits.sum()) if full is not None else 0
    of_similar = int(agree.sum()) if similar is not None else 0
    if similar is not None and of_similar >= _SIMPLER * of_full:
        return np.vstack([similar, [0.0, 0.0, 1.0]]), of_similar
    return (None, 0) if full is None else (np.asarray(full, dtype=np.float64), of_full)


def _sane(matrix: Matrix, width: int, height: int) -> bool:
    """Whether the picture's corners go where a camera that was nudged would see them."""
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float64)
    ends = moved(matrix, corners)
    if not np.isfinite(ends).all() or np.abs(ends - corners).max() > 2 * _REACH * max(
        width, height
    ):
        return False
    if not cv2.isContourConvex(ends.astype(np.float32)):
        return False
    area = float(cv2.contourArea(ends.astype(np.float32))) / (width * height)
    return _SCALES[0] ** 2 <= area <= _SCALES[1] ** 2
