"""Labelled files as training samples for instance networks: augmented crops with their masks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from inspection.datasets import LabelledFile, read_mask, read_rgb
from workers.training.augment import Augmentation, augment
from workers.training.pasting import paste_instances

Sample = tuple[Tensor, dict[str, Tensor]]


class TrainingSet(Dataset[Sample]):
    """Augmented samples; what item i looks like depends on the seed and i alone.

    An item is an image, uint8 (3, S, S), and its target: boxes float32 (N, 4) xyxy, labels
    int64 (N,) from 1, masks uint8 (N, S, S).
    """

    def __init__(
        self,
        files: Sequence[LabelledFile],
        plan: list[tuple[int, int]],
        how: Augmentation,
        seed: int,
    ) -> None:
        """plan: (index of the file, side of the crop in px) of every item, in order."""
        self.files, self.plan, self.how, self.seed = files, plan, how, seed

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, item: int) -> Sample:
        number, side = self.plan[item]
        rng = np.random.default_rng([self.seed, item])
        pixels, instances = self._view(rng, number, side)
        if rng.random() < self.how.paste:
            other = self._view(rng, int(rng.integers(len(self.files))), side)
            pixels, instances = paste_instances(pixels, instances, *other)
        return to_sample(pixels, instances, side)

    def _view(
        self, rng: np.random.Generator, number: int, side: int
    ) -> tuple[np.ndarray, list[tuple[int, np.ndarray]]]:
        file = self.files[number]
        masks = [read_mask(annotation, file.size_wh) for annotation in file.annotations]
        classes = [annotation.class_index for annotation in file.annotations]
        pixels, kept = augment(rng, read_rgb(file), masks, side, self.how)
        return pixels, [(classes[place], bits) for place, bits in kept]


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
