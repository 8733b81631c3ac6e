import re

import numpy as np

from inspection.detections import InstanceMask
from inspection.judgement import Measurement
from inspection.overlay import COLOURS, Mark, draw_marks, label_of, outline_path, transparent_marks
from inspection.verdicts import Verdict


def square(x0: int = 40, y0: int = 60, side: int = 30) -> InstanceMask:
    return InstanceMask(np.ones((side, side), dtype=np.bool_), x0, y0)


def test_pixels_outside_a_mark_stay_as_they_were() -> None:
    rgb = np.full((120, 160, 3), 128, dtype=np.uint8)
    drawn = draw_marks(rgb, [Mark(square(), Verdict.FAIL)])
    assert (rgb == 128).all(), "the image handed in was drawn on"
    touched = (drawn != 128).any(axis=2)
    assert touched[60:90, 40:70].all()
    touched[55:95, 35:75] = False
    assert not touched.any()


def test_the_outline_has_the_verdicts_colour() -> None:
    for verdict in (Verdict.FAIL, Verdict.WARN, Verdict.PASS):
        drawn = draw_marks(np.zeros((120, 160, 3), np.uint8), [Mark(square(), verdict)])
        assert (drawn.reshape(-1, 3) == COLOURS[verdict]).all(axis=1).any(), verdict


def test_a_label_stands_above_its_mark_or_below_where_there_is_no_room() -> None:
    for y0, rows in ((60, slice(30, 56)), (0, slice(33, 60))):
        mark = Mark(square(y0=y0), Verdict.FAIL, "crack 4.8 mm")
        bare = draw_marks(np.zeros((120, 160, 3), np.uint8), [Mark(mark.mask, mark.verdict)])
        drawn = draw_marks(np.zeros((120, 160, 3), np.uint8), [mark])
        changed = np.flatnonzero((bare != drawn).any(axis=(1, 2)))
        assert changed.size
        assert rows.start <= changed[0] <= changed[-1] < rows.stop


def test_the_transparent_layer_is_clear_where_nothing_was_found() -> None:
    layer = transparent_marks((160, 120), [Mark(square(), Verdict.FAIL)])
    assert layer.shape == (120, 160, 4)
    assert layer[0, 0, 3] == 0
    assert layer[60, 40, 3] == 255  # its outline
    assert 0 < layer[75, 55, 3] < 255  # its inside


def test_marks_follow_the_scale_of_the_picture_and_thin_ones_do_not_vanish() -> None:
    bits = np.zeros((200, 2), dtype=np.bool_)
    bits[:, 0] = True
    crack = Mark(InstanceMask(bits, 300, 100), Verdict.FAIL)
    small = draw_marks(np.zeros((100, 160, 3), np.uint8), [crack], scale=0.25)
    touched = np.argwhere(small.any(axis=2))
    assert touched[:, 0].min() >= 20
    assert touched[:, 0].max() <= 80
    assert abs(touched[:, 1].mean() - 75) < 2


def test_marks_at_the_edge_and_beyond_a_smaller_picture_are_cut() -> None:
    marks = [Mark(square(0, 0), Verdict.FAIL, "a"), Mark(square(130, 90), Verdict.WARN, "b" * 99)]
    assert draw_marks(np.zeros((120, 160, 3), np.uint8), marks).any()
    assert draw_marks(np.zeros((40, 50, 3), np.uint8), marks).shape == (40, 50, 3)
    empty = InstanceMask(np.zeros((0, 0), dtype=np.bool_), 0, 0)
    assert not draw_marks(np.zeros((9, 9, 3), np.uint8), [Mark(empty, Verdict.FAIL)]).any()


def test_the_path_goes_around_the_mask_and_its_hole() -> None:
    ring = np.ones((20, 30), dtype=np.bool_)
    ring[5:15, 10:20] = False
    path = outline_path(InstanceMask(ring, 100, 200))
    assert path.count("M") == path.count("Z") == 2
    numbers = [float(text) for text in re.findall(r"[\d.]+", path)]
    assert (min(numbers[0::2]), max(numbers[0::2])) == (100.5, 129.5)
    assert (min(numbers[1::2]), max(numbers[1::2])) == (200.5, 219.5)
    assert outline_path(InstanceMask(np.zeros((0, 0), dtype=np.bool_), 0, 0)) == ""


def test_the_label_names_the_worst_measurement_that_has_a_limit() -> None:
    measurements = [
        Measurement("area", 7.0, "mm2"),
        Measurement("width", 0.4, "mm", None, 1.0, Verdict.PASS),
        Measurement("length", 4.8, "mm", 2.0, 3.0, Verdict.FAIL),
    ]
    assert label_of("crack", measurements) == "crack 4.8 mm"
    assert label_of("crack", measurements[:1]) == "crack"
