"""Small labelled sets of each form, drawn here, in the shape that the labelling tools write."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIZE_WH = (40, 30)
# A rectangle over the corners of pixels, and the pixels that it is.
RING = [5.0, 6.0, 15.0, 6.0, 15.0, 20.0, 5.0, 20.0]
PIXELS = (slice(6, 20), slice(5, 15))


def picture(path: Path, seed: int = 0, size_wh: tuple[int, int] = SIZE_WH) -> Path:
    """Write an image of blobs that look different for each seed."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize(size_wh, Image.Resampling.BICUBIC)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, quality=95) if path.suffix == ".jpg" else image.save(path)
    return path


def turned_picture(path: Path, seed: int = 0) -> Path:
    """An image that is stored lying (30 × 40) and shown upright (40 × 30), by its Exif."""
    picture(path, seed, SIZE_WH[::-1])
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(path) as image:
        image.save(path, exif=exif)
    return path


def bits(*places: tuple[slice, slice]) -> np.ndarray:
    """A whole-image mask, bool (30, 40), with these places set."""
    mask = np.zeros(SIZE_WH[::-1], dtype=bool)
    for place in places:
        mask[place] = True
    return mask


def mask_file(path: Path, mask: np.ndarray, value: int = 255) -> Path:
    """Write a mask of 8 bits, or of one bit where the value is 1 and the mask bool."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((mask * value).astype(np.uint8)).save(path)
    return path


def coco_document(file_names: list[str], **changes: Any) -> dict[str, Any]:
    """One annotation an image (`RING`), category ids 3 and 7; changes replace whole lists."""
    width, height = SIZE_WH
    return {
        "images": [
            {"id": 10 + place, "file_name": name, "width": width, "height": height}
            for place, name in enumerate(file_names)
        ],
        "annotations": [
            {
                "id": 100 + place,
                "image_id": 10 + place,
                "category_id": 7,
                "segmentation": [RING],
                "bbox": [5, 6, 10, 14],
                "area": 140,
                "iscrowd": 0,
            }
            for place in range(len(file_names))
        ],
        "categories": [{"id": 7, "name": "crack"}, {"id": 3, "name": "spot"}],
    } | changes


def write_json(path: Path, document: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def coco_folder(folder: Path, count: int = 2) -> Path:
    """The project's own form: images/ and annotations.json."""
    names = [f"images/{number}.jpg" for number in range(count)]
    for number, name in enumerate(names):
        picture(folder / name, number)
    write_json(folder / "annotations.json", coco_document(names))
    return folder


def shape(points: list[list[float]], kind: str = "polygon", **more: Any) -> dict[str, Any]:
    """A shape as labelme writes it."""
    usual = {"label": "pit", "points": points, "group_id": None, "shape_type": kind, "flags": {}}
    return usual | more


def labelme_file(image: Path, shapes: list[dict[str, Any]], **changes: Any) -> Path:
    """Labelme's JSON beside an image."""
    document = {
        "version": "5.5.0",
        "flags": {},
        "shapes": shapes,
        "imagePath": image.name,
        "imageData": None,
        "imageHeight": SIZE_WH[1],
        "imageWidth": SIZE_WH[0],
    }
    return write_json(image.with_suffix(".json"), document | changes)


def pairs(pair: list[float]) -> list[list[float]]:
    """x, y, x, y, … as labelme's points."""
    return [list(point) for point in zip(pair[::2], pair[1::2], strict=True)]


def yolo_row(kind: int, ring: list[float]) -> str:
    """A row of a YOLO label file."""
    shares = [value / SIZE_WH[place % 2] for place, value in enumerate(ring)]
    return " ".join([str(kind), *(repr(share) for share in shares)])


def yolo_folder(folder: Path, names: str = "names: [bolt, nut]") -> Path:
    """data.yaml, train/ and valid/ with an image each, as Roboflow exports."""
    for number, part in enumerate(("train", "valid")):
        picture(folder / part / "images" / f"{part}0.jpg", number)
        text = folder / part / "labels" / f"{part}0.txt"
        text.parent.mkdir(parents=True)
        text.write_text(yolo_row(1, RING) + "\n")
    (folder / "data.yaml").write_text(f"train: ../train/images\nval: ../valid/images\n{names}\n")
    return folder
