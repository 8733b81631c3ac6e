"""Each of Nelson's rules on the shortest pattern that breaks it, and on one a point shorter."""

import numpy as np
import pytest

from inspection.nelson import RULES, Signal, broken

UP_DOWN = [0.5 if place % 2 else -0.4 for place in range(14)]
# The pattern that just breaks a rule, and the side it tells.
PATTERNS: dict[int, tuple[list[float], int]] = {
    1: ([3.1], 1),
    2: ([-0.2, -0.9] * 4 + [-0.5], -1),
    3: ([-0.5, -0.3, 0.0, 0.2, 0.4, 0.9], 1),
    4: (UP_DOWN, 0),
    5: ([2.1, 0.3, 2.2], 1),
    6: ([-1.1, -1.2, 0.4, -1.3, -1.4], -1),
    7: ([0.3, -0.3, 0.3] * 5, 0),
    8: ([1.2, -1.4] * 4, 0),
}


def rules_broken(z: list[float], rules: tuple[int, ...] = RULES) -> list[Signal]:
    values = np.array(z)
    return broken(values, np.abs(values) > 3, np.ones(len(z), dtype=bool), rules)


@pytest.mark.parametrize("rule", RULES)
def test_a_pattern_breaks_its_rule_at_its_last_point(rule: int) -> None:
    z, side = PATTERNS[rule]
    assert rules_broken(z, (rule,)) == [Signal(rule, 0, len(z) - 1, side)]


@pytest.mark.parametrize("rule", RULES)
def test_a_point_less_breaks_none(rule: int) -> None:
    z, _ = PATTERNS[rule]
    assert rules_broken(z[1:], (rule,)) == []


@pytest.mark.parametrize("rule", [1, 2, 3, 5, 6])
def test_the_mirror_image_tells_the_other_side(rule: int) -> None:
    z, side = PATTERNS[rule]
    assert rules_broken([-value for value in z], (rule,))[0].side == -side


@pytest.mark.parametrize(
    ("rule", "z"),
    [
        pytest.param(2, [0.5] * 8 + [0.0], id="a point on the centre line ends a run"),
        pytest.param(3, [0.1, 0.2, 0.2, 0.3, 0.4, 0.5], id="equal neighbours are no trend"),
        pytest.param(5, [2.1, 2.2, 0.3], id="completed by a point that lies out itself"),
        pytest.param(5, [2.1, 0.3, -2.2], id="on one side"),
        pytest.param(8, [1.2] * 8, id="on both sides; one alone is rule 2"),
    ],
)
def test_what_is_no_signal(rule: int, z: list[float]) -> None:
    assert len(z) - 1 not in [signal.index for signal in rules_broken(z, (rule,))]


def test_points_that_are_too_few_to_judge_count_for_no_run() -> None:
    z = np.array(PATTERNS[2][0])
    judged = np.ones(9, dtype=bool)
    judged[4] = False
    assert broken(z, np.abs(z) > 3, judged, (2,)) == []
    assert broken(z, np.abs(z) > 3, ~judged, (3,)) == []


def test_places_are_those_of_the_whole_chart() -> None:
    z = np.array([0.0, 3.2])
    found = broken(z, np.abs(z) > 3, np.ones(2, dtype=bool), (1,), offset=40)
    assert found == [Signal(1, 41, 41, 1)]


def test_there_is_no_ninth_rule() -> None:
    with pytest.raises(ValueError, match="got 9"):
        rules_broken([0.0], (9,))
