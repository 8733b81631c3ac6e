"""What other thresholds would have done: as the judge itself says, and no surer than is known."""

from datetime import UTC, datetime

import numpy as np
import pytest

from inspection.estimating import wilson
from inspection.judgement import Measurement
from inspection.recipe import ClassRule, Decision, Limit, Recipe
from inspection.rejudging import StoredFinding, StoredResult, rejudge
from inspection.threshold_curves import (
    FAIL,
    PASS,
    WARN,
    Bounds,
    ClassSetting,
    Number,
    Result,
    Scored,
    compare,
    good_among,
    severity,
)
from inspection.verdicts import Verdict

SEVERITY = {Verdict.PASS: PASS, Verdict.WARN: WARN, Verdict.FAIL: FAIL}


def settings(score: float, fail: float | None = 60.0) -> dict[str, ClassSetting]:
    limits = {} if fail is None else {"length_px": Bounds(None, fail)}
    return {"crack": ClassSetting(score, limits)}


def cracked(
    score: float, length: float = 80.0, bad: bool | None = None, weight: float | None = None
) -> Result:
    return Result([Scored("crack", score, {"length_px": (length, 0.0)})], PASS, bad, weight)


def test_it_says_what_the_judge_says() -> None:
    rng = np.random.default_rng(3)
    seen: set[int] = set()
    for _ in range(300):
        found = [
            (str(rng.choice(["crack", "pit"])), rng.uniform(0.3, 1), rng.uniform(40, 80), 2.0)
            for _ in range(rng.integers(0, 4))
        ]
        score, fail, count = rng.uniform(0.3, 0.9), rng.uniform(45, 75), rng.integers(1, 3)
        limits = {"length_px": Limit(warn=fail * 0.9, fail=fail), "count": Limit(fail=count)}
        recipe = Recipe(
            name="r",
            model="m",
            classes={
                "crack": ClassRule(min_score=score, limits=limits),
                "pit": ClassRule(min_score=0.5, limits={"length_px": Limit(warn=70)}),
            },
            decision=Decision(k=1.65),
        )
        stored = StoredResult(
            (200, 200),
            datetime(2026, 7, 1, tzinfo=UTC),
            tuple(
                StoredFinding(
                    name,
                    s,
                    (10, 10, 20, 20),
                    "",
                    {},
                    (Measurement("length", length, "px", uncertainty=u),),
                )
                for name, s, length, u in found
            ),
        )
        said = rejudge(stored, recipe, recipe).verdict
        mine = {
            name: ClassSetting(
                rule.min_score or 0, {q: Bounds(b.warn, b.fail) for q, b in rule.limits.items()}
            )
            for name, rule in recipe.classes.items()
        }
        scored = [Scored(name, s, {"length_px": (length, u)}) for name, s, length, u in found]
        assert severity(Result(scored), mine, recipe.decision.guard_k) == SEVERITY[said]
        seen.add(SEVERITY[said])
    assert seen == {PASS, WARN, FAIL}


def test_what_no_slider_moves_stays() -> None:
    assert severity(Result([], WARN), settings(0.5), 0) == WARN


def test_where_all_is_said_the_numbers_are_exact() -> None:
    results = [
        *[cracked(0.55, bad=False)] * 14,
        cracked(0.6, bad=True),
        *[cracked(0.9, bad=True)] * 5,
        *[cracked(0.2, bad=False)] * 7,
    ]
    found = compare(results, settings(0.5), settings(0.62), 0)
    assert (found.results, found.rejected_before, found.rejected_after) == (27, 20, 5)
    assert (found.released, found.stopped) == (15, 0)
    assert found.false_calls == Number(-14, -14, -14)
    assert found.escapes == Number(1, 1, 1)
    # And back again, the same the other way round.
    back = compare(results, settings(0.62), settings(0.5), 0)
    assert (back.false_calls.value, back.escapes.value) == (14, -1)


def test_a_limit_that_moves_is_counted_like_a_score() -> None:
    results = [cracked(0.9, length, bad=length > 75) for length in (50, 65, 70, 80)]
    found = compare(results, settings(0.5, 60), settings(0.5, 78), 0)
    assert (found.released, found.false_calls.value, found.escapes.value) == (2, -2, 0)
    lost = compare(results, settings(0.5, 60), settings(0.5, None), 0)
    assert (lost.false_calls.value, lost.escapes.value) == (-2, 1)


def test_where_nothing_is_said_only_what_is_possible_is_told() -> None:
    changed = [cracked(0.55)] * 8 + [cracked(0.55, bad=False)] * 2
    assert good_among(changed) == Number(None, 2, 10)
    found = compare(changed, settings(0.5), settings(0.6), 0)
    assert found.false_calls == Number(None, -10, -2)
    assert found.escapes == Number(None, 0, 8)


def test_the_random_sample_speaks_for_the_others_within_what_is_said() -> None:
    changed = [
        *[cracked(0.55)] * 90,
        *[cracked(0.55, bad=False, weight=10.0)] * 8,
        *[cracked(0.55, bad=True, weight=10.0)] * 2,
    ]
    found = good_among(changed)
    low, high = wilson(8, 10)
    assert found.value == pytest.approx(80)
    assert (found.low, found.high) == pytest.approx((100 * low, 100 * high))
    # Many are known to be bad: however good the sample is, no more than the rest are good.
    known = changed + [cracked(0.55, bad=True)] * 60
    assert good_among(known).high <= 160 - 62


def test_a_warning_stops_a_part_or_does_not() -> None:
    near = [Result([Scored("crack", 0.9, {"length_px": (59.0, 1.0)})], PASS, bad=False)]
    assert compare(near, settings(0.5), settings(0.95), 1.65).released == 1
    assert compare(near, settings(0.5), settings(0.95), 1.65, rejects=FAIL).released == 0
