"""One annotation's segmentation, in any of COCO's three forms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inspection import rle
from inspection.datasets.labels import Problem, Report
from inspection.datasets.masks import Segmentation, counts_to_rle, polygon_fault


def read_segmentation(
    image: Path, file: Path, annotation: dict[str, Any], size_wh: tuple[int, int], report: Report
) -> Segmentation | None:
    """Polygons as they are, RLE compressed; None once what is wrong was reported."""
    given = annotation.get("segmentation")
    number = annotation.get("id")
    try:
        if isinstance(given, dict):
            return _read_rle(given, size_wh)
        if isinstance(given, list) and given:
            return _read_polygons(given, size_wh)
        raise _NoMaskError
    except _NoMaskError:
        kind, fault = "box-only", "has no segmentation, expected polygons or RLE"
    except (ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
        kind, fault = "broken-mask", f"is broken: {error}"
    report(Problem(image, kind, f"{file.name}: annotation {number} {fault}"))
    return None


class _NoMaskError(Exception):
    """An annotation that is but a box."""


def _read_rle(given: dict[str, Any], size_wh: tuple[int, int]) -> rle.Rle:
    size = [int(side) for side in given["size"]]
    counts = given["counts"]
    if size != [size_wh[1], size_wh[0]]:
        raise ValueError(
            f"an RLE of {size[1]}×{size[0]} px, expected the image's {size_wh[0]}×{size_wh[1]}"
        )
    if isinstance(counts, list):
        compressed = counts_to_rle([int(count) for count in counts], size)
    elif isinstance(counts, str):
        compressed = {"size": size, "counts": counts}
        rle.check(compressed)
    else:
        raise ValueError(f"counts are {type(counts).__name__}, expected a string or a list")
    return compressed


def _read_polygons(given: list[Any], size_wh: tuple[int, int]) -> list[list[float]]:
    # Some writers leave out the outer list of a single polygon.
    rings = [given] if isinstance(given[0], int | float) else given
    polygons = [[float(value) for value in ring] for ring in rings]
    for ring in polygons:
        if fault := polygon_fault(ring, size_wh):
            raise ValueError(fault)
    return polygons
