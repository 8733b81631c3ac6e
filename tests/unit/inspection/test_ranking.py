"""The queue's order: what a label would teach."""

from itertools import pairwise

import pytest

from inspection.ranking import (
    WEIGHTS,
    ReviewReason,
    limit_uncertainty,
    novelty,
    priority,
    score_uncertainty,
)


def test_errors_come_before_doubts_and_every_reason_has_its_weight() -> None:
    assert set(WEIGHTS) == set(ReviewReason)
    order = [
        ReviewReason.MISSED,
        ReviewReason.FALSE_CALL,
        ReviewReason.DISAGREEMENT,
        ReviewReason.UNCERTAIN,
        ReviewReason.DRIFT,
    ]
    assert all(priority(a) > priority(b) for a, b in pairwise(order))


def test_more_of_the_same_teaches_less() -> None:
    assert novelty(0) == 1
    assert novelty(3) == 0.5
    assert priority(ReviewReason.MISSED, seen=3) == 0.5


def test_no_picture_of_a_sample_is_worth_more_than_another() -> None:
    assert priority(ReviewReason.RANDOM, 0.1, 100) == priority(ReviewReason.RANDOM)


def test_a_score_is_most_uncertain_at_its_threshold() -> None:
    assert score_uncertainty(0.5, 0.5) == 1
    assert score_uncertainty(0.55, 0.5) == pytest.approx(0.75)
    assert score_uncertainty(0.45, 0.5) == pytest.approx(0.75)
    assert score_uncertainty(0.9, 0.5) == 0


def test_a_measurement_is_uncertain_within_twice_its_guard_band() -> None:
    # u = 0.1 mm, k = 1.65: the guard band is 0.165 mm.
    assert limit_uncertainty(3.0, 3.0, 0.1, 1.65) == 1
    assert limit_uncertainty(3.165, 3.0, 0.1, 1.65) == pytest.approx(0.5)
    assert limit_uncertainty(3.4, 3.0, 0.1, 1.65) == 0
    assert limit_uncertainty(3.0, 3.0, 0.0, 1.65) == 0


@pytest.mark.parametrize(("uncertainty", "seen"), [(-0.1, 0), (1.1, 0), (float("nan"), 0), (1, -1)])
def test_what_is_no_share_is_refused(uncertainty: float, seen: int) -> None:
    with pytest.raises(ValueError, match="expected an uncertainty of 0 to 1"):
        priority(ReviewReason.DRIFT, uncertainty, seen)
