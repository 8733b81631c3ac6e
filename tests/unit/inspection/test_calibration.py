"""Calibrations are made from drawn boards and known lengths, and what they measure is drawn too."""

import json
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest

from inspection.calibrating import (
    Board,
    calibrate_checkerboard,
    calibrate_plane,
    scale_from_length,
)
from inspection.calibration import (
    Calibration,
    CalibrationError,
    Lens,
    as_calibration,
    read_calibration,
    write_calibration,
)
from inspection.measure import measure_trace
from inspection.millimetres import in_mm
from inspection.tracing import trace

SIZE_WH = (640, 480)
BOARD = Board((9, 6), square_mm=5.0)
CAMERA = np.array([[600.0, 0, 313], [0, 603, 243], [0, 0, 1]])
BENT = np.array([-0.22, 0.08, 0.001, -0.0005, 0.0])
# Corners of 100 × 60 mm as a tilted camera sees them.
CORNERS_PX = np.array([[80.0, 60], [567, 40], [607, 440], [40, 393]])
CORNERS_MM = np.array([[0.0, 0], [100, 0], [100, 60], [0, 60]])


def board_seen(turned: tuple[float, float, float], at_mm: tuple[float, float, float]) -> np.ndarray:
    """The board photographed through a bent lens, grey."""
    square = 40
    columns, rows = BOARD.corners[0] + 1, BOARD.corners[1] + 1
    flat = np.full(((rows + 2) * square, (columns + 2) * square), 235, np.uint8)
    for row in range(rows):
        for column in range(columns):
            if (row + column) % 2 == 0:
                y, x = (row + 1) * square, (column + 1) * square
                flat[y : y + square, x : x + square] = 25
    # Each pixel of the photograph is looked up on the board: unbend, go along the ray.
    y, x = np.mgrid[0 : SIZE_WH[1], 0 : SIZE_WH[0]].astype(np.float64)
    pixels = np.stack([x.ravel(), y.ravel()], axis=-1)[:, None]
    rays = cv2.undistortPoints(pixels, CAMERA, BENT).reshape(-1, 2)
    rotation = cv2.Rodrigues(np.array(turned))[0]
    onto = np.column_stack([rotation[:, 0], rotation[:, 1], np.array(at_mm)])
    on_board = np.column_stack([rays, np.ones(len(rays))]) @ np.linalg.inv(onto).T
    millimetres = on_board[:, :2] / on_board[:, 2:]
    # The first inner corner is the board's origin.
    grid = (millimetres / BOARD.square_mm + 2) * square - 0.5
    u, v = grid.astype(np.float32).reshape(SIZE_WH[1], SIZE_WH[0], 2).transpose(2, 0, 1)
    seen = cv2.remap(flat, u, v, cv2.INTER_AREA, borderValue=235)
    return cv2.GaussianBlur(seen, (0, 0), 0.7)


VIEWS = {
    "flat.png": ((0.0, 0.0, 0.0), (-20.0, -12.0, 70.0)),
    "left.png": ((0.0, 0.45, 0.1), (-24.0, -14.0, 75.0)),
    "right.png": ((0.05, -0.5, -0.1), (-18.0, -10.0, 70.0)),
    "up.png": ((0.5, 0.0, 0.2), (-22.0, -16.0, 72.0)),
    "corner.png": ((-0.3, 0.3, 0.0), (-30.0, -20.0, 80.0)),
}


def test_a_scale_is_length_over_pixels_and_as_uncertain_as_both() -> None:
    made = scale_from_length(50.0, 500.0, u_length_mm=0.05, u_length_px=1.0)
    assert made.mm_per_px == pytest.approx(0.1)
    assert made.u_mm_per_px == pytest.approx(0.1 * np.hypot(0.05 / 50, 1 / 500))
    by_points = scale_from_length(50.0, 500.0)
    assert by_points.u_relative == pytest.approx(6**-0.5 / 500)


@pytest.mark.parametrize(("mm", "px", "u_mm"), [(0, 10, 0), (10, 0, 0), (10, 10, -1)])
def test_a_length_is_above_nothing(mm: float, px: float, u_mm: float) -> None:
    with pytest.raises(CalibrationError, match="expected lengths above 0"):
        scale_from_length(mm, px, u_length_mm=u_mm)


