"""Two models on the same images: what differs, how sure that is, and whose verdicts flip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from inspection.shares import mcnemar_p
from inspection.verdicts import Verdict
from workers.evaluation.image_result import ImageResult
from workers.evaluation.options import Evaluation
from workers.evaluation.rates import rejected
from workers.evaluation.resampling import differences, figures_of


@dataclass(frozen=True, slots=True)
class Flip:
    """An image that one model rejects and the other does not."""

    image: str
    defective: bool
    a: Verdict
    b: Verdict


def compare(
    a: Evaluation,
    b: Evaluation,
    *,
    resamples: int = 2000,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """The report of a comparison; `difference` is B minus A throughout.

    Args:
        a, b: passes over the same images in the same order, with the same options.
        resamples, seed: of the paired bootstrap.
        progress: called with the number of resamples done.

    Raises:
        ValueError: the images are not the same.
    """
    names = [each.name for each in a.results]
    if names != [each.name for each in b.results]:
        raise ValueError("the two passes are not over the same images")
    found = differences(
        figures_of(a),
        figures_of(b),
        len(names),
        resamples=resamples,
        seed=seed,
        progress=progress,
    )
    return {
        "images": len(names),
        "resamples": resamples,
        "seed": seed,
        "differences": {
            name: {
                "a": each.a,
                "b": each.b,
                "difference": each.b - each.a,
                "ci95": [each.low, each.high] if each.resamples else None,
                "p": each.p,
                "resamples": each.resamples,
            }
            for name, each in found.items()
        },
        "verdicts": {
            group: mcnemar(*_pairs(a, b, defective))
            for group, defective in (("all", None), ("defective", True), ("clean", False))
        },
        "flips": [
            {
                "image": flip.image,
                "defective": flip.defective,
                "a": flip.a.value,
                "b": flip.b.value,
            }
            for flip in flips(a, b)
        ],
    }


def flips(a: Evaluation, b: Evaluation) -> list[Flip]:
    """The images that one rejects and the other does not, in their order."""
    return [
        Flip(one.name, one.defective, one.verdict, other.verdict)
        for one, other in zip(a.results, b.results, strict=True)
        if _rejects(one, a) != _rejects(other, b)
    ]


def mcnemar(only_a: int, only_b: int) -> dict[str, Any]:
    """McNemar's exact test of the images that only one of the two judged rightly."""
    return {"only_a_right": only_a, "only_b_right": only_b, "p": mcnemar_p(only_a, only_b)}


def _pairs(a: Evaluation, b: Evaluation, defective: bool | None) -> tuple[int, int]:
    """Images that only A, and only B judged rightly: rejected exactly if defective."""
    only_a = only_b = 0
    for one, other in zip(a.results, b.results, strict=True):
        if defective is not None and one.defective is not defective:
            continue
        if one.unclear or not _inspected((one, other)):
            continue
        right_a = _rejects(one, a) == one.defective
        right_b = _rejects(other, b) == other.defective
        only_a += right_a and not right_b
        only_b += right_b and not right_a
    return only_a, only_b


def _rejects(result: ImageResult, evaluation: Evaluation) -> bool:
    return rejected(result.verdict, evaluation.options.fail_on)


def _inspected(results: Sequence[ImageResult]) -> bool:
    return all(each.verdict is not Verdict.NOT_INSPECTED for each in results)
