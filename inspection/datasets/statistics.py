"""What is in a data set: how many of what, and how large."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from inspection.datasets.labels import Dataset
from inspection.datasets.masks import read_mask
from inspection.detections import InstanceMask


def describe(dataset: Dataset, progress: Callable[[int], None] | None = None) -> dict[str, Any]:
    """Counts, sizes and histograms of a data set, ready for JSON; docs/datasets.md has the keys.

    An instance is an annotation, or a connected piece of one where the labels tell only pixels.
    Its length is the long side of the smallest rectangle around it, in px.
    """
    areas: list[list[float]] = [[] for _ in dataset.classes]
    lengths: list[list[float]] = [[] for _ in dataset.classes]
    images = Counter[int]()
    groups: dict[tuple[str, str], list[int]] = {}
    for number, file in enumerate(dataset.files, start=1):
        images.update({each.class_index for each in file.annotations})
        found = 0
        for each in file.annotations:
            mask = read_mask(each, file.size_wh)
            for piece in [mask] if dataset.instances else pieces(mask):
                areas[each.class_index].append(float(piece.area_px))
                lengths[each.class_index].append(length_px(piece))
                found += 1
        row = groups.setdefault((file.part, file.group), [0, 0, 0])
        for place, more in enumerate((1, found, not file.annotations)):
            row[place] += more
        if progress is not None:
            progress(number)
    sizes = Counter(file.size_wh for file in dataset.files)
    return {
        "name": dataset.name,
        "sha256": dataset.sha256,
        "images": len(dataset.files),
        "images_without_labels": sum(not file.annotations for file in dataset.files),
        "instances": sum(len(each) for each in areas),
        "instances_are": "annotations" if dataset.instances else "connected pieces of masks",
        "classes": [
            {
                "name": name,
                "images": images[index],
                "instances": len(areas[index]),
                "area_px": _spread(areas[index]),
                "length_px": _spread(lengths[index]),
            }
            for index, name in enumerate(dataset.classes)
        ],
        "groups": [
            {
                "part": part,
                "group": group,
                "images": row[0],
                "instances": row[1],
                "images_without_labels": row[2],
            }
            for (part, group), row in sorted(groups.items())
        ],
        "sizes": [
            {"width": width, "height": height, "images": count}
            for (width, height), count in sizes.most_common()
        ],
        "area_px": _histogram(dataset.classes, areas, 4.0),
        "length_px": _histogram(dataset.classes, lengths, 2.0),
    }


def pieces(mask: InstanceMask) -> list[InstanceMask]:
    """The connected pieces of a mask (8 neighbours)."""
    count, labels = cv2.connectedComponents(mask.bits.astype(np.uint8), connectivity=8)
    found = []
    for label in range(1, count):
        piece = InstanceMask.from_frame(labels == label)
        found.append(InstanceMask(piece.bits, piece.x0 + mask.x0, piece.y0 + mask.y0))
    return found


def length_px(mask: InstanceMask) -> float:
    """The long side of the smallest rectangle around a mask's pixels, px; 0 for no pixel."""
    contours, _ = cv2.findContours(
        np.pad(mask.bits, 1).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    if not contours:
        return 0.0
    # Contours run through the centres of pixels, half a pixel inside on each end.
    return float(max(cv2.minAreaRect(np.concatenate(contours))[1])) + 1.0


def _spread(values: list[float]) -> dict[str, float] | None:
    if not values:
        return None
    return {
        "least": round(min(values), 1),
        "median": round(float(np.median(values)), 1),
        "most": round(max(values), 1),
    }


def _histogram(
    classes: tuple[str, ...], values: list[list[float]], factor: float
) -> dict[str, Any]:
    """Counts by class between edges that grow by a factor: sizes spread over decades."""
    everything = [value for each in values for value in each if value > 0]
    if not everything:
        return {"edges": [], "counts": {name: [] for name in classes}}
    low = int(np.floor(np.log(min(everything)) / np.log(factor)))
    high = int(np.floor(np.log(max(everything)) / np.log(factor))) + 1
    edges: npt.NDArray[np.float64] = factor ** np.arange(low, high + 1, dtype=np.float64)
    return {
        "edges": edges.tolist(),
        "counts": {
            name: np.histogram(each, bins=edges)[0].tolist()
            for name, each in zip(classes, values, strict=True)
        },
    }
