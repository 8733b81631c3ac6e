"""Predicted and true masks of labelled images, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from workers.engines.detector import Detector, RgbImage
from workers.engines.thresholds import Thresholds
from workers.evaluation.labelled import LabelledImage

_Bools = npt.NDArray[np.bool_]


def defect_masks(
    detector: Detector,
    images: Iterable[LabelledImage],
    classes: Sequence[str],
    thresholds: Thresholds,
) -> Iterator[tuple[_Bools, _Bools]]:
    """Of each image what is defect by its labels and by the detector, bool (H, W) both.

    Args:
        classes: whose findings and instances count; where labels tell only defect or not, all.
        thresholds: the model's own, at which it runs on a line.
    """
    waiting: list[LabelledImage] = []

    def feed() -> Iterator[RgbImage]:
        for labelled in images:
            waiting.append(labelled)
            yield labelled.image_rgb

    wanted = {number for number, name in enumerate(detector.classes) if name in classes}
    for found in detector.detect_stream(feed()):
        labelled = waiting.pop(0)
        predicted = np.zeros(found.size_wh[::-1], np.bool_)
        for number, score, mask in zip(found.class_ids, found.scores, found.masks, strict=True):
            if int(number) in wanted and score >= thresholds.scores[int(number)]:
                height, width = mask.bits.shape
                predicted[mask.y0 : mask.y0 + height, mask.x0 : mask.x0 + width] |= mask.bits
        yield _true(labelled, classes), predicted


def _true(labelled: LabelledImage, classes: Sequence[str]) -> _Bools:
    if labelled.defect is not None:
        return labelled.defect
    true = np.zeros(labelled.size_wh[::-1], np.bool_)
    for name, mask in labelled.instances if labelled.instances is not None else labelled.areas:
        if name in classes or labelled.instances is None:
            height, width = mask.bits.shape
            true[mask.y0 : mask.y0 + height, mask.x0 : mask.x0 + width] |= mask.bits
    return true
