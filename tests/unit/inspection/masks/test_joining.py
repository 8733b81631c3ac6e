import cv2
import numpy as np
import pytest

from inspection.detections import Detections, InstanceMask
from inspection.inference import Join
from inspection.masks.joining import join_pieces

CLASSES = ("crack", "pit")
Point = tuple[int, int]


def findings(*shapes: np.ndarray, class_ids: tuple[int, ...] | None = None) -> Detections:
    """Each shape as a finding, the first with the score 0.9, then 0.8 and so on."""
    masks = tuple(InstanceMask.from_frame(shape) for shape in shapes)
    boxes = [(m.x0, m.y0, m.x0 + m.bits.shape[1], m.y0 + m.bits.shape[0]) for m in masks]
    return Detections(
        (400, 300),
        np.array(boxes, dtype=np.float32),
        (0.9 - 0.1 * np.arange(len(masks))).astype(np.float32),
        np.array(class_ids or (0,) * len(masks), dtype=np.int64),
        masks,
    )


def line(start: Point, end: Point, width_px: int = 5) -> np.ndarray:
    return cv2.line(np.zeros((300, 400), np.uint8), start, end, 1, width_px) > 0


def disc(xy: Point, radius_px: int) -> np.ndarray:
    return cv2.circle(np.zeros((300, 400), np.uint8), xy, radius_px, 1, -1) > 0


def joined(found: Detections, gap_px: float = 8, classes: tuple[str, ...] = ()) -> Detections:
    return join_pieces(found, Join(gap_px=gap_px, classes=classes), CLASSES)


@pytest.mark.parametrize("turn_px", [-25, 0, 25])
def test_two_ends_in_line_become_one_finding(turn_px: int) -> None:
    pieces = [line((50, 100), (150, 130)), line((162, 134), (262, 164 + turn_px))]
    one = joined(findings(*pieces))
    assert len(one) == 1
    assert one.scores[0] == pytest.approx(0.9)
    assert np.array_equal(one.masks[0].to_frame((400, 300)), pieces[0] | pieces[1])


def test_three_in_a_row_become_one() -> None:
    row = [line((20 + 110 * n, 100), (118 + 110 * n, 100)) for n in range(3)]
    assert len(joined(findings(row[0], row[2], row[1]))) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(line((50, 100), (150, 100)), line((175, 100), (250, 100)), id="gap too wide"),
        pytest.param(line((50, 100), (250, 100)), line((50, 110), (250, 110)), id="side by side"),
        pytest.param(line((50, 100), (150, 100)), line((158, 108), (158, 220)), id="a corner"),
        pytest.param(
            line((50, 100), (250, 100)), line((150, 108), (150, 220)), id="a branch apart"
        ),
        pytest.param(disc((100, 100), 12), disc((130, 100), 12), id="two discs"),
    ],
)
def test_what_is_not_in_line_stays_two(one: np.ndarray, other: np.ndarray) -> None:
    assert len(joined(findings(one, other))) == 2


def test_ends_that_lie_over_each_other_become_one() -> None:
    assert len(joined(findings(line((50, 100), (150, 100)), line((130, 102), (250, 110))))) == 1


def test_a_piece_found_once_more_is_dropped_into_the_whole() -> None:
    whole, piece = line((50, 100), (250, 160), 7), line((120, 121), (180, 139), 5)
    one = joined(findings(piece, whole))
    assert len(one) == 1
    assert one.scores[0] == pytest.approx(0.9)
    assert np.array_equal(one.masks[0].to_frame((400, 300)), whole)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(line((150, 103), (150, 220)), id="a branch"),
        pytest.param(line((100, 50), (200, 150)), id="a crossing"),
        pytest.param(line((60, 104), (240, 104)), id="beside it"),
    ],
)
def test_others_that_touch_stay_two(other: np.ndarray) -> None:
    assert len(joined(findings(line((50, 100), (250, 100)), other))) == 2


def test_only_findings_of_one_class_and_only_of_the_named_ones() -> None:
    pieces = (line((50, 100), (150, 100)), line((158, 100), (258, 100)))
    assert len(joined(findings(*pieces, class_ids=(0, 1)))) == 2
    assert len(joined(findings(*pieces, class_ids=(1, 1)), classes=("crack",))) == 2
    assert len(joined(findings(*pieces, class_ids=(1, 1)), classes=("pit",))) == 1


def test_a_gap_of_zero_joins_nothing() -> None:
    touching = findings(line((50, 100), (150, 100)), line((150, 100), (250, 100)))
    assert joined(touching, gap_px=0) is touching


def test_no_finding_and_an_empty_mask_are_no_trouble() -> None:
    assert len(joined(Detections.empty((400, 300)))) == 0
    empty = np.zeros((300, 400), dtype=np.bool_)
    assert len(joined(findings(line((0, 3), (50, 3)), empty))) == 2
