import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import array_shapes, arrays

from inspection.measure import measure_mask

ANGLES_DEG = [0, 7, 22.5, 31, 45.5, 60, 77, 90, 101, 123, 134.3, 135, 150, 171]


def line(points_xy: np.ndarray, widths: np.ndarray | float, size: int) -> np.ndarray:
    """Every pixel whose centre lies within half a width of a line through the points."""
    y, x = np.mgrid[0:size, 0:size].astype(float)
    mask = np.zeros((size, size), dtype=bool)
    widths = np.broadcast_to(np.asarray(widths, float), len(points_xy))
    for a, b, width_a, width_b in zip(
        points_xy[:-1], points_xy[1:], widths[:-1], widths[1:], strict=True
    ):
        way = b - a
        share = np.clip(((x - a[0]) * way[0] + (y - a[1]) * way[1]) / (way @ way), 0, 1)
        away = np.hypot(x - a[0] - share * way[0], y - a[1] - share * way[1])
        mask |= away <= (width_a + share * (width_b - width_a)) / 2
    return mask


def bar(length: float, width: float, angle_deg: float, shift: float = 0.2) -> np.ndarray:
    """A bar with flat ends around the middle; angles count counterclockwise as one sees it."""
    size = int(length + 2 * width + 12)
    y, x = np.mgrid[0:size, 0:size] - size / 2 + shift
    cos, sin = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return (np.abs(x * cos - y * sin) <= length / 2) & (np.abs(x * sin + y * cos) <= width / 2)


def way(points_xy: np.ndarray) -> float:
    return float(np.hypot(*np.diff(points_xy, axis=0).T).sum())


def turned(angle_deg: float) -> np.ndarray:
    return np.array([np.cos(np.radians(angle_deg)), -np.sin(np.radians(angle_deg))])


@pytest.mark.parametrize("angle_deg", ANGLES_DEG)
@pytest.mark.parametrize(
    ("length", "width"),
    [(60, 3), (90, 1.5), (120, 5), (200, 12), (300, 2), (300, 8), (400, 20), (400, 40), (120, 40)],
)
def test_a_bar_measures_what_was_drawn(length: float, width: float, angle_deg: float) -> None:
    measured = measure_mask(bar(length, width, angle_deg))
    assert measured.length_px == pytest.approx(length, rel=0.02, abs=1.0)
    # A raster has 0.7 px steps at 45°, so that thin bars are not all of the width asked for.
    drawn_width = measured.area_px / length
    assert measured.mean_width_px == pytest.approx(drawn_width, abs=0.5)
    assert measured.mean_width_px == pytest.approx(width, abs=0.7)
    assert measured.max_width_px == pytest.approx(drawn_width, abs=0.6 if width < 4 else 0.5)
    assert measured.mean_width_px <= measured.width_p95_px <= measured.max_width_px
    assert measured.branch_count == 0
    off = (measured.orientation_deg - angle_deg + 90) % 180 - 90
    assert abs(off) < 0.5


@pytest.mark.parametrize("angle_deg", ANGLES_DEG)
@pytest.mark.parametrize("width", [1.5, 2, 5, 12, 24])
def test_round_ends_belong_to_the_length(width: float, angle_deg: float) -> None:
    half = 70 * turned(angle_deg)
    measured = measure_mask(line(np.array([110.3 - half, 110.3 + half]), width, 220))
    assert measured.length_px == pytest.approx(140 + width, rel=0.02)
    # At 45° the raster has 33 diagonals of the 24 px, which are 23.3 px.
    assert measured.mean_width_px == pytest.approx(width, abs=0.7)
    assert measured.max_width_px == pytest.approx(width, abs=0.7)


@pytest.mark.parametrize(("radius", "width"), [(30, 3), (60, 3), (60, 8), (60, 20), (100, 12)])
def test_an_arc_measures_its_way_and_not_its_chord(radius: float, width: float) -> None:
    angles = np.linspace(0.3, 0.3 + np.pi, 80)
    points = 130 + radius * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    measured = measure_mask(line(points, width, 260))
    assert measured.length_px == pytest.approx(way(points) + width, rel=0.02)
    assert measured.mean_width_px == pytest.approx(width, abs=0.3)
    assert measured.max_width_px == pytest.approx(width, abs=0.5)


