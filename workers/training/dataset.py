"""A COCO data set on disk as training samples: augmented crops with their masks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from inspection import rle
from workers.labelled_images import coco_mask, read_rgb
from workers.training.augment import Augmentation, augment

Sample = tuple[Tensor, dict[str, Tensor]]


@dataclass(frozen=True, slots=True)
class Record:
    """One image and its annotations: (class index from 0, COCO RLE or polygons)."""

    path: Path
    size_wh: tuple[int, int]
    annotations: tuple[tuple[int, rle.Rle | list[list[float]]], ...]


def read_coco(folder: Path) -> tuple[tuple[str, ...], list[Record]]:
    """Classes and records of folder/annotations.json.

    Raises:
        FileNotFoundError: there is no annotations.json.
    """
    document = json.loads((folder / "annotations.json").read_text(encoding="utf-8"))
    categories = sorted(document["categories"], key=lambda category: category["id"])
    index = {category["id"]: place for place, category in enumerate(categories)}
    grouped: dict[int, list[tuple[int, rle.Rle | list[list[float]]]]] = {}
    for annotation in document["annotations"]:
        if not annotation.get("iscrowd"):
            grouped.setdefault(annotation["image_id"], []).append(
                (index[annotation["category_id"]], annotation["segmentation"])
            )
    records = [
        Record(
            folder / image["file_name"],
            (image["width"], image["height"]),
            tuple(grouped.get(image["id"], ())),
        )
        for image in document["images"]
    ]
    return tuple(category["name"] for category in categories), records


class TrainingSet(Dataset[Sample]):
    """Augmented samples; what item i looks like depends on the seed and i alone.

    An item is an image, uint8 (3, S, S), and its target: boxes float32 (N, 4) xyxy, labels
    int64 (N,) from 1, masks uint8 (N, S, S).
    """

    def __init__(
        self, records: list[Record], plan: list[tuple[int, int]], how: Augmentation, seed: int
    ) -> None:
        """plan: (index of the record, side of the crop in px) of every item, in order."""
        self.records, self.plan, self.how, self.seed = records, plan, how, seed

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, item: int) -> Sample:
        number, side = self.plan[item]
        record = self.records[number]
        image = read_rgb(record.path)
        rng = np.random.default_rng([self.seed, item])
        masks = [coco_mask(given, record.size_wh) for _, given in record.annotations]
        classes = [index for index, _ in record.annotations]
        pixels, kept = augment(rng, image, masks, side, self.how)
        return to_sample(pixels, [(classes[place], bits) for place, bits in kept], side)


def to_sample(pixels: np.ndarray, instances: list[tuple[int, np.ndarray]], side: int) -> Sample:
    """Tensors of an image, uint8 (S, S, 3), and its instances (class from 0, bool (S, S))."""
    boxes, labels, stack = [], [], []
    for index, bits in instances:
        rows, columns = np.flatnonzero(bits.any(axis=1)), np.flatnonzero(bits.any(axis=0))
        boxes.append((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
        labels.append(index + 1)
        stack.append(torch.from_numpy(bits.astype(np.uint8)))
    target = {
        "boxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        "labels": torch.tensor(labels, dtype=torch.int64),
        "masks": torch.stack(stack) if stack else torch.zeros((0, side, side), dtype=torch.uint8),
    }
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))), target


def collate(samples: list[Sample]) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
    """A batch is two lists: targets differ in length."""
    return [image for image, _ in samples], [target for _, target in samples]
