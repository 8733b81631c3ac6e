"""Calibrations made: from a known length, from checkerboards, from points on a plane.

Standard uncertainties are of type B or from the fit's residual, propagated after GUM (JCGM
100:2008, 5.1.2). Lens and boards are OpenCV's (Z. Zhang, A flexible new technique for camera
calibration, TPAMI 22, 2000).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt

from inspection.calibration import Calibration, CalibrationError, Lens, Matrix

_Floats = npt.NDArray[np.float64]
Rgb = npt.NDArray[np.uint8]

# A point that a person or a corner finder puts on an edge: anywhere within the pixel.
U_POINT_PX = 12**-0.5
# Fewer views leave focal length and distance to each other.
FEWEST_VIEWS = 3


@dataclass(frozen=True)
class Board:
    """A checkerboard: its inner corners, and the side of a square with its standard uncertainty."""

    corners: tuple[int, int]  # columns and rows of inner corners
    square_mm: float
    u_square_mm: float = 0.0

    def __post_init__(self) -> None:
        if min(self.corners) < 3 or not self.square_mm > 0:
            raise CalibrationError(
                f"expected a board of 3 × 3 inner corners or more with squares above 0 mm,"
                f" got {self.corners[0]} × {self.corners[1]} of {self.square_mm} mm"
            )

    @property
    def points_mm(self) -> _Floats:
        """The corners on the board, row by row, mm (N, 2)."""
        columns, rows = self.corners
        grid = np.mgrid[0:columns, 0:rows].T.reshape(-1, 2)
        return grid.astype(np.float64) * self.square_mm


def scale_from_length(
    length_mm: float,
    length_px: float,
    *,
    u_length_mm: float = 0.0,
    u_length_px: float = 2**0.5 * U_POINT_PX,
) -> Calibration:
    """A scale from something of known length: s = L/l, u(s)/s = √((u(L)/L)² + (u(l)/l)²).

    Args:
        length_px: between two points, or as a part was measured.
        u_length_mm: of the known length, standard (of a calibration certificate's U take half).
        u_length_px: of what was measured; by default of two points on edges.

    Raises:
        CalibrationError: a length is not above 0, or an uncertainty below.
    """
    if not (length_mm > 0 and length_px > 0 and u_length_mm >= 0 and u_length_px >= 0):
        raise CalibrationError(
            f"expected lengths above 0 and uncertainties of 0 or more, got {length_mm} mm"
            f" (u {u_length_mm}) and {length_px} px (u {u_length_px})"
        )
    scale = length_mm / length_px
    relative = float(np.hypot(u_length_mm / length_mm, u_length_px / length_px))
    return Calibration(mm_per_px=scale, u_mm_per_px=scale * relative)


def find_corners(image: Rgb, board: Board) -> _Floats | None:
    """The board's inner corners in an image, uint8 (H, W, 3) or (H, W): px (N, 2), or None."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image
    # Thorough only where the quick search fails: it takes seconds.
    for thoroughly in (0, cv2.CALIB_CB_EXHAUSTIVE):
        flags = cv2.CALIB_CB_ACCURACY | thoroughly
        found, corners = cv2.findChessboardCornersSB(grey, board.corners, flags=flags)
        if found:
            return cast(_Floats, corners.reshape(-1, 2).astype(np.float64))
    return None


def calibrate_checkerboard(images: Mapping[str, Rgb], board: Board, plane_of: str) -> Calibration:
    """Lens from several views of a board, plane and scale from the one in which it lies there.

    Args:
        images: by name; of one size.
        plane_of: the name of the image in which the board lies where parts lie.

    Raises:
        CalibrationError: too few images, sizes that differ, or no board where one is needed.
    """
    sizes = {(image.shape[1], image.shape[0]) for image in images.values()}
    if len(sizes) != 1:
        raise CalibrationError(f"expected images of one size, got {sorted(sizes)}")
    (size_wh,) = sizes
    found = {name: find_corners(image, board) for name, image in images.items()}
    seen = {name: corners for name, corners in found.items() if corners is not None}
    columns, rows = board.corners
    if plane_of not in seen:
        raise CalibrationError(
            f"{plane_of}: expected a board of {columns} × {rows} inner corners, found none"
        )
    if len(seen) < FEWEST_VIEWS:
        missing = ", ".join(name for name in images if name not in seen)
        raise CalibrationError(
            f"expected the board of {columns} × {rows} inner corners in {FEWEST_VIEWS} images or"
            f" more, turned and tilted, found it in {len(seen)} of {len(images)}"
            + (f"; not in {missing}" if missing else "")
        )
    on_board = np.column_stack([board.points_mm, np.zeros(columns * rows)]).astype(np.float32)
    rms, camera, distortion, _, _ = cv2.calibrateCamera(
        [on_board] * len(seen),
        [corners.astype(np.float32) for corners in seen.values()],
        size_wh,
        cast(Any, None),
        cast(Any, None),
    )
    lens = Lens(camera=_matrix(camera), distortion=tuple(distortion.ravel().tolist()))
    return calibrate_plane(
        seen[plane_of],
        board.points_mm,
        size_wh,
        lens=lens,
        u_relative=board.u_square_mm / board.square_mm,
        residual_px=float(rms),
    ).model_copy(update={"method": "checkerboard"})


def calibrate_plane(
    points_px: _Floats,
    points_mm: _Floats,
    size_wh: tuple[int, int],
    *,
    lens: Lens | None = None,
    u_relative: float = 0.0,
    residual_px: float | None = None,
) -> Calibration:
    """A plane from four points or more whose places on it are known.

    Args:
        points_px, points_mm: (N, 2) each, in the image and on the plane.
        u_relative: relative standard uncertainty of the known distances.
        residual_px: of the lens's fit, where it is more than the plane's own.

    Raises:
        CalibrationError: fewer than four points, or three of four on a line.
    """
    if len(points_px) < 4 or points_px.shape != points_mm.shape:
        raise CalibrationError(f"expected four points or more, got {len(points_px)}")
    bare = Calibration(mm_per_px=1.0, size_wh=size_wh, lens=lens)
    straight = bare.to_mm(points_px)  # undistorted pixels, at 1 mm each
    plane = _homography(straight, points_mm)
    # What is left over, in px: the plane's points seen back in the image.
    inverse = np.linalg.inv(plane).astype(np.float64)
    back = _through(inverse, points_mm)
    left = float(np.sqrt(np.mean(np.sum((back - straight) ** 2, axis=1))))
    # Four points fit any plane; they are as good as they were put.
    exact = len(points_px) == 4
    residual = max(left, residual_px or 0.0)
    extent_px = float(np.hypot(*np.ptp(straight, axis=0)))
    u_px = 2**0.5 * (U_POINT_PX if exact else residual)
    middle: _Floats = np.array([[size_wh[0] / 2, size_wh[1] / 2]])
    around = np.array([[0.5, 0.0], [-0.5, 0.0], [0.0, 0.5], [0.0, -0.5]])
    beside = _through(plane, np.asarray(middle + around, np.float64))
    across, down = beside[0] - beside[1], beside[2] - beside[3]
    scale = float(np.sqrt(abs(across[0] * down[1] - across[1] * down[0])))
    return Calibration(
        method="plane",
        mm_per_px=scale,
        u_mm_per_px=scale * float(np.hypot(u_relative, u_px / extent_px)),
        size_wh=size_wh,
        lens=lens,
        plane=_matrix(plane),
        residual_px=None if exact and residual_px is None else residual,
    )


def _homography(points: _Floats, onto: _Floats) -> _Floats:
    triples = ((0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3))
    for flat in (points, onto):
        spread = float(np.ptp(flat, axis=0).max())
        if len(flat) == 4 and any(_area(flat[list(each)]) < 1e-3 * spread**2 for each in triples):
            raise CalibrationError("expected four points of which no three lie on a line")
    plane, _ = cv2.findHomography(points, onto, 0)
    if plane is None or abs(float(np.linalg.det(plane))) < 1e-18:
        raise CalibrationError("expected points that span a plane; these lie on a line")
    return cast(_Floats, plane.astype(np.float64))


def _area(corners: _Floats) -> float:
    one, other = corners[1] - corners[0], corners[2] - corners[0]
    return abs(float(one[0] * other[1] - one[1] * other[0])) / 2


def _through(homography: _Floats, points: _Floats) -> _Floats:
    mapped: _Floats = points @ homography[:, :2].T + homography[:, 2]
    return mapped[:, :2] / mapped[:, 2:]


def _matrix(values: npt.NDArray[Any]) -> Matrix:
    rows: Sequence[Sequence[float]] = values.astype(float).tolist()
    return cast(Matrix, tuple(tuple(row) for row in rows))
