"""Drift on numbers: known indices, simulated drift, and how often a good station alarms."""

import numpy as np
import pytest

from inspection.watching import drift
from inspection.watching.check import ANSWERS, PICTURE, Sample, State, check

FIGURES = (*PICTURE, *ANSWERS)


def test_psi_is_the_sum_over_the_bins() -> None:
    before, now = [0.0] * 50 + [1.0] * 50, [0.0] * 80 + [1.0] * 20
    expected = (0.8 - 0.5) * np.log(0.8 / 0.5) + (0.2 - 0.5) * np.log(0.2 / 0.5)
    assert drift.psi(before, now) == pytest.approx(expected)
    assert drift.psi(before, before) == 0


def test_psi_of_equal_populations_stays_below_chance() -> None:
    rng = np.random.default_rng(7)
    beyond = 0
    for _ in range(1000):
        before, now = rng.normal(size=60), rng.normal(size=24)
        beyond += drift.psi(before, now) > drift.psi_of_chance(before, now, 0.99)
    # 1 % in the limit; the index of a few values per bin is a little wider than its χ².
    assert beyond <= 30


def test_classes_that_change_places_are_seen_and_rare_ones_are_not() -> None:
    v, p = drift.classes_changed({"crack": 80, "pit": 20}, {"crack": 20, "pit": 80})
    assert v == pytest.approx(0.6)
    assert p < 1e-10
    assert drift.classes_changed({"crack": 80, "pit": 1}, {"crack": 40})[1] > 0.05
    assert drift.classes_changed({}, {"crack": 3}) == (0.0, 1.0)
    assert drift.classes_changed({"crack": 9}, {"crack": 30}) == (0.0, 1.0)


def test_several_looks_cost_their_p() -> None:
    found = drift.adjusted({"a": 0.01, "b": 0.04, "c": 0.5, "d": 0.9})
    assert found["a"] == pytest.approx(0.04)
    assert found["b"] == pytest.approx(0.08)
    assert drift.adjusted({}) == {}


def test_an_empty_sample_is_refused() -> None:
    for look in (drift.psi, drift.kolmogorov_smirnov):
        with pytest.raises(ValueError, match=r"expected two samples, got 0 and 1"):
            look([], [1.0])


def values(rng: np.random.Generator, number: int, *, shifted: float = 0.0) -> Sample:
    """Figures that scatter as pictures' do: normal, some with heavy tails, some in ties."""
    columns: dict[str, list[float]] = {}
    for place, name in enumerate(FIGURES):
        if name == "findings":
            column = rng.poisson(0.3, number).astype(float)
        elif place % 2:
            column = 100 + 30 * rng.standard_t(4, number)
        else:
            column = rng.normal(100, 30, number)
        columns[name] = (column + shifted).tolist()
    classes = dict(
        zip(("crack", "pit", "stain"), map(int, rng.multinomial(20, [0.6, 0.3, 0.1])), strict=True)
    )
    return Sample(columns, classes=classes)


def test_a_good_station_does_not_alarm_every_day() -> None:
    """Eight days of 24 checks: no alarm, and something to watch once in three days at most."""
    rng = np.random.default_rng(11)
    reference = values(rng, 60)
    checks = 8 * 24
    states = [check(reference, values(rng, 24)).state for _ in range(checks)]
    assert State.ALARM not in states
    assert sum(state is State.WATCH for state in states) <= checks / 72


def test_drift_of_two_sigma_is_seen_in_an_hour() -> None:
    rng = np.random.default_rng(5)
    reference = values(rng, 60)
    found = [check(reference, values(rng, 24, shifted=60)) for _ in range(20)]
    assert all(each.state is State.ALARM for each in found)
    # Of the figure with heavy tails alone it is less, and seen nearly as often.
    assert sum(each.found["score"].state is not State.OK for each in found) >= 15


def test_what_is_significant_and_tiny_is_not_said() -> None:
    rng = np.random.default_rng(6)
    before = Sample({"brightness": rng.normal(100, 0.1, 60).tolist()})
    now = Sample({"brightness": rng.normal(102, 0.1, 24).tolist()})
    assert check(before, now).found["brightness"].p == pytest.approx(0, abs=1e-9)
    assert check(before, now).state is State.OK


def test_answers_of_another_recipe_are_not_compared() -> None:
    rng = np.random.default_rng(8)
    found = check(values(rng, 60), values(rng, 24, shifted=90), answers=False)
    assert not set(found.found) & {*ANSWERS, "classes"}
