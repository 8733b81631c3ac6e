"""Rates from a sample of known probabilities, against known values and simulation."""

import numpy as np
import pytest

from inspection.estimating import Sampled, clopper_pearson, share, total, wilson


def test_clopper_pearson_is_the_published_one() -> None:
    # No escape in 20 images still leaves up to 16.8 % (docs/evaluation.md).
    assert clopper_pearson(0, 20) == pytest.approx((0, 0.1684), abs=1e-4)
    # A. Agresti, B. Coull, Am. Stat. 52, 1998, figure 1: 5 of 50.
    assert clopper_pearson(5, 50) == pytest.approx((0.0333, 0.2181), abs=1e-4)
    assert clopper_pearson(20, 20) == pytest.approx((0.8316, 1), abs=1e-4)
    assert clopper_pearson(0, 0) == (0, 1)


def test_wilson_is_the_published_one() -> None:
    # R. G. Newcombe, Stat. Med. 17, 1998, table I, method 3.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0, 0.1611), abs=1e-4)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=1e-4)
    assert wilson(0, 0) == (0, 1)


def test_a_total_weighs_each_by_how_seldom_it_is_drawn() -> None:
    assert total([1, 0, 1], [0.5, 0.1, 0.01]) == pytest.approx(102)
    with pytest.raises(ValueError, match="above 0"):
        total([1], [0])


def test_of_equal_probabilities_it_is_the_plain_share() -> None:
    sample = [Sampled(0.1, True, n < 5) for n in range(50)] + [Sampled(0.1, False, False)] * 7
    found = share(sample)
    assert found.share == pytest.approx(0.1)
    assert (found.hits, found.of) == (5, 50)
    assert (found.low, found.high) == pytest.approx(clopper_pearson(5, 50), abs=1e-9)


def test_no_hit_leaves_what_so_few_cannot_exclude() -> None:
    found = share([Sampled(0.02, True, False)] * 20)
    assert (found.share, found.low) == (0, 0)
    assert found.high == pytest.approx(0.1684, abs=1e-4)
    nothing = share([Sampled(0.5, False, False)])
    assert (nothing.share, nothing.low, nothing.high) == (None, 0, 1)


def test_unequal_probabilities_are_no_bias_and_the_interval_covers() -> None:
    """A line whose quiet days, when 12 % are hits, are drawn ten times as densely as the others."""
    rng = np.random.default_rng(4)
    probability = np.repeat([0.2, 0.02], [1000, 9000])
    hit = np.r_[rng.permutation(np.arange(1000) < 120), rng.permutation(np.arange(9000) < 90)]
    truth = hit.mean()
    shares, naive, covered = [], [], 0
    for _ in range(300):
        drawn = np.flatnonzero(rng.random(10_000) < probability)
        found = share([Sampled(float(probability[i]), True, bool(hit[i])) for i in drawn])
        assert found.share is not None
        shares.append(found.share)
        naive.append(hit[drawn].mean())
        covered += found.low <= truth <= found.high
    error = np.std(shares) / np.sqrt(len(shares))
    assert abs(np.mean(shares) - truth) < 4 * error
    assert abs(np.mean(naive) - truth) > 20 * error
    # Clopper and Pearson's promise too little rather than too much.
    assert covered / len(shares) >= 0.93
