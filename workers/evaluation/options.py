"""How a model is measured, and what a pass leaves."""

from __future__ import annotations

from dataclasses import dataclass, field

from inspection.recipe import Recipe
from workers.engines.thresholds import Thresholds
from workers.evaluation.image_result import ImageResult
from workers.evaluation.matching import MAX_FINDINGS
from workers.evaluation.pixels import Sweep
from workers.evaluation.rates import FailOn

# Average precision wants the whole ranking, so detectors are loaded with this for it.
LEAST_SCORE = 0.05


class UnfitError(ValueError):
    """Model, images and options that do not go together."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a model is measured.

    Attributes:
        thresholds: the operating ones, over the detector's classes.
        classes: which of the model's classes count; None takes all.
        by_class: whether class c of the truth is class c of the model; None says so exactly
            where instances are known.
        recipe: gives the verdicts; None rejects an image with any finding at its threshold.
        mm_per_px: the images' scale, for a recipe with limits in mm.
        fail_on: the mildest verdict that rejects.
        max_findings: of one class in one image, for average precision.
    """

    thresholds: Thresholds
    classes: tuple[str, ...] | None = None
    by_class: bool | None = None
    recipe: Recipe | None = None
    mm_per_px: float | None = None
    fail_on: FailOn = "warn"
    max_findings: int = MAX_FINDINGS


@dataclass(slots=True)
class Evaluation:
    """What a pass leaves: one result an image, and what was pooled on the way.

    Attributes:
        classes: those that count, in the order of all class indices here.
        options: as given.
        results: in the order of the images.
        sweep: true and found pixels by score, over all images.
    """

    classes: tuple[str, ...]
    options: Options
    results: list[ImageResult] = field(default_factory=list)
    sweep: Sweep = field(default_factory=Sweep)

    @property
    def instances_known(self) -> bool:
        """Whether every image's truth tells instances apart."""
        return bool(self.results) and all(each.true is not None for each in self.results)