@pytest.mark.parametrize("seed", range(6))
def test_a_wandering_tapering_crack(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bends = np.cumsum(rng.normal(0, 0.25, 40))
    bends -= bends.mean()
    steps = 9 * np.stack([np.cos(bends), np.sin(bends)], axis=-1)
    points = np.array([60.0, 250.0]) + np.cumsum(steps, axis=0)
    widths = np.interp(np.arange(40), [0, 20, 39], [2, 9, 1.5])
    measured = measure_mask(line(points, widths, 512))
    assert measured.length_px == pytest.approx(way(points) + 1.75, rel=0.02)
    assert measured.mean_width_px == pytest.approx(widths.mean(), abs=0.5)
    assert measured.max_width_px == pytest.approx(9, abs=0.5)


@pytest.mark.parametrize("branch", [20, 60, 90])
def test_a_branch_adds_nothing_to_length_and_little_to_width(branch: int) -> None:
    stem = np.array([[50, 50], [250, 250.0]])
    twig = np.array([[150, 150], [150 + branch, 150.0]])
    measured = measure_mask(line(stem, 6, 300) | line(twig, 4, 300))
    assert measured.length_px == pytest.approx(way(stem) + 6, rel=0.02)
    assert measured.mean_width_px == pytest.approx(6, abs=0.6)
    assert measured.max_width_px < 8


def test_the_longest_of_three_arms_counts() -> None:
    ends = [np.array([50, 150.0]), np.array([250, 150.0]), np.array([150, 270.0])]
    middle = np.array([150, 150.0])
    mask = np.any([line(np.array([middle, end]), 5, 300) for end in ends], axis=0)
    # Two arms of 100 and one of 120 px: the longest way leads through the longer one.
    assert measure_mask(mask).length_px == pytest.approx(225, rel=0.02)


def test_a_bulge_is_the_maximum_width() -> None:
    y, x = np.mgrid[0:300, 0:300] - 150
    thin = line(np.array([[50, 150], [250, 150.0]]), 6, 300)
    measured = measure_mask(thin | (np.hypot(x, y) <= 12))
    assert measured.max_width_px == pytest.approx(24, abs=2)
    assert measured.mean_width_px < 10


@pytest.mark.parametrize("gap", [2, 5])
def test_a_small_gap_does_not_halve_a_crack(gap: int) -> None:
    stem = np.array([[50, 50], [250, 250.0]])
    mask = line(stem, 6, 300)
    mask[148 : 148 + gap] = False
    assert measure_mask(mask).length_px == pytest.approx(way(stem) + 6, rel=0.02)


def test_far_pieces_add_area_but_no_length() -> None:
    stem = np.array([[50, 50], [250, 250.0]])
    mask = line(stem, 6, 300)
    alone = measure_mask(mask)
    for x in range(100, 290, 30):
        mask[20:24, x : x + 4] = True
    both = measure_mask(mask)
    assert both.area_px == alone.area_px + 7 * 16
    assert both.length_px == pytest.approx(alone.length_px, rel=0.01)


def test_a_pinhole_does_not_change_the_length() -> None:
    stem = np.array([[50, 50], [250, 250.0]])
    mask = line(stem, 8, 300)
    mask[149:152, 149:152] = False
    assert measure_mask(mask).length_px == pytest.approx(way(stem) + 8, rel=0.02)


@pytest.mark.parametrize("diameter", [6, 10, 31, 100, 400])
def test_a_disc_is_as_long_as_wide(diameter: int) -> None:
    y, x = np.mgrid[0:500, 0:500] - 250.2
    measured = measure_mask(np.hypot(x, y) <= diameter / 2)
    assert measured.length_px == pytest.approx(diameter, rel=0.03, abs=1)
    assert measured.max_width_px == pytest.approx(diameter, rel=0.03, abs=1)
    assert measured.mean_width_px == pytest.approx(np.pi / 4 * diameter, rel=0.05)
    assert measured.orientation_deg == 0


@pytest.mark.parametrize("angle_deg", ANGLES_DEG)
@pytest.mark.parametrize(("length", "width"), [(20, 12), (40, 30), (200, 110)])
def test_a_blob_is_as_long_as_its_longer_axis(
    length: float, width: float, angle_deg: float
) -> None:
    y, x = np.mgrid[0:300, 0:300] - 150.3
    cos, sin = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    along, across = x * cos - y * sin, x * sin + y * cos
    measured = measure_mask((2 * along / length) ** 2 + (2 * across / width) ** 2 <= 1)
    assert measured.length_px == pytest.approx(length, rel=0.03, abs=1)
    assert measured.max_width_px == pytest.approx(width, rel=0.03, abs=1)
    assert abs((measured.orientation_deg - angle_deg + 90) % 180 - 90) < 3


def test_large_masks_are_measured_smaller_but_alike() -> None:
    points = np.array([[50, 50], [1200, 700.0]])
    measured = measure_mask(line(points, 24, 1300)[:800])
    assert measured.length_px == pytest.approx(way(points) + 24, rel=0.01)
    assert measured.mean_width_px == pytest.approx(24, abs=0.8)
    assert measured.max_width_px == pytest.approx(24, abs=1)


def test_a_full_frame_is_a_blob_of_its_size() -> None:
    measured = measure_mask(np.ones((1080, 1920), bool))
    assert measured.area_px == 1080 * 1920
    assert measured.length_px == pytest.approx(1920, rel=0.02)
    assert measured.max_width_px == pytest.approx(1080, rel=0.02)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 2), (2, 1), (2, 2), (1, 100), (50, 50)])
