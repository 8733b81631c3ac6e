"""Values, their uncertainties and their limits."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from inspection import limits
from inspection.calibration import Calibration
from inspection.judge import judge
from inspection.judgement import Measurement
from inspection.verdicts import Reason, Verdict
from tests.unit.inspection.judging.painted import (
    CLASSES,
    bar,
    detected,
    judged,
    named,
    recipe,
)


def test_a_scratch_of_3_mm_measures_3_mm() -> None:
    scratch = ("scratch", 0.9, bar(100, 100, 60, 4))
    result = judged(detected(scratch), 0.05, classes={"scratch": {}})
    (finding,) = result.findings
    assert named(finding, "length").value == pytest.approx(3.0, rel=0.01)
    assert named(finding, "length").unit == "mm"
    assert named(finding, "max_width").value == pytest.approx(0.2, rel=0.02)
    assert named(finding, "area").value == pytest.approx(0.6)
    assert named(finding, "area").unit == "mm2"
    orientation = named(finding, "orientation")
    assert (orientation.value, orientation.unit, orientation.place) == (0.0, "deg", "upper left")
    assert all(each.uncertainty is not None for each in finding.measurements)


def test_without_a_scale_it_measures_px() -> None:
    (finding,) = judged(detected(("pit", 0.9, bar(0, 0, 9, 9))), classes={"pit": {}}).findings
    assert named(finding, "length").value == pytest.approx(9)
    assert {each.unit for each in finding.measurements} == {"px", "px2", "deg"}


def test_a_limit_in_px_is_measured_in_px_where_there_is_a_scale() -> None:
    result = judged(
        detected(("crack", 0.9, bar(0, 0, 80, 4))),
        0.1,
        classes={"crack": {"limits": {"length_px": {"fail": 70}}}},
    )
    (finding,) = result.findings
    assert named(finding, "length").unit == "px"
    assert named(finding, "max_width").unit == "mm"
    assert result.detail == "crack 80 px > 70 px (upper left)"


@pytest.mark.parametrize(
    ("length_px", "verdict"),
    [(20, Verdict.PASS), (25, Verdict.WARN), (30, Verdict.WARN), (31, Verdict.FAIL)],
)
def test_more_than_a_limit_warns_and_fails_where_the_rule_is_simple(
    length_px: int, verdict: Verdict
) -> None:
    result = judged(
        detected(("crack", 0.9, bar(300, 200, length_px, 3))),
        0.1,
        classes={"crack": {"limits": {"length_mm": {"warn": 2.45, "fail": 3.05}}}},
        decision={"rule": "simple"},
    )
    assert result.verdict is verdict
    assert result.reason is None
    (finding,) = result.findings
    assert finding.verdict is verdict
    assert named(finding, "length").fail_limit == 3.05
    assert [each.severity for each in result.deviations] == (
        [] if verdict is Verdict.PASS else [verdict]
    )


# u of a length of 30 px: two ends of 1/√12 px, an edge of 0.5 px, 0.5 % of the way.
U_30_PX = (1 / 6 + 1 / 3 + 0.15**2) ** 0.5


@pytest.mark.parametrize(
    ("over_u", "k", "verdict"),
    [
        (-1.7, 1.65, Verdict.PASS),
        (-1.6, 1.65, Verdict.WARN),
        (0.0, 1.65, Verdict.WARN),
        (1.6, 1.65, Verdict.WARN),
        (1.7, 1.65, Verdict.FAIL),
        (1.7, 2.0, Verdict.WARN),
        (0.1, 0.0, Verdict.FAIL),
        (-0.1, 0.0, Verdict.PASS),
    ],
)
def test_near_the_limit_nothing_is_proven(over_u: float, k: float, verdict: Verdict) -> None:
    """Within a guard band of k·u on either side of `fail` is neither pass nor fail."""
    limit = 30 - over_u * U_30_PX
    result = judged(
        detected(("crack", 0.9, bar(300, 200, 30, 3))),
        classes={"crack": {"limits": {"length_px": {"fail": limit}}}},
        decision={"k": k},
    )
    assert result.verdict is verdict


def test_the_line_says_that_a_value_is_too_near() -> None:
    result = judged(
        detected(("crack", 0.9, bar(280, 190, 30, 3))),
        0.1,
        classes={"crack": {"limits": {"length_mm": {"fail": 3.05}}}},
    )
    assert result.verdict is Verdict.WARN
    assert result.deviations[0].detail == "crack 3.00 ± 0.14 mm, too near to 3.05 mm"


def test_a_scale_is_as_uncertain_as_its_calibration() -> None:
    calibration = Calibration(mm_per_px=0.1, u_mm_per_px=0.01)
    for scale, verdict in ((0.1, Verdict.FAIL), (calibration, Verdict.WARN)):
        result = judge(
            detected(("crack", 0.9, bar(280, 190, 60, 3))),
            CLASSES,
            recipe(classes={"crack": {"limits": {"length_mm": {"fail": 5.5}}}}),
            scale,
        )
        assert result.verdict is verdict
    length = named(result.findings[0], "length")
    # (s·u_px)² + (length_px·u_s)²
    u_px = (1 / 6 + 1 / 3 + 0.3**2) ** 0.5
    assert length.uncertainty == pytest.approx(np.hypot(0.1 * u_px, 60 * 0.01), rel=1e-3)


def test_the_mask_edge_widens_the_guard_band() -> None:
    verdicts = [
        judged(
            detected(("crack", 0.9, bar(280, 190, 60, 9))),
            classes={"crack": {"limits": {"max_width_px": {"fail": 6}}}},
            decision={"mask_edge_px": edge_px},
        ).verdict
        for edge_px in (0.5, 2.0)
    ]
    assert verdicts == [Verdict.FAIL, Verdict.WARN]


def test_widths_and_branches_may_be_limited() -> None:
    result = judged(
        detected(("crack", 0.9, bar(280, 190, 60, 9))),
        classes={"crack": {"limits": {"width_p95_px": {"fail": 4}, "branches": {"fail": 1}}}},
    )
    (finding,) = result.findings
    assert named(finding, "width_p95").verdict is Verdict.FAIL
    assert named(finding, "branches") == Measurement(
        "branches", 0.0, "1", None, 1.0, Verdict.PASS, place="centre"
    )


NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(("length_px", "verdict"), [(20, Verdict.WARN), (60, Verdict.FAIL)])
def test_an_expired_calibration_passes_nothing(length_px: int, verdict: Verdict) -> None:
    expired = Calibration(mm_per_px=0.1, expires_at=NOW - timedelta(hours=1))
    result = judge(
        detected(("crack", 0.9, bar(280, 190, length_px, 3))),
        CLASSES,
        recipe(classes={"crack": {"limits": {"length_mm": {"fail": 4}}}}),
        expired,
        now=NOW,
    )
    assert result.verdict is verdict
    said = "calibration expired on 2026-03-01 11:00 UTC"
    assert result.deviations[-1].kind == "calibration_expired"
    assert result.deviations[-1].detail == said
    assert said in result.detail


@pytest.mark.parametrize("expires_at", [None, NOW + timedelta(seconds=1)])
def test_a_calibration_that_holds_warns_of_nothing(expires_at: datetime | None) -> None:
    holds = Calibration(mm_per_px=0.1, expires_at=expires_at)
    rule = recipe(classes={"crack": {"limits": {"length_mm": {"fail": 4}}}})
    assert judge(detected(), CLASSES, rule, holds, now=NOW).verdict is Verdict.PASS


def test_a_plane_belongs_to_images_of_one_size() -> None:
    plane = Calibration(
        method="plane",
        mm_per_px=0.1,
        size_wh=(300, 200),
        plane=((0.1, 0, 0), (0, 0.1, 0), (0, 0, 1)),
    )
    crack = detected(("crack", 0.9, bar(280, 190, 60, 3)))
    in_mm = recipe(classes={"crack": {"limits": {"length_mm": {"fail": 4}}}})
    result = judge(crack, CLASSES, in_mm, plane)
    assert result.reason is Reason.UNCALIBRATED
    assert "300 × 200 px" in result.detail
    in_px = recipe(classes={"crack": {}})
    assert named(judge(crack, CLASSES, in_px, plane).findings[0], "length").unit == "px"


def test_the_line_says_what_was_too_much() -> None:
    result = judged(
        detected(("crack", 0.9, bar(280, 190, 48, 3))),
        0.1,
        classes={"crack": {"limits": {"length_mm": {"fail": 3}}}},
    )
    (deviation,) = result.deviations
    assert (deviation.kind, deviation.place) == ("crack", "centre")
    assert deviation.detail == "crack 4.8 mm > 3.0 mm"
    assert result.detail == "crack 4.8 mm > 3.0 mm (centre)"


def test_close_values_are_told_apart() -> None:
    result = judged(
        detected(("pit", 0.9, bar(0, 0, 10, 10))),
        0.1004,
        classes={"pit": {"limits": {"area_mm2": {"warn": 1.0}}}},
    )
    assert result.deviations[0].detail == "pit area 1.01 mm² > 1.00 mm²"


def test_limits_on_widths_are_named() -> None:
    result = judged(
        detected(("crack", 0.9, bar(0, 0, 100, 9))),
        0.1,
        classes={"crack": {"limits": {"max_width_mm": {"fail": 0.25}}}},
    )
    assert result.deviations[0].detail == "crack max width 0.90 mm > 0.25 mm"


def test_a_limit_in_mm_needs_a_scale() -> None:
    result = judged(detected(), None, classes={"crack": {"limits": {"max_width_mm": {"fail": 1}}}})
    assert result.verdict is Verdict.NOT_INSPECTED
    assert result.reason is Reason.UNCALIBRATED
    assert "crack max_width_mm" in result.detail
    assert not result.findings


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_a_scale_is_a_positive_number(scale: float) -> None:
    with pytest.raises(ValueError, match="expected a scale above 0"):
        judged(detected(), scale)


@pytest.mark.parametrize(
    ("value", "u", "said"),
    [
        (4.83, 0.12, "4.8 ± 0.2"),
        (4.83, 0.08, "4.83 ± 0.16"),
        (0.3051, 0.004, "0.305 ± 0.008"),
        (1234.4, 21.0, "1234 ± 42"),
        (57.3, 0.72, "57.3 ± 1.4"),
        (57.3, 5.2, "57 ± 10"),
        (3.0, 0.0, "3.000 ± 0.000"),
    ],
)
def test_an_uncertainty_is_told_by_one_or_two_digits(value: float, u: float, said: str) -> None:
    assert limits.stated(value, u) == said
