import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, log_expit, logit

from workers.evaluation.detection_probability import detection_curve, upper_bound

INTERCEPT, SLOPE = -6.0, 2.5
TRUE_A90 = float(np.exp((logit(0.9) - INTERCEPT) / SLOPE))


def simulated(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    sizes = np.exp(rng.uniform(np.log(3), np.log(80), count))
    return sizes, rng.random(count) < expit(INTERCEPT + SLOPE * np.log(sizes))


def test_the_parameters_of_a_simulated_set_come_back() -> None:
    curve = detection_curve(*simulated(20_000, 1))
    assert curve.intercept == pytest.approx(INTERCEPT, rel=0.05)
    assert curve.slope == pytest.approx(SLOPE, rel=0.05)
    assert curve.a90 == pytest.approx(TRUE_A90, rel=0.03)
    assert curve.a90 < curve.a90_95 < 1.1 * curve.a90


def test_the_fit_is_the_maximum_that_a_general_optimiser_finds() -> None:
    sizes, hits = simulated(150, 2)
    curve = detection_curve(sizes, hits)

    def loss(b: np.ndarray) -> float:
        eta = b[0] + b[1] * np.log(sizes)
        return -float(np.where(hits, log_expit(eta), log_expit(-eta)).sum())

    found = minimize(loss, [0.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-7}).x
    assert [curve.intercept, curve.slope] == pytest.approx(found.tolist(), rel=1e-3)


def test_the_bound_covers_the_true_size_in_95_of_100_sets() -> None:
    bounds = [detection_curve(*simulated(120, seed)).a90_95 for seed in range(300)]
    known = [bound for bound in bounds if bound is not None]
    assert len(known) > 280
    covered = np.mean([bound >= TRUE_A90 for bound in known])
    # 300 sets: a standard deviation of 1.3 points.
    assert 0.91 <= covered <= 0.99


def test_a_higher_probability_needs_a_larger_size() -> None:
    sizes, hits = simulated(200, 3)
    curve = detection_curve(sizes, hits)
    bounds = [
        upper_bound(sizes, hits, curve.intercept, curve.slope, p) for p in (0.3, 0.6, 0.9, 0.95)
    ]
    assert bounds == sorted(bounds)


@pytest.mark.parametrize(
    ("sizes", "hits", "reason"),
    [
        (np.arange(1, 31.0), np.arange(30) > 9, "30 defects; MIL-HDBK-1823A asks for at least 60"),
        (np.arange(1, 101.0), np.arange(100) > 1, "2 of 100 defects missed"),
        (np.arange(1, 101.0), np.arange(100) > 97, "2 of 100 defects hit"),
        (np.arange(1, 101.0), np.arange(100) > 50, "every hit is larger than every miss"),
        (np.full(100, 5.0), np.arange(100) % 2 > 0, "all of one size"),
        (np.arange(1, 101.0), (np.arange(100) < 60) | (np.arange(100) % 7 == 0), "not found more"),
        (np.arange(1, 101.0), np.arange(100) % 2 > 0, "beyond the largest defect"),
    ],
)
def test_a_curve_that_would_mean_nothing_is_refused(
    sizes: np.ndarray, hits: np.ndarray, reason: str
) -> None:
    curve = detection_curve(sizes, hits)
    assert curve.a90 is None
    assert curve.a90_95 is None
    assert reason in curve.reason
