"""A model's thresholds as arrays over its classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inspection.model_folder import ModelFolder


@dataclass(frozen=True, slots=True, eq=False)
class Thresholds:
    """float32 (classes,) each: least score of a finding, least probability of a mask pixel.

    `areas_px`, int64 (classes,), is the least area of a finding of a semantic network; None
    keeps every one.
    """

    scores: npt.NDArray[np.float32]
    masks: npt.NDArray[np.float32]
    areas_px: npt.NDArray[np.int64] | None = None

    @classmethod
    def of(cls, model: ModelFolder, least_score: float | None) -> Thresholds:
        """The model's own; least_score, if given, takes the place of its scores."""
        own = [model.manifest.thresholds[name] for name in model.classes]
        scores = [t.score if least_score is None else least_score for t in own]
        return cls(
            np.array(scores, dtype=np.float32),
            np.array([t.mask for t in own], dtype=np.float32),
            np.array([t.area_px for t in own], dtype=np.int64),
        )
