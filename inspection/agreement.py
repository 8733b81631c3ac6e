"""How well masks that a model predicts measure the same as the true ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt

from inspection.measure import MaskMeasurement, measure_mask

_Bools = npt.NDArray[np.bool_]
_Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Pair:
    """One true component and the predicted one that covers it best."""

    iou: float
    true: MaskMeasurement
    predicted: MaskMeasurement


@dataclass(frozen=True, slots=True)
class Pairing:
    """The components of one image: those that have found each other, and how many have not."""

    pairs: tuple[Pair, ...]
    missed: int  # true components without a predicted one
    extra: int  # predicted components without a true one


def pair_components(
    true: _Bools, predicted: _Bools, *, least_iou: float = 0.3, least_px: int = 50
) -> Pairing:
    """Measure the 8-connected components of two masks, bool (H, W), and pair them.

    Largest overlap first, each component once. What measures 50 px or less of area has hardly a
    length to compare, and is left out on both sides.

    Raises:
        ValueError: the masks are of different sizes.
    """
    if true.shape != predicted.shape:
        raise ValueError(f"expected masks of one size, got {true.shape} and {predicted.shape}")
    labels_true, boxes_true = _components(true, least_px)
    labels_predicted, boxes_predicted = _components(predicted, least_px)
    overlaps: list[tuple[float, int, int]] = []
    for one in boxes_true:
        inside = labels_true == one
        area = int(np.count_nonzero(inside))
        common = np.bincount(labels_predicted[inside])
        for number in np.flatnonzero(common):
            if number in boxes_predicted:
                union = area + int(np.count_nonzero(labels_predicted == number)) - common[number]
                overlaps.append((float(common[number] / union), one, int(number)))
    pairs: list[Pair] = []
    done: tuple[set[int], set[int]] = (set(), set())
    for iou, one, other in sorted(overlaps, reverse=True):
        if iou < least_iou or one in done[0] or other in done[1]:
            continue
        done[0].add(one)
        done[1].add(other)
        measured = (
            measure_mask(_cut(labels, box) == number)
            for labels, box, number in (
                (labels_true, boxes_true[one], one),
                (labels_predicted, boxes_predicted[other], other),
            )
        )
        pairs.append(Pair(iou, *measured))
    return Pairing(
        tuple(pairs), len(boxes_true) - len(done[0]), len(boxes_predicted) - len(done[1])
    )


def _components(mask: _Bools, least_px: int) -> tuple[npt.NDArray[np.int32], dict[int, _Box]]:
    """Labels (H, W), 0 outside, and the boxes of components that are large enough."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    boxes = {
        number: (int(stats[number, 0]), int(stats[number, 1]), *map(int, stats[number, 2:4]))
        for number in range(1, count)
        if stats[number, cv2.CC_STAT_AREA] > least_px
    }
    return cast(npt.NDArray[np.int32], labels), cast(dict[int, _Box], boxes)


def _cut(labels: npt.NDArray[Any], box: _Box) -> npt.NDArray[Any]:
    x, y, width, height = box
    return labels[y : y + height, x : x + width]


def measure_agreement(pairings: Sequence[Pairing]) -> dict[str, object]:
    """Figures over many images; relative errors are of the true value, None without a pair.

    Keys: `components` true ones, `matched`, `missed`, `extra`, and of `length`, `mean_width` and
    `max_width` each `median_relative_error`, `p90_relative_error` (both of the magnitude),
    `median_error_px` (signed: above 0 measures too much).
    """
    pairs = [pair for pairing in pairings for pair in pairing.pairs]
    figures: dict[str, object] = {
        "components": len(pairs) + sum(pairing.missed for pairing in pairings),
        "matched": len(pairs),
        "missed": sum(pairing.missed for pairing in pairings),
        "extra": sum(pairing.extra for pairing in pairings),
        "median_iou": _rounded(np.median([pair.iou for pair in pairs])) if pairs else None,
    }
    for name in ("length", "mean_width", "max_width"):
        true = np.array([getattr(pair.true, f"{name}_px") for pair in pairs], np.float64)
        error = np.array([getattr(pair.predicted, f"{name}_px") for pair in pairs]) - true
        relative = np.abs(error) / true if pairs else error
        figures[name] = {
            "median_relative_error": _rounded(np.median(relative)) if pairs else None,
            "p90_relative_error": _rounded(np.percentile(relative, 90)) if pairs else None,
            "median_error_px": _rounded(np.median(error)) if pairs else None,
        }
    return figures


def _rounded(value: Any) -> float:
    return round(float(value), 4)
