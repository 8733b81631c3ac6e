"""Learning to tell the classes of pixels: views, loss, validation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inspection.datasets import LabelledFile, read_mask, read_rgb
from workers.engines.semantic import fit_image, restore
from workers.training.checkpoint import Progress
from workers.training.loop import Plan, mixed_precision
from workers.training.mask_head import dice_loss
from workers.training.pixel_curve import PixelCurve
from workers.training.semantic_sampling import Sampler, SemanticSample, SemanticViews
from workers.training.semantic_views import ViewRange, class_planes

Batch = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class SemanticData:
    """What a semantic network learns from and is validated on."""

    classes: tuple[str, ...]
    training: Sequence[LabelledFile]
    validation: Sequence[LabelledFile]


class SemanticTask:
    """One logit a class and pixel, each class for itself (`loop.Task`)."""

    def __init__(
        self,
        data: SemanticData,
        plan: Plan,
        how: ViewRange,
        stride: int,
        device: str,
        say: Callable[[str], None],
    ) -> None:
        self._data, self._plan, self._how = data, plan, how
        self._stride, self._device, self._say = stride, device, say
        self._sampler = Sampler(data.training, len(data.classes))

    def batch(self, done: float) -> int:
        return self._plan.crop_batch

    def dataset(self, progress: Progress, done: float, count: int) -> SemanticViews:
        rng = np.random.default_rng([self._plan.seed, progress.items])
        plans = self._sampler.draw(rng, count, self._how.paste)
        seed = self._plan.seed * 1_000_003 + progress.items
        side = self._plan.crop_px
        return SemanticViews(
            self._data.training, plans, len(self._data.classes), side, self._how, seed
        )

    def collate(self, samples: list[SemanticSample]) -> Batch:
        pictures, classes, numbers = zip(*samples, strict=True)
        return torch.stack(pictures), torch.stack(classes), torch.tensor(numbers)

    def losses(self, model: nn.Module, batch: Batch, device: str) -> dict[str, Tensor]:
        pictures, classes, numbers = batch
        logits = model(pictures.to(device).float()).float()
        truth = classes.to(device).float()
        with torch.no_grad():
            wrong = (logits.sigmoid() * (1 - truth)).amax(dim=1).flatten(1)
            self._sampler.note(numbers, wrong.topk(min(64, wrong.shape[1])).values.mean(1))
        return pixel_losses(logits, truth)

    @torch.inference_mode()
    def validate(self, model: nn.Module) -> float:
        curve = PixelCurve(len(self._data.classes))
        for file in self._data.validation:
            curve.add(self._probabilities(model, file), true_pixels(file, self._data.classes))
        best = [curve.best(index) for index in range(len(self._data.classes))]
        present = [index for index in range(len(best)) if curve.occurs(index)]
        each = ", ".join(f"{self._data.classes[n]} F1 {best[n][1]:.3f}" for n in present)
        iou = float(np.mean([best[index][2] for index in present])) if present else 0.0
        self._say(f"validation: mean IoU {iou:.4f} ({each}), each at its best threshold")
        return iou

    def state(self) -> dict[str, Tensor]:
        return {"hardness": self._sampler.hardness}

    def _probabilities(self, model: nn.Module, file: LabelledFile) -> npt.NDArray[np.float32]:
        fitted, fit = fit_image(read_rgb(file), self._how.scale, self._stride)
        device = torch.device(self._device)
        image = torch.from_numpy(fitted.copy()).permute(2, 0, 1)[None].to(device).float()
        model.eval()
        with mixed_precision(device):
            logits = model(image)
        return restore(logits[0].float().sigmoid().cpu().numpy(), fit)


def pixel_losses(logits: Tensor, truth: Tensor) -> dict[str, Tensor]:
    """Focal cross-entropy and Dice, each class for itself; both are (B, C, H, W).

    Defects are one pixel in a hundred, so the mean of a plain cross-entropy is that of the
    background. Focal weights (Lin et al., ICCV 2017, with gamma 1) turn it to the pixels that
    are still wrong, and Dice over the whole batch (Milletari et al., 3DV 2016) counts a class
    by its share found, however small it is; the two together as in nnU-Net (Isensee et al.,
    Nature Methods 2021).
    """
    probability = logits.sigmoid()
    cross = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    missed = (probability.detach() - truth).abs()
    dice = dice_loss(probability, truth, (0, 2, 3))
    present = truth.sum(dim=(0, 2, 3)) > 0
    return {
        "pixel": 4 * (cross * missed).mean() + cross.mean(),
        "dice": (dice * present).sum() / present.sum().clamp(min=1),
    }


def true_pixels(file: LabelledFile, classes: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Which pixels of an image are truly of each class, bool (classes, H, W)."""
    masks = [(a.class_index, read_mask(a, file.size_wh)) for a in file.annotations]
    return class_planes(masks, len(classes), file.size_wh) > 0


def classes_overlap(files: Sequence[LabelledFile], classes: Sequence[str]) -> bool:
    """Whether any image has pixels of two classes; then a network may say so too."""
    if len(classes) < 2:
        return False
    return any(planes.sum(axis=0).max(initial=0) > 1 for planes in _several(files, classes))


def _several(
    files: Sequence[LabelledFile], classes: Sequence[str]
) -> Iterator[npt.NDArray[np.bool_]]:
    for file in files:
        if len({a.class_index for a in file.annotations}) > 1:
            yield true_pixels(file, classes)
