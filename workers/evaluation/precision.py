"""Average precision from matches, of a set or of any resample of its images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workers.evaluation.matching import SIZES, ClassMatches

Floats = npt.NDArray[np.float64]
RECALLS = np.linspace(0.0, 1.0, 101)
_LEVELS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """The findings of one class in all images, best score first.

    Attributes:
        image: int64 (N,), which image each is in.
        places: int64 (R,), which of them are right at any IoU level: precision is highest there.
        right: bool (10, R), those by IoU level.
        ignored: bool (10, N), neither right nor wrong; None where none is.
        positives: float64 (images,), true instances.
    """

    image: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]
    right: npt.NDArray[np.bool_]
    ignored: npt.NDArray[np.bool_] | None
    positives: Floats


def rank(images: Sequence[Sequence[ClassMatches]], class_id: int, size: str = "all") -> Ranking:
    """The ranking of one class over images in their order; ties keep that order, as COCO's do."""
    row = SIZES.index(size)
    positives = np.zeros(len(images))
    parts = []
    for number, classes in enumerate(images):
        for matches in classes:
            if matches.class_id == class_id:
                positives[number] = matches.positives[row]
                parts.append((number, matches))
    if not parts:
        nothing = np.zeros(0, dtype=np.int64)
        return Ranking(nothing, nothing, np.zeros((_LEVELS, 0), np.bool_), None, positives)
    scores = np.concatenate([matches.scores for _, matches in parts])
    image = np.concatenate([np.full(len(m.scores), number) for number, m in parts])
    order = np.argsort(-scores, kind="mergesort")
    matched = np.concatenate([matches.matched[row] for _, matches in parts], axis=1)[:, order]
    ignored = np.concatenate([matches.ignored[row] for _, matches in parts], axis=1)[:, order]
    right = matched & ~ignored
    places = np.flatnonzero(right.any(axis=0))
    return Ranking(
        image[order].astype(np.int64),
        places,
        np.ascontiguousarray(right[:, places]),
        ignored if ignored.any() else None,
        positives,
    )


def precision_at_recalls(
    ranking: Ranking, weights: Floats | None = None, levels: slice = slice(None)
) -> Floats | None:
    """Interpolated precision, float64 (IoU levels, 101); None where nothing is true.

    As `COCOeval.accumulate`: the highest precision at this recall or a higher one, 0 beyond the
    highest recall. An image of weight 2 counts as if it were in the set twice.

    Args:
        ranking: of one class.
        weights: float64 (images,), how often each image counts; None is once.
        levels: which of the ten IoU levels.
    """
    own = np.ones(len(ranking.image)) if weights is None else weights[ranking.image]
    positives = ranking.positives.sum() if weights is None else ranking.positives @ weights
    if not positives:
        return None
    places = ranking.places
    if ranking.ignored is None:
        found = np.cumsum(own)[None, places]
    else:
        found = np.cumsum(~ranking.ignored[levels] * own, axis=1)[:, places]
    hits = np.cumsum(ranking.right[levels] * own[places], axis=1)
    recall = hits / positives
    precision = hits / (found + np.spacing(1))
    precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    result = np.zeros((len(recall), len(RECALLS)))
    for row, (recalls, values) in enumerate(zip(recall, precision, strict=True)):
        at = np.searchsorted(recalls, RECALLS, side="left")
        reached = at < len(values)
        result[row, reached] = values[at[reached]]
    return result


@dataclass(frozen=True, slots=True)
class AveragePrecision:
    """AP over IoU 0.50 to 0.95 and AP at 0.50, 0 to 1; None where there is no true instance."""

    ap: float | None
    ap50: float | None


def average_precision(
    rankings: Sequence[Ranking], weights: Floats | None = None
) -> AveragePrecision:
    """COCO's AP over classes: those without a true instance do not count."""
    tables = [precision_at_recalls(ranking, weights) for ranking in rankings]
    known = [table for table in tables if table is not None]
    if not known:
        return AveragePrecision(None, None)
    table = np.stack(known)
    return AveragePrecision(float(table.mean()), float(table[:, 0].mean()))
