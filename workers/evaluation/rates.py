"""Escapes and false calls: shares of images, with what is known of them from so few."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from inspection.shares import clopper_pearson
from inspection.verdicts import Verdict
from workers.evaluation.image_result import ImageResult

FailOn = Literal["warn", "fail"]
_REJECTING = {"warn": (Verdict.WARN, Verdict.FAIL), "fail": (Verdict.FAIL,)}


def rejected(verdict: Verdict, fail_on: FailOn) -> bool:
    """Whether a verdict keeps a part back."""
    return verdict in _REJECTING[fail_on]


def image_rates(results: Sequence[ImageResult], fail_on: FailOn) -> dict[str, Any]:
    """The part `image` of a report; what was not inspected or is unclear counts neither way."""
    inspected = [each for each in results if each.verdict is not Verdict.NOT_INSPECTED]
    bad = [each for each in inspected if each.defective]
    good = [each for each in inspected if each.clean]
    escapes = sum(not rejected(each.verdict, fail_on) for each in bad)
    false_calls = sum(rejected(each.verdict, fail_on) for each in good)
    return {
        "defective": len(bad),
        "escapes": escapes,
        "escape_rate": escapes / len(bad) if bad else None,
        "escape_ci95": _listed(clopper_pearson(escapes, len(bad))),
        "clean": len(good),
        "false_calls": false_calls,
        "false_call_rate": false_calls / len(good) if good else None,
        "false_call_ci95": _listed(clopper_pearson(false_calls, len(good))),
        "unclear": sum(each.unclear for each in results),
        "not_inspected": len(results) - len(inspected),
        "rejected_by": fail_on,
        "at_5_percent_escapes": _at_escapes(results, 0.05),
        "verdicts": {
            name: {
                verdict.value: sum(each.verdict is verdict for each in group) for verdict in Verdict
            }
            for name, group in (
                ("defective", [each for each in results if each.defective]),
                ("clean", [each for each in results if each.clean]),
            )
        },
    }


def by_image_threshold(results: Sequence[ImageResult]) -> tuple[np.ndarray, ...]:
    """Escape and false-call rate if any finding of at least each score rejected an image.

    Returns:
        Thresholds, escape rates and false-call rates, float64 (101,) each; NaN without images.
    """
    levels = np.arange(101) / 100
    bad = np.array([each.top_score for each in results if each.defective])
    good = np.array([each.top_score for each in results if each.clean])
    with np.errstate(invalid="ignore"):
        escape = np.array([np.count_nonzero(bad < t) for t in levels]) / np.float64(len(bad))
        false = np.array([np.count_nonzero(good >= t) for t in levels]) / np.float64(len(good))
    return levels, escape, false


def _at_escapes(results: Sequence[ImageResult], most: float) -> dict[str, float] | None:
    """Rates at the highest score threshold that lets at most so many defective images pass."""
    levels, escape, false = by_image_threshold(results)
    if not (np.isfinite(escape).all() and np.isfinite(false).all()):
        return None
    place = int(np.flatnonzero(escape <= most).max())
    return {
        "threshold": float(levels[place]),
        "escape_rate": float(escape[place]),
        "false_call_rate": float(false[place]),
    }


def _listed(interval: tuple[float, float] | None) -> list[float] | None:
    return list(interval) if interval is not None else None
