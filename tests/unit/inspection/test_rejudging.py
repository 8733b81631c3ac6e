"""Stored results judged by another recipe say what judging the picture anew would say."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from inspection.calibration import Calibration
from inspection.detections import Detections, InstanceMask
from inspection.judge import judge
from inspection.judgement import Judgement
from inspection.recipe import Recipe
from inspection.rejudging import Anew, StoredFinding, StoredResult, rejudge, why_anew

SIZE_WH = (640, 480)
CLASSES = ("crack", "pit")
SCALE = Calibration(mm_per_px=0.05, u_mm_per_px=0.0001)
AT = datetime(2026, 7, 1, tzinfo=UTC)


def recipe(**values: Any) -> Recipe:
    body = {
        "name": "tile",
        "model": "m",
        "classes": {"crack": {"limits": {"length_mm": {"fail": 3.0}}}, "pit": {}},
    }
    return Recipe.model_validate(body | values)


def limits(**limit: float) -> dict[str, Any]:
    return {"crack": {"limits": {"length_mm": limit}}, "pit": {}}


def detections() -> Detections:
    """A crack of 80 px (4 mm) in the lower left, a shorter one in the upper right, and a pit."""
    bars = [(40, 400, 80, 6), (500, 60, 40, 6), (300, 240, 10, 10)]
    boxes = [(x, y, x + w, y + h) for x, y, w, h in bars]
    return Detections(
        SIZE_WH,
        np.array(boxes, dtype=np.float32),
        np.array([0.9, 0.6, 0.8], dtype=np.float32),
        np.array([0, 0, 1], dtype=np.int64),
        tuple(InstanceMask(np.ones((h, w), dtype=np.bool_), x, y) for x, y, w, h in bars),
    )


def judged(by: Recipe) -> Judgement:
    return judge(detections(), CLASSES, by, SCALE, now=AT)


def stored(judgement: Judgement) -> StoredResult:
    return StoredResult(
        SIZE_WH,
        AT,
        tuple(
            StoredFinding(
                each.class_name,
                each.score,
                each.box_xyxy,
                each.place,
                each.mask_rle,
                each.measurements,
            )
            for each in judgement.findings
        ),
        frozenset(each.place for each in judgement.measurements if each.name == "facings"),
        SCALE,
    )


@pytest.mark.parametrize(
    "after",
    [
        recipe(classes=limits(fail=5.0)),
        recipe(classes=limits(fail=1.0)),
        recipe(classes=limits(warn=3.5)),
        recipe(classes={"crack": {"limits": {"count": {"warn": 1}}}}),
        recipe(classes={"crack": {"min_score": 0.7, "limits": {"length_mm": {"fail": 1.0}}}}),
        recipe(classes={"pit": {"limits": {"area_px": {"fail": 50}}}}),
        # Quantities that were not measured then are measured now, in the stored masks.
        recipe(classes={"crack": {"limits": {"width_p95_px": {"fail": 3}}}}),
        recipe(classes={"crack": {"limits": {"length_px": {"fail": 60}}}}),
        recipe(decision={"rule": "simple"}, classes=limits(fail=3.99)),
        recipe(decision={"mask_edge_px": 8.0}, classes=limits(fail=4.2)),
        recipe(regions=[{"name": "low", "polygon": [[0, 0.5], [1, 0.5], [1, 1], [0, 1]]}]),
    ],
)
def test_limits_scores_and_first_regions_are_told_from_what_is_stored(after: Recipe) -> None:
    before = recipe()
    assert why_anew(before, after) == ()
    again, whole = rejudge(stored(judged(before)), before, after), judged(after)
    assert (again.verdict, again.detail) == (whole.verdict, whole.detail)
    assert again.deviations == whole.deviations


def test_the_verdict_does_flip() -> None:
    """Guards the test above: its recipes do not all say the same."""
    verdicts = {rejudge(stored(judged(recipe())), recipe(), recipe(classes=limits(fail=f))).verdict
                for f in (1.0, 10.0)}  # fmt: skip
    assert verdicts == {"fail", "pass"}


LEFT = {"name": "left", "polygon": [[0, 0], [0.5, 0], [0.5, 1]]}
ITEM = {"name": "A1", "product": "p", "box": [0, 0, 1, 1]}


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ({}, {"model": "other"}, Anew.MODEL),
        ({}, {"inference": {"flips": "four"}}, Anew.MODEL),
        ({}, {"classes": {"stain": {}}}, Anew.CLASSES),
        ({}, {"positions": [ITEM]}, Anew.CLASSES),
        ({"classes": {"crack": {"min_score": 0.5}}}, {"classes": {"crack": {}}}, Anew.SCORES),
        ({"regions": [LEFT]}, {"regions": []}, Anew.REGIONS),
        ({"positions": [ITEM]}, {"positions": [ITEM], "shelf": {"motion": 0.5}}, Anew.SHELF),
    ],
)
def test_what_was_not_kept_has_to_be_looked_for_anew(
    before: dict[str, Any], after: dict[str, Any], reason: Anew
) -> None:
    assert why_anew(recipe(**before), recipe(**after)) == (reason,)


def test_facings_are_counted_anew_and_what_was_hidden_stays_hidden() -> None:
    two = [
        {"name": "A1", "product": "p", "class_name": "crack", "box": [0, 0.5, 0.5, 1]},
        {"name": "A2", "product": "q", "class_name": "crack", "box": [0.5, 0, 1, 0.5]},
    ]
    before = recipe(positions=two, classes={})
    result = stored(judged(before))
    more = recipe(positions=[two[0] | {"facings": 4, "min_facings": 3}, two[1]], classes={})
    assert [d.kind for d in rejudge(result, before, more).deviations] == ["low"]
    blind = StoredResult(SIZE_WH, AT, (), frozenset({"A2"}), SCALE)
    assert [d.place for d in rejudge(blind, before, more).deviations] == ["A2"]


def test_without_a_scale_there_is_no_verdict_in_millimetres() -> None:
    result = stored(judged(recipe()))
    blind = StoredResult(result.size_wh, AT, result.findings)
    assert rejudge(blind, recipe(), recipe(classes=limits(fail=9.0))).reason == "uncalibrated"
