"""Learning to find instances: crops, the network's own losses, average precision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from inspection.datasets import LabelledFile, read_mask, read_rgb
from inspection.detections import Detections
from inspection.masks.one_class import SAME_IOU, mask_iou
from workers.coco_metrics import mask_precision
from workers.mask_pasting import letterbox, to_detections
from workers.training.augment import Augmentation
from workers.training.checkpoint import Progress
from workers.training.dataset import Sample, TrainingSet, collate
from workers.training.loop import Plan, mixed_precision

Batch = tuple[list[Tensor], list[dict[str, Tensor]]]


@dataclass(frozen=True, slots=True)
class InstanceData:
    """What an instance network learns from and is validated on."""

    classes: tuple[str, ...]
    training: Sequence[LabelledFile]
    validation: Sequence[LabelledFile]


def one_class_a_thing(files: Sequence[LabelledFile]) -> bool:
    """Whether no thing is labelled twice, as of two classes."""
    for file in files:
        if len({annotation.class_index for annotation in file.annotations}) < 2:
            continue
        masks = [(a.class_index, read_mask(a, file.size_wh)) for a in file.annotations]
        for place, (index, mask) in enumerate(masks):
            if any(i != index and mask_iou(mask, m) >= SAME_IOU for i, m in masks[:place]):
                return False
    return True


class InstanceTask:
    """Boxes, classes and masks of instances (`loop.Task`)."""

    def __init__(
        self,
        data: InstanceData,
        plan: Plan,
        how: Augmentation,
        input_px: int,
        device: str,
        say: Callable[[str], None],
    ) -> None:
        self._data, self._plan, self._how = data, plan, how
        self._input_px, self._device, self._say = input_px, device, say

    def batch(self, done: float) -> int:
        crops = done < self._plan.crop_share
        return self._plan.crop_batch if crops else self._plan.full_batch

    def dataset(self, progress: Progress, done: float, count: int) -> TrainingSet:
        plan = self._plan
        side = plan.crop_px if done < plan.crop_share else plan.full_px
        rng = np.random.default_rng([plan.seed, progress.items])
        numbers = rng.integers(0, len(self._data.training), count)
        return TrainingSet(
            self._data.training,
            [(int(number), side) for number in numbers],
            self._how,
            plan.seed * 1_000_003 + progress.items,
        )

    def collate(self, samples: list[Sample]) -> Batch:
        return collate(samples)

    def losses(self, model: nn.Module, batch: Batch, device: str) -> dict[str, Tensor]:
        images, targets = batch
        given = [image.to(device).float() for image in images]
        truth = [{name: value.to(device) for name, value in t.items()} for t in targets]
        losses: dict[str, Tensor] = model(given, truth)
        return losses

    @torch.inference_mode()
    def validate(self, model: nn.Module) -> float:
        """Mask AP50, with one mask threshold for all classes."""
        model.eval()
        found = [self._detect(model, file) for file in self._data.validation]
        truth = [
            [(a.class_index, read_mask(a, file.size_wh)) for a in file.annotations]
            for file in self._data.validation
        ]
        figures = mask_precision(found, truth, self._data.classes)
        each = ", ".join(
            f"{name} {values['mask_ap50'] or 0:.3f}" for name, values in figures.per_class.items()
        )
        self._say(
            f"validation: mask AP50 {figures.mask_ap50:.3f} ({each}), AP {figures.mask_ap:.3f}"
        )
        return figures.mask_ap50

    def state(self) -> dict[str, Tensor]:
        return {}

    def _detect(self, model: nn.Module, file: LabelledFile) -> Detections:
        levels = np.full(len(self._data.classes), 0.45, dtype=np.float32)
        square, fit = letterbox(read_rgb(file), self._input_px)
        device = torch.device(self._device)
        tensor = torch.from_numpy(square.transpose(2, 0, 1).copy()).float().to(device)
        with mixed_precision(device):
            result = model([tensor])[0]
        boxes, scores, masks = (
            result[name].float().cpu().numpy() for name in ("boxes", "scores", "masks")
        )
        class_ids = result["labels"].cpu().numpy() - 1
        return to_detections(boxes, scores, class_ids, masks[:, 0], fit, levels)