@pytest.fixture(scope="module")
def made() -> Calibration:
    images = {name: board_seen(*view) for name, view in VIEWS.items()}
    return calibrate_checkerboard(images, BOARD, "flat.png")


def test_a_board_gives_the_lens_and_the_plane(made: Calibration) -> None:
    assert made.method == "checkerboard"
    assert made.size_wh == SIZE_WH
    assert made.lens is not None
    assert made.residual_px is not None
    assert made.residual_px < 0.3
    assert made.lens.camera[0][0] == pytest.approx(600, rel=0.02)
    assert made.lens.distortion[0] == pytest.approx(-0.22, abs=0.03)
    # 70 mm away: 70 / 600 mm per px.
    assert made.mm_per_px == pytest.approx(70 / 601.5, rel=0.005)
    assert 0 < made.u_relative < 0.002


def test_points_through_lens_and_plane_lie_where_they_are(made: Calibration) -> None:
    on_board = np.array([[0.0, 0], [40, 0], [40, 25], [20, 12.5], [-4, -4]])
    turned, at = VIEWS["flat.png"]
    solid = np.column_stack([on_board, np.zeros(len(on_board))])
    pixels = cv2.projectPoints(solid, np.array(turned), np.array(at), CAMERA, BENT)[0]
    found = made.to_mm(pixels.reshape(-1, 2))
    # From which end of the board its axes count is not known, and is of no account.
    for one, other in combinations(range(len(on_board)), 2):
        apart = np.hypot(*(on_board[one] - on_board[other]))
        assert np.hypot(*(found[one] - found[other])) == pytest.approx(apart, abs=0.03)


def test_a_board_that_is_not_there_is_named() -> None:
    blank = np.full((SIZE_WH[1], SIZE_WH[0]), 200, np.uint8)
    flat = board_seen(*VIEWS["flat.png"])
    with pytest.raises(CalibrationError, match=r"nothing\.png: expected a board of 9 × 6"):
        calibrate_checkerboard({"flat.png": flat, "nothing.png": blank}, BOARD, "nothing.png")
    with pytest.raises(CalibrationError, match=r"in 1 of 2; not in nothing\.png"):
        calibrate_checkerboard({"flat.png": flat, "nothing.png": blank}, BOARD, "flat.png")
    with pytest.raises(CalibrationError, match="images of one size"):
        calibrate_checkerboard({"a": flat, "b": flat[:100]}, BOARD, "a")


def test_four_points_make_a_plane() -> None:
    made = calibrate_plane(CORNERS_PX, CORNERS_MM, SIZE_WH)
    assert made.to_mm(CORNERS_PX) == pytest.approx(CORNERS_MM, abs=1e-6)
    assert made.residual_px is None
    assert 0 < made.u_relative < 0.002


def test_more_points_leave_a_residual() -> None:
    exact = calibrate_plane(CORNERS_PX, CORNERS_MM, SIZE_WH)
    middle = np.array([[320.0, 235.0]])
    off = np.concatenate([CORNERS_MM, exact.to_mm(middle) + 0.5])
    made = calibrate_plane(np.concatenate([CORNERS_PX, middle]), off, SIZE_WH)
    assert made.residual_px is not None
    assert 0.5 < made.residual_px < 4
    assert made.u_relative > exact.u_relative


@pytest.mark.parametrize(
    "points",
    [[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 0], [2, 0], [3, 0]], [[0, 0], [1, 0], [2, 0], [0, 9]]],
)
def test_points_that_span_no_plane_are_refused(points: list[list[float]]) -> None:
    with pytest.raises(CalibrationError, match="expected"):
        calibrate_plane(np.array(points, float) * 100, np.array(points, float), SIZE_WH)