def test_the_smallest_masks(height: int, width: int) -> None:
    measured = measure_mask(np.ones((height, width), bool))
    assert measured.area_px == height * width
    assert measured.length_px == max(height, width)
    assert measured.mean_width_px == pytest.approx(min(height, width), rel=0.005)
    assert measured.max_width_px == pytest.approx(min(height, width), rel=0.005)
    assert measured.mean_width_px <= measured.width_p95_px <= measured.max_width_px
    assert measured.orientation_deg == (90.0 if height > width else 0.0)
    assert measured.branch_count == 0


def test_place_in_the_image_changes_nothing() -> None:
    mask = bar(90, 7, 33)
    moved = np.zeros((600, 700), bool)
    moved[400 : 400 + mask.shape[0], 500 : 500 + mask.shape[1]] = mask
    assert measure_mask(moved) == measure_mask(mask)
    assert measure_mask(np.asfortranarray(moved)) == measure_mask(mask)


@pytest.mark.parametrize(
    "wrong", [np.zeros((5, 5), bool), np.zeros((0, 0), bool), np.ones((3, 3)), np.ones(3, bool)]
)
def test_what_is_no_mask_says_what_was_expected(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected a mask"):
        measure_mask(wrong)


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40)))
@settings(max_examples=300, deadline=None)
def test_any_mask_has_sane_measurements(mask: np.ndarray) -> None:
    if not mask.any():
        return
    measured = measure_mask(mask)
    assert measured.area_px == mask.sum()
    assert 0 < measured.mean_width_px <= measured.max_width_px + 1e-6
    assert 1 <= measured.length_px <= 2 * mask.size
    assert 0 <= measured.orientation_deg < 180


@pytest.mark.parametrize("width", [1.5, 2, 3, 4, 5.5, 7, 9, 12, 16, 20, 24, 28, 32, 36, 40])
def test_widths_are_within_half_a_pixel_at_every_angle(width: float) -> None:
    length = max(90.0, 6 * width)
    rng = np.random.default_rng(int(width * 10))
    for angle_deg in np.arange(0, 180, 12.5):
        mask = bar(length, width, angle_deg + rng.uniform(0, 12), shift=rng.uniform(-0.5, 0.5))
        measured = measure_mask(mask)
        # At 45° a raster draws 0.7 px too much or too little, and nearly along its rows now the
        # width's whole number below and now that above.
        drawn = measured.area_px / length
        assert measured.length_px == pytest.approx(length, rel=0.02)
        assert measured.mean_width_px == pytest.approx(drawn, abs=0.3)
        off = min(abs(measured.max_width_px - drawn), abs(measured.max_width_px - width))
        assert off <= 0.51


