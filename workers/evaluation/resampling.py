"""How sure a difference is: the same images drawn again and again, for both models alike.

Paired bootstrap over images (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, ch. 8
and 13): images, and not findings, are what was sampled, and findings of one image are alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workers.evaluation.image_result import ImageResult
from workers.evaluation.options import Evaluation
from workers.evaluation.precision import Ranking, average_precision
from workers.evaluation.rates import FailOn, rejected
from workers.evaluation.summary import rankings

Floats = npt.NDArray[np.float64]
# (images,) weights to named figures; NaN where a resample cannot tell.
Figures = Callable[[Floats], dict[str, float]]


@dataclass(frozen=True, slots=True)
class Difference:
    """B minus A in one figure.

    Attributes:
        a, b: on the images as they are.
        low, high: 95 % percentile interval of b minus a.
        p: two-sided; the share of resamples on the far side of zero, twice.
        resamples: those in which the figure was defined.
    """

    a: float
    b: float
    low: float
    high: float
    p: float
    resamples: int


def figures_of(evaluation: Evaluation) -> Figures:
    """A function that computes the figures of any resample without looking at an image again."""
    results = evaluation.results
    union = _stack([each.union[:3] for each in results], 3)
    by_class = (
        np.stack([each.by_class for each in results if each.by_class is not None]).astype(float)
        if results and all(each.by_class is not None for each in results)
        else None
    )
    groups = [each.group if each.union[0] + each.union[2] else "" for each in results]
    names = sorted(set(groups) - {""})
    in_group = np.array([[own == name for own in groups] for name in names], dtype=float)
    bad, good, escaped, called = _decisions(results, evaluation.options.fail_on)
    ranked: list[Ranking] = rankings(evaluation) if evaluation.instances_known else []
    errors = np.array(
        [float(each.found.sum() - each.true.sum()) for each in results if each.true is not None]
    )

    def figures(weights: Floats) -> dict[str, float]:
        right, wrong, missed = (weights @ union).tolist()
        known: dict[str, float] = {}
        if ranked:
            precision = average_precision(ranked, weights)
            known["mask_ap"] = _number(precision.ap)
            known["mask_ap50"] = _number(precision.ap50)
            known["count.mae"] = _share(float(weights @ np.abs(errors)), float(weights.sum()))
        known["pixel.f1"] = _share(2 * right, 2 * right + wrong + missed)
        if by_class is not None:
            pooled = np.tensordot(weights, by_class, axes=1)
            occurs = pooled[:, 0] + pooled[:, 2] > 0
            iou = pooled[occurs, 0] / pooled[occurs].sum(axis=1)
            known["pixel.miou"] = float(iou.mean()) if occurs.any() else np.nan
        elif len(names):
            pooled = (in_group * weights) @ union
            occurs = pooled[:, 0] + pooled[:, 2] > 0
            iou = pooled[occurs, 0] / pooled[occurs].sum(axis=1)
            known["pixel.miou"] = float(iou.mean()) if occurs.any() else np.nan
        else:
            known["pixel.miou"] = _share(right, right + wrong + missed)
        known["image.escape_rate"] = _share(float(weights @ escaped), float(weights @ bad))
        known["image.false_call_rate"] = _share(float(weights @ called), float(weights @ good))
        return known

    return figures


def differences(
    a: Figures,
    b: Figures,
    images: int,
    *,
    resamples: int = 2000,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Difference]:
    """Every figure of both, and what is known of their difference.

    Args:
        a, b: from `figures_of`, over the same images in the same order.
        images: how many there are.
        resamples: at least some thousand for two digits of p.
        seed: of the resampling; the same seed gives the same answer.
        progress: called with the number of resamples done.
    """
    rng = np.random.default_rng(seed)
    once = np.ones(images)
    of_a, of_b = a(once), b(once)
    shared = [name for name in of_a if name in of_b]
    drawn = np.full((resamples, len(shared)), np.nan)
    for row in range(resamples):
        weights = rng.multinomial(images, once / images).astype(np.float64)
        again_a, again_b = a(weights), b(weights)
        drawn[row] = [again_b[name] - again_a[name] for name in shared]
        if progress is not None:
            progress(row + 1)
    return {
        name: _difference(of_a[name], of_b[name], drawn[:, column])
        for column, name in enumerate(shared)
        if np.isfinite([of_a[name], of_b[name]]).all()
    }


def _difference(a: float, b: float, drawn: Floats) -> Difference:
    known = drawn[np.isfinite(drawn)]
    low, high = np.percentile(known, [2.5, 97.5]) if known.size else (np.nan, np.nan)
    # One is added so that no p is 0: the images as they are belong to the resamples too
    # (Davison and Hinkley, Bootstrap Methods and their Application, 1997, eq. 4.11).
    below, above = np.count_nonzero(known <= 0) + 1, np.count_nonzero(known >= 0) + 1
    p = min(1.0, 2 * min(below, above) / (known.size + 1))
    return Difference(a, b, float(low), float(high), float(p), int(known.size))


def _decisions(
    results: Sequence[ImageResult], fail_on: FailOn
) -> tuple[Floats, Floats, Floats, Floats]:
    """Defective, clean, escaped and falsely called images, float64 (images,) of 0 and 1 each."""
    inspected = np.array([each.verdict.value != "not_inspected" for each in results], dtype=float)
    bad = np.array([each.defective for each in results], dtype=float)
    clean = np.array([each.clean for each in results], dtype=float)
    out = np.array([rejected(each.verdict, fail_on) for each in results], dtype=float)
    bad, good = inspected * bad, inspected * clean
    return bad, good, bad * (1 - out), good * out


def _stack(parts: Sequence[npt.NDArray[np.int64]], width: int) -> Floats:
    return np.array(parts, dtype=np.float64).reshape(-1, width)


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
