"""Write drawn images as a COCO data set: images/, annotations.json and, if asked, mask pairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from inspection import rle
from inspection.datasets.labels import Annotation
from inspection.datasets.writing import CocoDocument
from inspection.drawing.drawn import Drawn

JPEG_QUALITY = 95

Draw = Callable[[np.random.Generator], Drawn]


def image_rng(seed: int, number: int) -> np.random.Generator:
    """The generator of one image of a set, so that image 7 does not depend on images 0 to 6."""
    return np.random.default_rng([seed, number])


def write_coco(
    out: Path,
    draw: Draw,
    classes: tuple[str, ...],
    count: int,
    seed: int,
    *,
    masks: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Path:
    """Draw count images into out and describe them in out/annotations.json.

    Args:
        out: folder, made if missing; annotations.json is written last, so a set without it
            is unfinished.
        draw: draws one image from a generator.
        classes: category names; category ids count from 1.
        count: number of images.
        seed: the set's seed.
        masks: also write masks/<stem>.png, 255 where any instance is.
        progress: called with the number of images written so far.

    Returns:
        The path of annotations.json.
    """
    (out / "images").mkdir(parents=True, exist_ok=True)
    if masks:
        (out / "masks").mkdir(exist_ok=True)
    info = {"description": f"drawn by Lineside, seed {seed}", "seed": seed}
    document = CocoDocument(classes, info)
    for number in range(count):
        drawn = draw(image_rng(seed, number))
        stem = f"{number:06d}"
        _write(out / "images" / f"{stem}.jpg", cv2.cvtColor(drawn.image_rgb, cv2.COLOR_RGB2BGR))
        width, height = drawn.size_wh
        annotations = [
            Annotation(classes.index(name), rle.encode(mask, drawn.size_wh))
            for name, mask in drawn.instances
        ]
        document.add(f"images/{stem}.jpg", drawn.size_wh, annotations)
        union = np.zeros((height, width), dtype=np.uint8)
        for _, mask in drawn.instances:
            union |= mask.to_frame(drawn.size_wh).astype(np.uint8) * 255
        if masks:
            _write(out / "masks" / f"{stem}.png", union)
        if progress is not None:
            progress(number + 1)
    path = out / "annotations.json"
    document.save(path)
    return path


def _write(path: Path, image_bgr: np.ndarray) -> None:
    """Encode one image; OpenCV's own writer fails without saying why, so write the bytes."""
    settings = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if path.suffix == ".jpg" else []
    ok, encoded = cv2.imencode(path.suffix, image_bgr, settings)
    if not ok:
        raise OSError(f"cannot encode {path.name}")
    path.write_bytes(encoded.tobytes())