@pytest.mark.parametrize("scale", [0.5, 1, 2, 4])
def test_a_crack_measures_alike_at_every_scale(scale: float) -> None:
    points = scale * np.array([[40, 60], [90, 80], [130, 140], [190, 150], [230, 210.0]])
    widths = scale * np.array([3, 7, 10, 6, 3.0])
    measured = measure_mask(line(points, widths, int(260 * scale)))
    assert measured.length_px == pytest.approx(way(points) + 3 * scale, rel=0.02)
    steps = np.hypot(*np.diff(points, axis=0).T)
    mean = float(steps @ (widths[1:] + widths[:-1]) / 2 / steps.sum())
    assert measured.mean_width_px == pytest.approx(mean, abs=0.1 * mean)
    assert measured.max_width_px == pytest.approx(10 * scale, abs=0.5 + 0.05 * 10 * scale)
    assert measured.width_p95_px == pytest.approx(9.5 * scale, abs=0.5 + 0.05 * 10 * scale)


@pytest.mark.parametrize(("twigs", "count"), [((), 0), ((70,), 1), ((70, 130), 2), ((8,), 0)])
def test_branches_are_counted_where_they_stick_out(twigs: tuple[int, ...], count: int) -> None:
    mask = line(np.array([[40, 200], [360, 200.0]]), 6, 400)
    for number, length in enumerate(twigs):
        start = np.array([110.0 + 150 * number, 200])
        mask |= line(np.array([start, start + length * turned(60 - 120 * number)]), 4, 400)
    assert measure_mask(mask).branch_count == count


def test_a_ring_with_a_tail_is_measured_too() -> None:
    angles = np.linspace(0, 2 * np.pi, 100)
    ring = line(150 + 60 * np.stack([np.cos(angles), np.sin(angles)], axis=-1), 5, 400)
    tail = line(np.array([[210, 150], [360, 150.0]]), 5, 400)
    measured = measure_mask(ring | tail)
    # Half around, and out along the tail.
    assert measured.length_px == pytest.approx(np.pi * 60 + 150, rel=0.05)
    assert measured.mean_width_px == pytest.approx(5, abs=0.5)


def test_uncertainties_follow_pixels_edge_and_length() -> None:
    mask = bar(300, 8, 30)
    exact, loose = measure_mask(mask, edge_px=0), measure_mask(mask, edge_px=1)
    assert exact.u_max_width_px == exact.u_mean_width_px == pytest.approx(6**-0.5)
    # Both sides move alike: twice the edge's 1/√3.
    assert loose.u_width_p95_px == pytest.approx(np.hypot(6**-0.5, 2 / 3**0.5))
    assert exact.u_length_px == pytest.approx(np.hypot(6**-0.5, 1.5), rel=0.02)
    assert loose.u_length_px > exact.u_length_px
    assert loose.u_area_px == pytest.approx(np.hypot(616 / 3**0.5, 300 / 6**0.5), rel=0.02)
    assert exact.u_orientation_deg < 0.1
    assert measure_mask(np.ones((40, 40), bool)).u_orientation_deg > 50


def test_errors_are_as_large_as_their_uncertainty_says() -> None:
    """Over many bars the standard uncertainty covers two thirds of the errors, and not all."""
    rng = np.random.default_rng(3)
    errors = []
    for _ in range(150):
        length, width, angle = rng.uniform(60, 300), rng.uniform(3, 12), rng.uniform(0, 180)
        measured = measure_mask(bar(length, width, angle, rng.uniform(-0.5, 0.5)), edge_px=0)
        errors.append(
            (
                (measured.length_px - length) / measured.u_length_px,
                (measured.mean_width_px - width) / measured.u_mean_width_px,
                (measured.area_px - length * width) / measured.u_area_px,
            )
        )
    spread = np.sqrt(np.mean(np.square(errors), axis=0))
    assert (spread < 1.1).all(), spread
    # Most bars do not lie along the rows, for which pixels err the most.
    assert (spread > (0.2, 0.1, 0.03)).all(), spread
