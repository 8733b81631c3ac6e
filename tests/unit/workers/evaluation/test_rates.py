import numpy as np
import pytest
from scipy.stats import binom, binomtest

from workers.evaluation.rates import clopper_pearson
from workers.evaluation.reliability import reliability


@pytest.mark.parametrize(("hits", "of"), [(0, 20), (1, 20), (7, 50), (50, 50)])
def test_the_interval_is_the_exact_one(hits: int, of: int) -> None:
    expected = binomtest(hits, of).proportion_ci(method="exact")
    assert clopper_pearson(hits, of) == pytest.approx((expected.low, expected.high))


def test_no_escape_in_59_images_is_not_yet_under_five_percent_two_sided() -> None:
    _, high = clopper_pearson(0, 59) or (0, 0)
    assert high == pytest.approx(1 - 0.025 ** (1 / 59))
    assert high > 0.05


def test_the_interval_covers_any_share_at_least_as_often_as_it_says() -> None:
    for share in (0.02, 0.1, 0.5):
        covered = sum(
            binom.pmf(hits, 40, share)
            for hits in range(41)
            if (low_high := clopper_pearson(hits, 40)) and low_high[0] <= share <= low_high[1]
        )
        assert covered >= 0.95


def test_of_nothing_nothing_is_known() -> None:
    assert clopper_pearson(0, 0) is None


def test_calibration_error_by_hand() -> None:
    # Bin 0.9 to 1.0: score 0.95, right 1 of 2; bin 0.2 to 0.3: score 0.25, right 1 of 2.
    bins = reliability(np.array([0.95, 0.95, 0.25, 0.25]), np.array([True, False, True, False]))
    assert bins.ece == pytest.approx((0.45 * 2 + 0.25 * 2) / 4)
    assert bins.findings.tolist() == [0, 0, 2, 0, 0, 0, 0, 0, 0, 2]


def test_scores_that_keep_their_promise_have_a_small_error() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(50_000)
    right = rng.random(50_000) < scores
    assert reliability(scores, right).ece < 0.01
    assert reliability(np.sqrt(scores), right).ece > 0.1


def test_a_score_of_one_is_in_the_last_bin() -> None:
    assert reliability(np.array([1.0]), np.array([True])).ece == 0
    assert reliability(np.zeros(0), np.zeros(0, bool)).ece is None
