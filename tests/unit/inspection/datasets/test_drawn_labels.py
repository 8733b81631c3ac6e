"""Labels as somebody sends them: what is kept, and what is named with its place and reason."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspection.datasets.drawn_labels import MOST_LABELS, read_drawn
from inspection.datasets.label_faults import MOST_POINTS, BadLabel, Shape, read_shape
from inspection.datasets.masks import counts_to_rle

SIZE_WH = (40, 30)
BOX = [[5.0, 6.0, 15.0, 6.0, 15.0, 20.0, 5.0, 20.0]]


def circle_of(points: int) -> list[float]:
    turn = 2 * math.pi / points
    return [
        value
        for step in range(points)
        for value in (20 + 9 * math.cos(turn * step), 15 + 9 * math.sin(turn * step))
    ]


def test_a_polygon_an_rle_and_counts_are_one_shape() -> None:
    polygon = read_shape(BOX, SIZE_WH)
    counts = [5 * 30 + 6] + [14, 16] * 9 + [14, 10 + 24 * 30 + 10 - 10]
    counts[-1] = 30 * 40 - sum(counts[:-1])
    packed = counts_to_rle(counts, [30, 40])
    assert polygon == Shape(BOX, (5, 6, 15, 20), 140)
    for rle in ({"size": [30, 40], "counts": counts}, dict(packed)):
        shape = read_shape(rle, SIZE_WH)
        assert (shape.xyxy, shape.area_px) == ((5, 6, 15, 20), 140)
        assert shape.segmentation == packed


def test_a_point_on_the_border_or_a_pixel_beyond_is_kept() -> None:
    assert read_shape([[0, 0, 40.9, 0, 40.9, 30, 0, 30]], SIZE_WH).area_px == 40 * 30


@pytest.mark.parametrize(
    ("segmentation", "kind"),
    [
        ([[5, 5, 20, 20, 20, 5, 5, 20]], "self-crossing"),
        ([], "empty-annotation"),
        ([[]], "empty-annotation"),
        ([[5.1, 5.1, 5.2, 5.1, 5.2, 5.2]], "empty-annotation"),
        ([[5, 5, 60, 5, 60, 20, 5, 20]], "out-of-bounds"),
        ([[1e300, 5, 6, 5, 6, 20]], "out-of-bounds"),
        ([[5, 5, math.nan, 5, 15, 20]], "not-finite"),
        ([[5, 5, math.inf, 5, 15, 20]], "not-finite"),
        ([[5, 5, 10**400, 5, 15, 20]], "broken-mask"),
        ([[5, 5, "6", 5, 15, 20]], "broken-mask"),
        ([[5, 5, True, 5, 15, 20]], "broken-mask"),
        ([[5, 5, 15, 5]], "broken-mask"),
        ([[5, 5, 15, 5, 15]], "broken-mask"),
        ([5, 5, 15, 5, 15, 15], "broken-mask"),
        (None, "broken-mask"),
        ("5,5", "broken-mask"),
        ([[0.0] * 2_000_000], "too-many-points"),
        ([circle_of(MOST_POINTS + 1)], "too-many-points"),
        ([BOX[0]] * 300, "too-many-points"),
        ({"size": [40, 30], "counts": [1200]}, "wrong-size"),
        ({"size": None, "counts": [1200]}, "wrong-size"),
        ({"size": [30, 40], "counts": [1199]}, "broken-mask"),
        ({"size": [30, 40], "counts": [1201, -1]}, "broken-mask"),
        ({"size": [30, 40], "counts": [1.5]}, "broken-mask"),
        ({"size": [30, 40], "counts": "ü"}, "broken-mask"),
        ({"size": [30, 40]}, "broken-mask"),
        ({"size": [30, 40], "counts": [1200]}, "empty-annotation"),
    ],
)
def test_what_is_no_label_is_named(segmentation: Any, kind: str) -> None:
    with pytest.raises(BadLabel) as refused:
        read_shape(segmentation, SIZE_WH)
    assert refused.value.kind == kind


def test_the_most_points_of_a_label_are_read() -> None:
    assert read_shape([circle_of(MOST_POINTS)], SIZE_WH).area_px == pytest.approx(254, abs=6)


def test_each_fault_has_its_place_and_the_good_rest_is_there() -> None:
    labels: list[dict[str, Any]] = [
        {"class": "crack", "segmentation": BOX},
        {"class": "carck", "segmentation": BOX},
        {"class": "crack", "segmentation": [[5, 5, 20, 20, 20, 5, 5, 20]]},
        {"class": "stain", "segmentation": BOX, "origin": "brush", "id": 7},
        {"class": "stain", "segmentation": BOX, "origin": "magic"},
        {"class": "stain", "segmentation": BOX, "id": "7"},
        {"class": None, "segmentation": BOX},
    ]
    good, faults = read_drawn(labels, SIZE_WH, ["crack", "stain"])
    assert [(each.class_name, each.origin, each.id) for each in good] == [
        ("crack", "polygon", None),
        ("stain", "brush", 7),
    ]
    assert [(each.index, each.kind) for each in faults] == [
        (1, "unknown-class"),
        (2, "self-crossing"),
        (4, "unknown-origin"),
        (5, "unknown-id"),
        (6, "unknown-class"),
    ]
    assert "crack, stain" in faults[0].detail


def test_too_many_labels_or_points_together_are_refused() -> None:
    many = [{"class": "crack", "segmentation": BOX}] * (MOST_LABELS + 1)
    assert [fault.kind for fault in read_drawn(many, SIZE_WH, ["crack"])[1]] == ["too-many-labels"]
    large = [{"class": "crack", "segmentation": [circle_of(4_900)]}] * 11
    good, faults = read_drawn(large, SIZE_WH, ["crack"])
    assert len(good) == 10
    assert [(fault.index, fault.kind) for fault in faults] == [(10, "too-many-points")]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=20,
)
rles = st.fixed_dictionaries(
    {"size": st.just([30, 40]) | json_values, "counts": json_values | st.lists(st.integers())}
)
rings = st.lists(st.lists(st.floats() | st.integers(-50, 90), max_size=14), max_size=4)


@settings(max_examples=150, deadline=None)
@given(json_values | rles | rings)
def test_whatever_comes_is_a_shape_or_has_a_reason(given: Any) -> None:
    try:
        shape = read_shape(given, SIZE_WH)
    except BadLabel:
        return
    assert shape.area_px > 0
    assert read_shape(json.loads(json.dumps(shape.segmentation)), SIZE_WH) == shape
