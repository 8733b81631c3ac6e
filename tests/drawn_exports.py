"""What CVAT and Label Studio write, drawn in their real form: COCO exports with images, as ZIP."""

import json
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image

T = TypeVar("T", Path, BytesIO)
SIZE_WH = (40, 30)
RING = [5.0, 6.0, 15.0, 6.0, 15.0, 20.0, 5.0, 20.0]
# A mask of columns 20 to 23, rows 10 to 14, as CVAT writes a brush stroke.
COUNTS = [20 * 30 + 10, 5, 25, 5, 25, 5, 25, 5, 16 * 30 + 15]


def jpeg(seed: int) -> bytes:
    """A picture that differs by its seed, 40×30."""
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    file = BytesIO()
    Image.fromarray(coarse).resize(SIZE_WH).save(file, "JPEG", quality=95)
    return file.getvalue()


def write_zip(path: T, files: dict[str, bytes]) -> T:
    """A ZIP of files by their names, at a path or in a file."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def cvat_document(**changes: Any) -> dict[str, Any]:
    """`annotations/instances_default.json` of CVAT 2: two pictures, a polygon, a brush mask."""
    width, height = SIZE_WH
    return {
        "licenses": [{"name": "", "id": 0, "url": ""}],
        "info": {
            "contributor": "",
            "date_created": "",
            "description": "",
            "url": "",
            "version": "",
            "year": "",
        },
        "categories": [
            {"id": 1, "name": "crack", "supercategory": ""},
            {"id": 2, "name": "stain", "supercategory": ""},
        ],
        "images": [
            {
                "id": number,
                "width": width,
                "height": height,
                "file_name": f"plate_{number}.jpg",
                "license": 0,
                "flickr_url": "",
                "coco_url": "",
                "date_captured": 0,
            }
            for number in (1, 2, 3)
        ],
        "annotations": [
            {
                "id": 1,
                "image_id": 1,
                "category_id": 1,
                "segmentation": [RING],
                "area": 140.0,
                "bbox": [5.0, 6.0, 10.0, 14.0],
                "iscrowd": 0,
                "attributes": {"occluded": False},
            },
            {
                "id": 2,
                "image_id": 1,
                "category_id": 2,
                "segmentation": {"counts": COUNTS, "size": [height, width]},
                "area": 20.0,
                "bbox": [20.0, 10.0, 4.0, 5.0],
                "iscrowd": 1,
                "attributes": {"occluded": False},
            },
            {
                "id": 3,
                "image_id": 2,
                "category_id": 1,
                "segmentation": [RING, [20.0, 20.0, 30.0, 20.0, 30.0, 28.0]],
                "area": 180.0,
                "bbox": [5.0, 6.0, 25.0, 22.0],
                "iscrowd": 0,
                "attributes": {"occluded": True},
            },
        ],
    } | changes


def cvat_export(path: T, **changes: Any) -> T:
    """The archive of *Export task dataset*, *COCO 1.0*, with images; the third shows nothing."""
    files = {"annotations/instances_default.json": json.dumps(cvat_document(**changes)).encode()}
    files |= {f"images/default/plate_{number}.jpg": jpeg(number) for number in (1, 2, 3)}
    return write_zip(path, files)


def cvat_archive() -> bytes:
    """The same, as it is uploaded."""
    file = BytesIO()
    cvat_export(file)
    return file.getvalue()


def label_studio_export(path: Path, **changes: Any) -> Path:
    """The archive of *Export*, *COCO with images*: `result.json` and `images/`."""
    width, height = SIZE_WH
    names = [f"images/{prefix}-plate_{number}.jpg" for number, prefix in ((1, "0a1b"), (2, "9f8e"))]
    document = {
        "images": [
            {"width": width, "height": height, "id": number, "file_name": name}
            for number, name in enumerate(names)
        ],
        "categories": [{"id": 0, "name": "crack"}, {"id": 1, "name": "stain"}],
        "annotations": [
            {
                "id": 0,
                "image_id": 0,
                "category_id": 0,
                "segmentation": [RING],
                "bbox": [5.0, 6.0, 10.0, 14.0],
                "ignore": 0,
                "iscrowd": 0,
                "area": 140.0,
            },
            {
                # Brush strokes come as outlines through the centres of pixels.
                "id": 1,
                "image_id": 1,
                "category_id": 1,
                "segmentation": [[20, 10, 23, 10, 23, 14, 20, 14]],
                "bbox": [20, 10, 3, 4],
                "ignore": 0,
                "iscrowd": 0,
                "area": 12,
            },
        ],
        "info": {
            "year": 2026,
            "version": "1.0",
            "description": "",
            "contributor": "Label Studio",
            "url": "",
            "date_created": "2026-11-20 10:00:00.000000",
        },
    } | changes
    files = {"result.json": json.dumps(document, indent=2).encode()}
    files |= {name: jpeg(number) for number, name in enumerate(names, start=1)}
    return write_zip(path, files)
