"""Which image a semantic view is cut from, and where: small defects and hard places first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from inspection.datasets import LabelledFile, read_mask, read_rgb
from workers.training.augment import relight
from workers.training.pasting import paste_planes
from workers.training.semantic_views import ViewRange, class_planes, view

# Views that are cut around a labelled pixel; the others show any place of any image.
FOCUSED = 0.6


@dataclass(frozen=True, slots=True)
class ViewPlan:
    """One view to come: an image, the class to be shown (-1 for any place), one to paste."""

    image: int
    focus: int
    pasted: int = -1


SemanticSample = tuple[Tensor, Tensor, int]


class Sampler:
    """Draws plans: classes in turn whatever their number, and unfocused views where it is hard.

    Attributes:
        hardness: float32 (images,), a running mean of what the network wrongly sees in views of
            an image that were cut anywhere; images without a defect are learnt by it.
    """

    def __init__(self, files: Sequence[LabelledFile], classes: int) -> None:
        self._of_class = [
            [n for n, file in enumerate(files) if any(a.class_index == c for a in file.annotations)]
            for c in range(classes)
        ]
        self._present = [c for c in range(classes) if self._of_class[c]]
        self.hardness = torch.full((len(files),), 0.5)

    def draw(self, rng: np.random.Generator, count: int, paste_share: float) -> list[ViewPlan]:
        """The next count views."""
        weight = 0.1 + self.hardness.double().numpy()
        weight /= weight.sum()
        plans = []
        for _ in range(count):
            if rng.random() < FOCUSED and self._present:
                image, focus = self._labelled(rng)
            else:
                image, focus = int(rng.choice(len(weight), p=weight)), -1
            pasted = -1
            if rng.random() < paste_share and self._present:
                pasted, shown = self._labelled(rng)
                plans.append(ViewPlan(image, focus, pasted * len(self._of_class) + shown))
                continue
            plans.append(ViewPlan(image, focus, pasted))
        return plans

    def note(self, images: Tensor, wrong: Tensor) -> None:
        """Remember how much was wrongly seen in views of images, 0 to 1 each."""
        for image, value in zip(images.tolist(), wrong.tolist(), strict=True):
            if image >= 0:
                self.hardness[image] = 0.7 * self.hardness[image] + 0.3 * value

    def _labelled(self, rng: np.random.Generator) -> tuple[int, int]:
        shown = self._present[int(rng.integers(len(self._present)))]
        images = self._of_class[shown]
        return images[int(rng.integers(len(images)))], shown


class SemanticViews(Dataset[SemanticSample]):
    """Views; what item i looks like depends on the seed and its plan alone.

    An item is an image, uint8 (3, S, S), its classes, uint8 (C, S, S), and the number of the
    image if the view was cut anywhere in it, else -1.
    """

    def __init__(
        self,
        files: Sequence[LabelledFile],
        plans: list[ViewPlan],
        classes: int,
        side: int,
        how: ViewRange,
        seed: int,
    ) -> None:
        self._files, self._plans, self._classes = files, plans, classes
        self._side, self._how, self._seed = side, how, seed

    def __len__(self) -> int:
        return len(self._plans)

    def __getitem__(self, item: int) -> SemanticSample:
        plan = self._plans[item]
        rng = np.random.default_rng([self._seed, item])
        picture, classes = self._cut(rng, plan.image, plan.focus)
        if plan.pasted >= 0:
            other = self._cut(rng, *divmod(plan.pasted, self._classes))
            picture, classes = paste_planes(picture, classes, *other)
        picture = relight(rng, picture)
        # What is pasted into an image says nothing of how hard the image is.
        number = plan.image if plan.focus < 0 and plan.pasted < 0 else -1
        pixels = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))
        return pixels, torch.from_numpy(np.ascontiguousarray(classes)), number

    def _cut(
        self, rng: np.random.Generator, number: int, focus: int
    ) -> tuple[np.ndarray, np.ndarray]:
        file = self._files[number]
        image = read_rgb(file)
        masks = [(a.class_index, read_mask(a, file.size_wh)) for a in file.annotations]
        point = None
        shown = [mask for index, mask in masks if index == focus and mask.area_px]
        if shown:
            mask = shown[int(rng.integers(len(shown)))]
            rows, columns = np.nonzero(mask.bits)
            place = int(rng.integers(len(rows)))
            point = (float(columns[place]) + mask.x0, float(rows[place]) + mask.y0)
        planes = class_planes(masks, self._classes, file.size_wh)
        return view(rng, image, planes, self._side, self._how, point)
