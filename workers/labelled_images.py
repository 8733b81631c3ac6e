"""Labelled images from disk or from the project's own drawing, one at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from inspection import rle
from inspection.detections import InstanceMask
from inspection.drawing.dataset import image_rng
from inspection.drawing.drawn import Drawn
from inspection.drawing.shelves import CLASSES as SHELF_CLASSES
from inspection.drawing.shelves import draw_shelf
from inspection.drawing.surfaces import CLASSES as SURFACE_CLASSES
from inspection.drawing.surfaces import draw_surface
from workers.engines.detector import RgbImage
from workers.evaluation import LabelledImage

IMAGE_TYPES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
Drawing = tuple[Callable[[np.random.Generator], Drawn], tuple[str, ...]]
DRAWN: dict[str, Drawing] = {
    "surfaces": (draw_surface, SURFACE_CLASSES),
    "shelves": (draw_shelf, SHELF_CLASSES),
}
# Fresh images: training sets are drawn with small seeds, validation with 900 001 and up.
EVALUATION_SEED = 424_242


class LabelledDataError(Exception):
    """A folder that does not hold what its format asks for."""


def mask_pairs(folder: Path, limit: int | None = None) -> Iterator[LabelledImage]:
    """Pairs images/NAME.jpg and masks/NAME.png, in the folder or nested by class below it.

    Raises:
        LabelledDataError: no pair at all, an unreadable file, or sizes that differ.
    """
    pairs = _find_pairs(folder)
    if not pairs:
        raise LabelledDataError(
            f"{folder} holds no pairs images/NAME.jpg and masks/NAME.png, "
            "neither itself nor in its sub-folders"
        )
    for image_path, mask_path, group in _spread(pairs, limit):
        image = read_rgb(image_path)
        mask = _read(mask_path, cv2.IMREAD_GRAYSCALE)
        if image.shape[:2] != mask.shape[:2]:
            raise LabelledDataError(
                f"{image_path.name} is {image.shape[1]}×{image.shape[0]}, "
                f"its mask {mask.shape[1]}×{mask.shape[0]}"
            )
        # 1-bit masks are read as 0 and 255, and so are 8-bit ones.
        yield LabelledImage(image, None, mask > 127, group)


def coco(folder: Path, limit: int | None = None) -> Iterator[LabelledImage]:
    """The images of folder/annotations.json with their instances.

    Raises:
        LabelledDataError: no annotations.json, or an unreadable image.
    """
    path = folder / "annotations.json"
    if not path.is_file():
        raise LabelledDataError(f"{folder} holds no annotations.json")
    document = json.loads(path.read_text(encoding="utf-8"))
    names = {category["id"]: category["name"] for category in document["categories"]}
    grouped: dict[int, list[tuple[str, InstanceMask]]] = {}
    sizes = {image["id"]: (image["width"], image["height"]) for image in document["images"]}
    for annotation in document["annotations"]:
        if not annotation.get("iscrowd"):
            mask = coco_mask(annotation["segmentation"], sizes[annotation["image_id"]])
            pair = (names[annotation["category_id"]], mask)
            grouped.setdefault(annotation["image_id"], []).append(pair)
    for image in document["images"][:limit]:
        pixels = read_rgb(folder / image["file_name"])
        yield LabelledImage(pixels, tuple(grouped.get(image["id"], ())))


def drawn(kind: str, count: int, seed: int = EVALUATION_SEED) -> Iterator[LabelledImage]:
    """Freshly drawn images of a kind out of `DRAWN`.

    Raises:
        LabelledDataError: an unknown kind.
    """
    if kind not in DRAWN:
        raise LabelledDataError(f"nothing draws {kind!r}; expected one of {sorted(DRAWN)}")
    draw = DRAWN[kind][0]
    for number in range(count):
        one = draw(image_rng(seed, number))
        yield LabelledImage(one.image_rgb, one.instances)


def read_rgb(path: Path) -> RgbImage:
    """An image file as uint8 (H, W, 3).

    Raises:
        LabelledDataError: the file is missing or no image.
    """
    return np.asarray(cv2.cvtColor(_read(path, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), np.uint8)


def coco_mask(segmentation: rle.Rle | list[list[float]], size_wh: tuple[int, int]) -> InstanceMask:
    """The mask of a COCO annotation: compressed RLE or polygons."""
    if isinstance(segmentation, dict):
        return rle.decode_cropped(segmentation)
    frame = np.zeros((size_wh[1], size_wh[0]), dtype=np.uint8)
    rings = [np.round(np.reshape(ring, (-1, 2)) * 16).astype(np.int32) for ring in segmentation]
    cv2.fillPoly(frame, rings, 1, cv2.LINE_8, 4)
    return InstanceMask.from_frame(frame.astype(np.bool_))


def _find_pairs(folder: Path) -> list[tuple[Path, Path, str]]:
    """(image, mask, name of the class folder or empty), in the order of their paths."""
    pairs = []
    for images in sorted(path for path in folder.rglob("images") if path.is_dir()):
        masks = {path.stem: path for path in (images.parent / "masks").glob("*")}
        group = "" if images.parent == folder else images.parent.name
        pairs += [
            (path, masks[path.stem], group)
            for path in sorted(images.iterdir())
            if path.suffix.lower() in IMAGE_TYPES and path.stem in masks
        ]
    return pairs


def _spread(pairs: list[tuple[Path, Path, str]], limit: int | None) -> list[tuple[Path, Path, str]]:
    """At most limit pairs, evenly over the list, so that every class folder has its share."""
    if limit is None or limit >= len(pairs):
        return pairs
    return [pairs[place * len(pairs) // limit] for place in range(limit)]


def _read(path: Path, flags: int) -> RgbImage:
    try:
        content = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    except OSError as error:
        raise LabelledDataError(f"cannot read {path}: {error.strerror}") from error
    image = cv2.imdecode(content, flags) if content.size else None
    if image is None:
        raise LabelledDataError(f"{path} is no image")
    return np.asarray(image, np.uint8)
