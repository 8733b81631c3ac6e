"""Which findings count, where they are, and what the line says of them."""

import numpy as np
import pytest

from inspection.detections import InstanceMask
from inspection.judge import judge
from inspection.judgement import Measurement
from inspection.rle import Rle, decode
from inspection.verdicts import Verdict
from tests.unit.inspection.judging.painted import SIZE_WH, bar, detected, judged, recipe


def test_low_scores_and_unnamed_classes_are_left_out() -> None:
    detections = detected(
        ("crack", 0.69, bar(0, 0, 50, 4)),
        ("crack", 0.71, bar(0, 50, 50, 4)),
        ("pit", 0.99, bar(0, 99, 9, 9)),
    )
    result = judged(detections, classes={"crack": {"min_score": 0.7}})
    assert [finding.score for finding in result.findings] == [pytest.approx(0.71)]
    assert result.verdict is Verdict.PASS
    assert result.detail == "1 found, within limits"


def test_an_empty_mask_is_no_finding() -> None:
    nothing = InstanceMask(np.zeros((4, 4), bool), 0, 0)
    assert judged(detected(("pit", 0.9, nothing)), classes={"pit": {}}).findings == ()


def test_nothing_found_passes() -> None:
    result = judged(detected(), classes={"crack": {"limits": {"count": {"fail": 0}}}, "pit": {}})
    assert result.verdict is Verdict.PASS
    assert result.detail == "nothing found"
    assert result.size_wh == SIZE_WH
    assert result.measurements == (
        Measurement("count", 0.0, "1", None, 0.0, Verdict.PASS, place="crack"),
    )


def test_too_many_of_a_class_makes_each_of_them_deviate() -> None:
    detections = detected(
        ("pit", 0.9, bar(10, 10, 5, 5)),
        ("pit", 0.9, bar(30, 30, 5, 5)),
        ("pit", 0.9, bar(580, 390, 5, 5)),
        ("crack", 0.9, bar(200, 200, 50, 5)),
    )
    result = judged(
        detections,
        classes={"pit": {"limits": {"count": {"warn": 1, "fail": 2}}}, "crack": {}},
    )
    assert result.verdict is Verdict.FAIL
    assert [finding.verdict for finding in result.findings] == [
        *[Verdict.FAIL] * 3,
        Verdict.PASS,
    ]
    assert {(each.kind, each.place, each.detail) for each in result.deviations} == {
        ("pit", "upper left", "pit count 3 > 2"),
        ("pit", "lower right", "pit count 3 > 2"),
    }


def test_one_deviation_a_class_and_place_and_the_worst_first() -> None:
    limits = {"length_px": {"warn": 20, "fail": 40}}
    result = judged(
        detected(
            ("scratch", 0.9, bar(500, 20, 30, 3)),
            ("crack", 0.9, bar(10, 10, 30, 3)),
            ("crack", 0.9, bar(10, 60, 50, 3)),
            ("crack", 0.9, bar(10, 90, 60, 3)),
        ),
        classes={"crack": {"limits": limits}, "scratch": {"limits": limits}},
    )
    assert [(each.kind, each.place, each.severity) for each in result.deviations] == [
        ("crack", "upper left", Verdict.FAIL),
        ("scratch", "upper right", Verdict.WARN),
    ]
    assert result.deviations[0].detail == "crack 50 px > 40 px"


def test_the_line_names_two_and_counts_the_rest() -> None:
    pits = [("pit", 0.9, bar(x, y, 5, 5)) for x in (10, 300, 590) for y in (10, 200)]
    result = judged(detected(*pits), classes={"pit": {"limits": {"area_px": {"fail": 20}}}})
    assert len(result.deviations) == 6
    assert result.detail.endswith("; and 4 more")


def test_cells_have_names() -> None:
    places = [
        judged(detected(("pit", 0.9, bar(x, y, 5, 5))), classes={"pit": {}}).findings[0].place
        for y in (0, 200, 395)
        for x in (0, 300, 595)
    ]
    assert places == [
        "upper left",
        "upper centre",
        "upper right",
        "left",
        "centre",
        "right",
        "lower left",
        "lower centre",
        "lower right",
    ]


def test_what_is_centred_outside_all_regions_does_not_count() -> None:
    left = {"name": "weld", "polygon": [(0, 0), (0.5, 0), (0.5, 1), (0, 1)]}
    rest = {"name": "edge", "polygon": [(0.9, 0), (1, 0), (1, 1)]}
    result = judged(
        detected(
            ("crack", 0.9, bar(270, 100, 50, 4)),  # its centre is inside
            ("crack", 0.9, bar(290, 200, 50, 4)),
            ("crack", 0.9, bar(590, 50, 8, 4)),
        ),
        classes={"crack": {"limits": {"count": {"fail": 2}}}},
        regions=[left, rest],
    )
    assert [finding.place for finding in result.findings] == ["weld", "edge"]
    assert result.verdict is Verdict.PASS


def test_masks_are_runs_of_the_whole_image() -> None:
    mask = bar(100, 50, 30, 7)
    (finding,) = judged(detected(("pit", 0.9, mask)), classes={"pit": {}}).findings
    assert finding.mask_rle["size"] == [400, 600]
    rle = Rle(size=[400, 600], counts=str(finding.mask_rle["counts"]))
    assert (decode(rle) == mask.to_frame(SIZE_WH)).all()
    assert finding.box_xyxy == (100, 50, 130, 57)


def test_a_class_id_without_a_name_is_an_error() -> None:
    detections = detected(("item", 0.9, bar(0, 0, 5, 5)))
    with pytest.raises(ValueError, match="expected class ids below 1"):
        judge(detections, ("crack",), recipe())
