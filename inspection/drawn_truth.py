"""What somebody drew on a picture, as findings that a recipe can judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pycocotools import mask as coco

from inspection.rejudging import StoredFinding


def as_finding(
    class_name: str,
    segmentation: Sequence[Sequence[float]] | Mapping[str, object],
    box_xyxy: tuple[float, float, float, float],
    size_wh: tuple[int, int],
) -> StoredFinding:
    """A drawn instance as if a model had found it without a doubt: its score is 1.

    Args:
        segmentation: COCO: polygons in px of the upright image, or an RLE of its size.
        box_xyxy: px of the upright image.
    """
    width, height = size_wh
    rle: Any = segmentation
    if not isinstance(segmentation, Mapping):
        rle = coco.merge(coco.frPyObjects([list(each) for each in segmentation], height, width))
    elif isinstance(segmentation["counts"], list):
        rle = coco.frPyObjects(dict(segmentation), height, width)
    counts = rle["counts"]
    text = counts.decode() if isinstance(counts, bytes) else counts
    return StoredFinding(
        class_name, 1.0, box_xyxy, "", {"size": [height, width], "counts": text}, ()
    )
