"""Write COCO: the project's own storage form, and what other tools open."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pycocotools import mask as coco_mask

from inspection.datasets.labels import Annotation, Dataset, DatasetError, LabelledFile, Problem
from inspection.datasets.masks import Segmentation, read_mask, to_rle
from inspection.datasets.outlines import outline


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a tool looks for COCO, and what it can read.

    Attributes:
        annotations: the annotation file, relative to the folder.
        images: the folder of the images.
        prefix: what stands before an image's name in `file_name`.
        first_category_id: the id of the first class.
        polygons: the tool knows no RLE, so masks become polygons, and crowd regions are left out.
        boxes: whether `bbox` is written; Label Studio would make a second label of each.
    """

    annotations: str = "annotations.json"
    images: str = "images"
    prefix: str = "images/"
    first_category_id: int = 1
    polygons: bool = False
    boxes: bool = True


OWN = Layout()
# What each tool reads, from its source (docs/datasets.md): Datumaro's COCO reader in CVAT, the
# converter in Label Studio's SDK, FiftyOne's COCODetectionDataset, where ids are places in a list.
TOOLS = {
    "cvat": Layout("annotations/instances_default.json", "images/default", ""),
    "label-studio": Layout("result.json", polygons=True, boxes=False),
    "fiftyone": Layout("labels.json", "data", "", first_category_id=0),
}


class CocoDocument:
    """Builds a COCO document image by image; ids of images and annotations count from 1."""

    def __init__(self, classes: Sequence[str], info: dict[str, Any], layout: Layout = OWN) -> None:
        self.images: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []
        self._categories = [
            {"id": place, "name": name, "supercategory": ""}
            for place, name in enumerate(classes, start=layout.first_category_id)
        ]
        self._layout = layout
        self._info = info

    def add(
        self,
        file_name: str,
        size_wh: tuple[int, int],
        annotations: Iterable[Annotation],
        crowd: Iterable[Annotation] = (),
        **extra: str,
    ) -> None:
        """Append an image and its annotations; extra entries (group, part) go to the image."""
        width, height = size_wh
        image_id = len(self.images) + 1
        self.images.append(
            {"id": image_id, "file_name": file_name, "width": width, "height": height} | extra
        )
        for is_crowd, each in [(0, each) for each in annotations] + [(1, each) for each in crowd]:
            mask = to_rle(each.segmentation, size_wh)
            self.annotations.append(
                {
                    "id": len(self.annotations) + 1,
                    "image_id": image_id,
                    "category_id": each.class_index + self._layout.first_category_id,
                    "area": int(coco_mask.area(mask)),
                    "iscrowd": is_crowd,
                    "segmentation": each.segmentation,
                }
                | ({"bbox": coco_mask.toBbox(mask).tolist()} if self._layout.boxes else {})
            )

    def save(self, path: Path) -> None:
        """Write the document; the file appears whole or not at all."""
        document = {
            "info": self._info,
            "licenses": [],
            "images": self.images,
            "annotations": self.annotations,
            "categories": self._categories,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial")
        partial.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
        partial.replace(path)


def save_coco(
    dataset: Dataset,
    out: Path,
    *,
    link: bool = False,
    layout: Layout = OWN,
    tolerance_px: float = 0.0,
    progress: Callable[[int], None] | None = None,
) -> Path:
    """Write a data set as COCO: out/images/ and out/annotations.json, or as a tool wants it.

    Args:
        dataset: what to write; its order of files and classes is kept.
        out: a new or empty folder. The annotation file is written last, so that a folder
            without one is unfinished.
        link: hard links instead of copies of the images, where both lie on one disk.
        layout: where files go, and whether masks become polygons.
        tolerance_px: of those polygons, see `outline`.
        progress: called with the number of images written so far.

    Returns:
        The path of the annotation file.

    Raises:
        DatasetError: out holds something already, or an image cannot be copied.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DatasetError(Problem(out, "not-empty", "exists, expected a new or empty folder"))
    (out / layout.images).mkdir(parents=True, exist_ok=True)
    own = {"instances": dataset.instances}
    info = {"description": dataset.name, "version": "1.0", "lineside": own}
    document = CocoDocument(dataset.classes, info, layout)
    for number, (file, name) in enumerate(image_names(dataset), start=1):
        _place(file.path, out / layout.images / name, link=link)
        annotations, crowd = file.annotations, file.crowd
        if layout.polygons:
            annotations, crowd = _as_polygons(annotations, file.size_wh, tolerance_px), ()
        extra = {"group": file.group, "part": file.part}
        document.add(
            layout.prefix + name,
            file.size_wh,
            annotations,
            crowd,
            **{key: value for key, value in extra.items() if value},
        )
        if progress is not None:
            progress(number)
    path = out / layout.annotations
    document.save(path)
    return path


def _as_polygons(
    annotations: Iterable[Annotation], size_wh: tuple[int, int], tolerance_px: float
) -> tuple[Annotation, ...]:
    """Polygons as they are, RLE as outlines; a mask without a pixel is left out."""
    kept = []
    for each in annotations:
        rings: Segmentation = each.segmentation
        if isinstance(rings, dict):
            rings = outline(read_mask(each, size_wh), tolerance_px)
        if rings:
            kept.append(Annotation(each.class_index, rings))
    return tuple(kept)


def image_names(dataset: Dataset) -> Iterator[tuple[LabelledFile, str]]:
    """Each file with a name that no other has: its own, or with the folders above in front."""
    count: dict[str, int] = {}
    for file in dataset.files:
        count[file.path.name.lower()] = count.get(file.path.name.lower(), 0) + 1
    used: set[str] = set()
    for file in dataset.files:
        name = file.path.name
        if count[name.lower()] > 1:
            above = [part for part in (file.part, file.group) if part]
            name = "-".join(dict.fromkeys([*above, name])).replace("/", "-")
        stem, number = name, 2
        while name.lower() in used:
            name = f"{Path(stem).stem}-{number}{Path(stem).suffix}"
            number += 1
        used.add(name.lower())
        yield file, name


def _place(source: Path, target: Path, *, link: bool) -> None:
    try:
        if link:
            try:
                os.link(source.resolve(), target)
            except OSError:
                # Another disk, or one without hard links.
                shutil.copyfile(source, target)
        else:
            shutil.copyfile(source, target)
    except OSError as error:
        detail = f"cannot be copied to {target} ({error.strerror})"
        raise DatasetError(Problem(source, "unreadable-image", detail)) from error
