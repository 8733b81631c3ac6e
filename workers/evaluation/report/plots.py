"""Which plots a report has, and what each says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from workers.evaluation.detection_probability import DetectionCurve, upper_bound
from workers.evaluation.options import Evaluation
from workers.evaluation.pixels import SWEEP
from workers.evaluation.precision import RECALLS, precision_at_recalls
from workers.evaluation.rates import by_image_threshold
from workers.evaluation.reliability import reliability, scored
from workers.evaluation.report import charts
from workers.evaluation.summary import detection, rankings

_MOST_CURVES = 8


@dataclass(frozen=True, slots=True)
class Plot:
    """One plot with its heading and what to read from it."""

    title: str
    caption: str
    svg: str


def plots_of(evaluation: Evaluation) -> list[Plot]:
    """The plots that the data allow."""
    plots = []
    if evaluation.instances_known:
        plots += [*_precision_recall(evaluation), *_reliability(evaluation), *_counts(evaluation)]
    return [*_thresholds(evaluation), *_images(evaluation), *_detection(evaluation), *plots]


def _precision_recall(evaluation: Evaluation) -> Iterator[Plot]:
    curves = []
    for name, ranking in zip(evaluation.classes, rankings(evaluation), strict=True):
        table = precision_at_recalls(ranking, levels=slice(0, 1))
        if table is not None:
            curves.append((name, table[0]))
    if curves:
        title = "Precision and recall of masks"
        draw = charts.lines(RECALLS, curves[:_MOST_CURVES], labels=("recall", "precision"))
        yield Plot(
            title,
            "COCO's interpolated precision at IoU 0.5; the area under a curve is its class's AP50.",
            charts.svg("precision-recall", title, draw),
        )


def _thresholds(evaluation: Evaluation) -> Iterator[Plot]:
    best = evaluation.sweep.best()
    if best is None:
        return
    precision, recall = evaluation.sweep.curves()
    total = precision + recall
    f1 = np.divide(2 * precision * recall, total, out=np.zeros_like(total), where=total > 0)
    title = "Pixels at every threshold"
    draw = charts.lines(
        SWEEP[1:],
        [("F1", f1[1:]), ("precision", precision[1:]), ("recall", recall[1:])],
        labels=("threshold", "share of pixels"),
        marked=(best[1], f"best {best[0].f1:.3f}"),
    )
    yield Plot(
        title,
        "Pixels of all images pooled, one threshold for all classes. For an instance model it is "
        "that of a finding's score, for a semantic one that of a pixel's probability.",
        charts.svg("thresholds", title, draw),
    )


def _images(evaluation: Evaluation) -> Iterator[Plot]:
    levels, escape, false = by_image_threshold(evaluation.results)
    series = [
        (name, values)
        for name, values in (("escapes", escape), ("false calls", false))
        if np.isfinite(values).all()
    ]
    if series:
        title = "Escapes and false calls at every threshold"
        draw = charts.lines(levels, series, labels=("score threshold", "share of images"))
        yield Plot(
            title,
            "If any finding of at least this score rejected its image.",
            charts.svg("images", title, draw),
        )


def _detection(evaluation: Evaluation) -> Iterator[Plot]:
    said, curve, defects = detection(evaluation.results, evaluation.options.mm_per_px)
    if not len(defects):
        return
    sizes, hits = defects[:, 0], defects[:, 1] > 0
    title = "Probability of detection"
    marks = [
        (value, name)
        for value, name in ((curve.a90, "a90"), (curve.a90_95, "a90/95"))
        if value is not None
    ]
    fitted = bound = None
    if curve.intercept is not None:
        grid = np.geomspace(sizes.min(), sizes.max(), 80)
        fitted = (grid, curve.probability(grid))
        bound = _bound(sizes, hits, curve)
    draw = charts.detection(sizes, hits, fitted, bound, marks, said["unit"])
    caption = (
        "A defect is hit if findings cover a fifth of it. MIL-HDBK-1823A, logit on the logarithm "
        "of the length."
    )
    if curve.reason:
        caption += f" {curve.reason[0].upper()}{curve.reason[1:]}."
    yield Plot(title, caption, charts.svg("detection", title, draw))
    edges = np.geomspace(sizes.min(), sizes.max() * 1.001, 13)
    parts = [
        (name, np.histogram(sizes[chosen], edges)[0])
        for name, chosen in (("hit", hits), ("missed", ~hits))
    ]
    if edges[-1] > edges[0] * 1.01:
        title = "Sizes of the defects"
        labels = (f"length, {said['unit']}", "defects")
        yield Plot(
            title,
            f"{len(sizes)} labelled defects, {int(hits.sum())} of them hit.",
            charts.svg("sizes", title, charts.stacked(edges, parts, labels, log_x=True)),
        )


def _bound(
    sizes: np.ndarray, hits: np.ndarray, curve: DetectionCurve
) -> tuple[np.ndarray, np.ndarray] | None:
    assert curve.intercept is not None
    assert curve.slope is not None
    levels = np.concatenate([np.arange(0.05, 0.9, 0.05), np.arange(0.9, 0.99, 0.02)])
    places = [upper_bound(sizes, hits, curve.intercept, curve.slope, float(p)) for p in levels]
    known = [(a, p) for a, p in zip(places, levels, strict=True) if a is not None]
    if len(known) < 2:
        return None
    return np.array([a for a, _ in known]), np.array([p for _, p in known])


def _reliability(evaluation: Evaluation) -> Iterator[Plot]:
    scores, right = scored(evaluation.results)
    if not len(scores):
        return
    bins = reliability(scores, right)
    title = "Reliability of scores"
    yield Plot(
        title,
        f"Expected calibration error {bins.ece:.3f} over {len(scores)} findings; below the "
        "diagonal scores promise too much.",
        charts.svg(
            "reliability",
            title,
            charts.reliability(bins.confidence, bins.right, bins.findings.astype(float)),
        ),
    )
    edges = np.linspace(0, 1, 21)
    parts = [
        (name, np.histogram(scores[chosen], edges)[0])
        for name, chosen in (("right", right), ("wrong", ~right))
    ]
    title = "Scores of the findings"
    yield Plot(
        title,
        "Right is a finding that matches a true mask of its class at IoU 0.5.",
        charts.svg("scores", title, charts.stacked(edges, parts, ("score", "findings"))),
    )


def _counts(evaluation: Evaluation) -> Iterator[Plot]:
    true = _totals([each.true for each in evaluation.results])
    found = _totals([each.found for each in evaluation.results])
    title = "Counted in each image"
    yield Plot(
        title,
        "On the dotted line the count is right; larger points are more images.",
        charts.svg("counts", title, charts.scatter_counts(true, found)),
    )


def _totals(values: Sequence[np.ndarray | None]) -> np.ndarray:
    return np.array([0 if each is None else int(each.sum()) for each in values], dtype=np.int64)