@pytest.mark.parametrize("angle_deg", [0, 35, 90, 140])
@pytest.mark.parametrize("width_mm", [0.8, 3.0])
def test_what_is_drawn_on_a_plane_measures_what_it_is(width_mm: float, angle_deg: float) -> None:
    """A bar of 40 mm on a tilted plane; the image's own scale would err by a tenth."""
    made = calibrate_plane(CORNERS_PX, CORNERS_MM, SIZE_WH)
    y, x = np.mgrid[0 : SIZE_WH[1], 0 : SIZE_WH[0]].astype(float)
    where = made.to_mm(np.stack([x.ravel(), y.ravel()], axis=-1)) - (50, 30)
    cos, sin = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    along, across = where @ (cos, sin), where @ (-sin, cos)
    mask = ((np.abs(along) <= 20) & (np.abs(across) <= width_mm / 2)).reshape(y.shape)
    # Cut out, as a finding's mask is.
    x0, y0 = 20, 15
    traced = trace(mask[y0:, x0:])
    measured = in_mm(traced, measure_trace(traced), (x0, y0), made)
    px_mm = made.mm_per_px
    assert measured["length"].value == pytest.approx(40, rel=0.01)
    assert measured["mean_width"].value == pytest.approx(width_mm, abs=0.3 * px_mm)
    assert measured["max_width"].value == pytest.approx(width_mm, abs=0.9 * px_mm)
    assert measured["area"].value == pytest.approx(40 * width_mm, rel=0.02)
    for name, each in measured.items():
        assert 0 < each.uncertainty < each.value, name


def test_a_disc_on_a_plane_has_its_area() -> None:
    made = calibrate_plane(CORNERS_PX, CORNERS_MM, SIZE_WH)
    y, x = np.mgrid[0 : SIZE_WH[1], 0 : SIZE_WH[0]].astype(float)
    where = made.to_mm(np.stack([x.ravel(), y.ravel()], axis=-1)) - (70, 30)
    traced = trace((np.hypot(*where.T) <= 12).reshape(y.shape))
    measured = in_mm(traced, measure_trace(traced), (0, 0), made)
    assert measured["area"].value == pytest.approx(np.pi * 144, rel=0.003)
    assert measured["length"].value == pytest.approx(24, rel=0.03)


def test_a_scale_propagates_by_the_law() -> None:
    mask = np.ones((4, 100), bool)
    traced = trace(mask)
    pixels = measure_trace(traced)
    made = in_mm(traced, pixels, (0, 0), Calibration(mm_per_px=0.1, u_mm_per_px=0.002))
    assert made["length"].value == pytest.approx(0.1 * pixels.length_px)
    u_length = np.hypot(0.1 * pixels.u_length_px, pixels.length_px * 0.002)
    assert made["length"].uncertainty == pytest.approx(u_length)
    u_area = np.hypot(0.01 * pixels.u_area_px, 2 * 0.1 * 400 * 0.002)
    assert made["area"].uncertainty == pytest.approx(u_area)


def test_a_file_reads_back_as_it_was(tmp_path: Path, made: Calibration) -> None:
    path = tmp_path / "camera.json"
    until = datetime(2030, 1, 1, tzinfo=UTC)
    kept = made.model_copy(update={"expires_at": until, "made_at": until - timedelta(days=9)})
    write_calibration(path, kept)
    assert read_calibration(path) == kept


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mm_per_px": 0}, "mm_per_px: Input should be greater than 0"),
        ({"mm_per_pixel": 1}, "mm_per_pixel: Extra inputs"),
        ({"plane": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]}, "expected size_wh"),
        ({"size_wh": [9, 9], "plane": [[1, 0, 0], [2, 0, 0], [0, 0, 1]]}, "can be inverted"),
        ({"expires_at": "2030-01-01T00:00:00"}, "expires_at: Input should have timezone"),
    ],
)
def test_a_bad_file_is_named_with_its_key(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    path = tmp_path / "bad.json"
    path.write_text(json.dumps({"mm_per_px": 0.1} | change))
    with pytest.raises(CalibrationError, match=message) as caught:
        read_calibration(path)
    assert "bad.json" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match=r"none\.json: No such file"):
        read_calibration(tmp_path / "none.json")


def test_a_lens_alone_straightens() -> None:
    lens = Lens(camera=tuple(map(tuple, CAMERA.tolist())), distortion=tuple(BENT))
    made = Calibration(mm_per_px=0.1, size_wh=SIZE_WH, lens=lens)
    edge = np.array([[13.0, 243.0]])
    # The barrel drew the edge inwards; straightened it lies farther out.
    assert made.to_mm(edge)[0, 0] < 2.0


def test_a_bare_scale_is_exact() -> None:
    bare = as_calibration(0.25)
    assert bare is not None
    assert (bare.mm_per_px, bare.u_relative, bare.is_scale) == (0.25, 0.0, True)
    assert bare.expired_at(datetime.now(UTC)) is None
