"""Choosing a classical engine's settings on labelled images: no network and no torch."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from inspection.classical.findings import find_regions
from inspection.classical.settings import SETTINGS, ClassicalSettings
from inspection.datasets import Dataset, LabelledFile, read_mask, read_rgb
from inspection.detections import Detections
from inspection.model_folder import MANIFEST, ModelFolder, load_model_folder
from workers.pixel_metrics import PixelCounts

# Every settings is tried on all of them, so they stay in memory: 40 megapixels are 160 MB.
MOST_IMAGES = 60
MOST_PX = 40_000_000
# One image in five tells how good the choice is on images that it has not seen.
VALIDATION_EVERY = 5
SCORE = "score"

Values = Mapping[str, Sequence[Any]]
Report = Callable[[int, int], None]
_COMMON: Values = {
    "background_px": (31, 61, 121, 241),
    "least_area_px": (20, 60, 150, 400),
    SCORE: (0.0, 0.2, 0.3, 0.4, 0.5),
}
_CONTRASTS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5)
# Tried one after the other, each with the best of the others; the most telling first.
GRID: dict[str, Values] = {
    "threshold": {"light": (False, True), "contrast": _CONTRASTS, **_COMMON, "close_px": (1, 3, 7)},
    "edges": {
        "look_for": ("lines", "outlines"),
        "light": (False, True),
        "seed_strength": (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5),
        "strength": (0.04, 0.06, 0.08, 0.1, 0.12, 0.14, 0.17, 0.2, 0.25),
        "widths_px": ((3, 6, 12), (4, 8, 16), (6, 12, 24), (4, 8, 16, 32)),
        "close_px": (1, 3, 7),
        "least_length_px": (10, 20, 40, 80),
        **_COMMON,
    },
    "region-growing": {
        "light": (False, True),
        "seed_contrast": (0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7),
        "share": (0.3, 0.4, 0.5, 0.6, 0.7),
        **_COMMON,
    },
    "graph-cut": {
        "light": (False, True),
        "contrast": _CONTRASTS,
        **_COMMON,
        "close_px": (1, 3, 7),
        "margin_px": (2, 4, 8),
    },
}


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """An image, uint8 (H, W, 3), and which of its pixels are defect, bool (H, W)."""

    image_rgb: npt.NDArray[np.uint8]
    defect: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Fitted:
    """The settings chosen, the least score of a finding, and how good they are.

    Attributes:
        f1: of the pixels of all images chosen on.
        validation: f1, precision, recall and images of those kept apart; None where there are
            too few to keep any.
        tried: how many settings were tried.
    """

    settings: ClassicalSettings
    least_score: float
    f1: float
    validation: dict[str, float] | None
    tried: int


def fit(
    method: str,
    examples: Sequence[Example],
    report: Report | None = None,
    grid: Values | None = None,
) -> Fitted:
    """Settings with the best F1 of pixels, pooled over the images.

    Each setting is chosen in turn, with the best of the others, and all of them twice.

    Args:
        method: one of `inspection.classical.settings.SETTINGS`.
        examples: five or more keep every fifth apart, to measure on.
        report: called with how many values have been tried, of how many.
        grid: the values of each setting, in the order to try them; None takes those of `GRID`.

    Raises:
        ValueError: an unknown method, no image, or no defect in any.
    """
    if method not in SETTINGS:
        raise ValueError(f"no classical method {method!r}; expected one of {', '.join(SETTINGS)}")
    kept = [one for place, one in enumerate(examples) if place % VALIDATION_EVERY != 2]
    if not any(one.defect.any() for one in kept):
        raise ValueError("no labelled defect in the images; expected some to choose settings by")
    if grid is None:
        grid = GRID[method]
    rounds = 2
    total, done, tried = rounds * sum(len(values) for values in grid.values()), 0, 0
    best: dict[str, Any] = {"method": method, SCORE: 0.0}
    best_f1 = _counts(best, kept).f1
    seen = {_key(best): best_f1}
    for _ in range(rounds):
        before = best_f1
        for name, values in grid.items():
            for value in values:
                done += 1
                candidate = best | {name: value}
                f1 = seen.get(_key(candidate))
                if f1 is None:
                    f1 = _f1(candidate, kept)
                    seen[_key(candidate)] = f1
                    tried += 1
                if f1 > best_f1:
                    best, best_f1 = candidate, f1
                if report is not None:
                    report(done, total)
        if best_f1 == before:
            break
    if report is not None:
        report(total, total)
    apart = [one for place, one in enumerate(examples) if place % VALIDATION_EVERY == 2]
    validation = None
    if apart:
        counts = _counts(best, apart)
        figures = {"f1": counts.f1, "precision": counts.precision, "recall": counts.recall}
        validation = {name: round(value, 4) for name, value in figures.items()}
        validation["images"] = len(apart)
    return Fitted(_settings(best), float(best[SCORE]), best_f1, validation, tried)


def read_examples(dataset: Dataset) -> list[Example]:
    """Images of a data set, evenly over it, as many as `MOST_IMAGES` and `MOST_PX` allow.

    Raises:
        DatasetError: an image or mask that cannot be read.
    """
    files = dataset.files
    step = max(1, -(-len(files) // MOST_IMAGES))
    mean_px = sum(file.size_wh[0] * file.size_wh[1] for file in files[::step]) / max(
        1, len(files[::step])
    )
    step = max(step, -(-len(files) * int(mean_px) // MOST_PX))
    return [Example(read_rgb(file), _defect(file)) for file in files[::step]]


def write_folder(
    fitted: Fitted, class_name: str, out: Path, training: dict[str, Any], licence: str
) -> ModelFolder:
    """Write the model folder: model.json and a card. `training` is as `model_folder.Training`."""
    out.mkdir(parents=True, exist_ok=True)
    method = fitted.settings.method
    document = {
        "schema": 1,
        "name": out.name,
        "task": "instance-segmentation",
        "classes": [class_name],
        "engines": {"classical": fitted.settings.model_dump(mode="json")},
        "thresholds": {class_name: {"score": fitted.least_score}},
        "training": training,
        "metrics": {"chosen_f1": round(fitted.f1, 4), "validation": {"pixel": fitted.validation}},
        "licence": licence,
    }
    card = [f"# {out.name}", "", f"`{method}`, with settings chosen on labelled images:", ""]
    card += [f"    {training['command']}", "", f"F1 of their pixels {fitted.f1:.3f}."]
    if fitted.validation is not None:
        count, f1 = fitted.validation["images"], fitted.validation["f1"]
        card += [f"On {count:.0f} images kept apart: {f1:.3f}."]
    card += ["", "Its score is the mean response of a finding's pixels, not a probability."]
    (out / "README.md").write_text("\n".join(card) + "\n", encoding="utf-8")
    (out / MANIFEST).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return load_model_folder(out)


def fit_folder(
    method: str, dataset: Dataset, out: Path, command: str, report: Report | None = None
) -> tuple[ModelFolder, Fitted]:
    """What `lineside train --network classical:METHOD` does: read, choose, write.

    Findings have the data set's class, or `defect` where it has several.

    Raises:
        DatasetError: an image or mask that cannot be read.
        ValueError: as `fit`.
    """
    began = time.monotonic()
    examples = read_examples(dataset)
    fitted = fit(method, examples, report)
    own = re.sub(r"[^a-z0-9_-]+", "-", dataset.classes[0].lower()).strip("-_")
    class_name = own if len(dataset.classes) == 1 and own else "defect"
    data = {
        "name": dataset.name,
        "sha256": dataset.sha256,
        "images": len(dataset.files),
        "licence": "as of the data set",
    }
    training = {
        "command": command,
        "data": [data],
        "steps": fitted.tried,
        "images_seen": len(examples),
        "training_s": round(time.monotonic() - began, 1),
    }
    return write_folder(fitted, class_name, out, training, "as of the data set"), fitted


def _settings(given: dict[str, Any]) -> ClassicalSettings:
    own = {name: value for name, value in given.items() if name != SCORE}
    return SETTINGS[given["method"]].model_validate(own)


def _f1(given: dict[str, Any], examples: Sequence[Example]) -> float:
    try:
        return _counts(given, examples).f1
    except ValidationError:  # settings that exclude each other
        return -1.0


def _counts(given: dict[str, Any], examples: Sequence[Example]) -> PixelCounts:
    settings = _settings(given)
    counts = PixelCounts()
    for one in examples:
        counts.add(_union(find_regions(one.image_rgb, settings, given[SCORE])), one.defect)
    return counts


def _union(found: Detections) -> npt.NDArray[np.bool_]:
    union = np.zeros(found.size_wh[::-1], dtype=np.bool_)
    for mask in found.masks:
        height, width = mask.shape_hw
        union[mask.y0 : mask.y0 + height, mask.x0 : mask.x0 + width] |= mask.bits
    return union


def _defect(file: LabelledFile) -> npt.NDArray[np.bool_]:
    union = np.zeros(file.size_wh[::-1], dtype=np.bool_)
    for annotation in file.annotations:
        union |= read_mask(annotation, file.size_wh).to_frame(file.size_wh)
    return union


def _key(given: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(sorted(given.items(), key=lambda item: item[0]))
