"""Inspecting image files without a server: read, detect, judge, in the order they were given."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from inspection.calibration import Calibration
from inspection.decode import ImageRefused, ReducedImage, decode_reduced
from inspection.detections import Detections
from inspection.image_file import MAX_BYTES
from inspection.judge import judge
from inspection.judgement import JudgedFinding, Judgement, Measurement
from inspection.recipe import Recipe
from inspection.shelves.sight import Sight, locate
from inspection.verdicts import Reason
from lineside.image_files import ImageFile

Image = npt.NDArray[np.uint8] | ReducedImage


class Detector(Protocol):
    """What is needed of an engine (`workers.engines.Detector`)."""

    @property
    def classes(self) -> tuple[str, ...]: ...

    def detect_stream(self, images_rgb: Iterable[Image]) -> Iterator[Detections]: ...


@dataclass(frozen=True, eq=False)
class Inspected:
    """One image with its judgement."""

    file: ImageFile
    judgement: Judgement


@dataclass(frozen=True, eq=False)
class _Read:
    file: ImageFile
    image: Image | None
    refusal: Judgement | None


def inspect_images(
    files: Iterable[ImageFile],
    detector: Detector,
    recipe: Recipe,
    calibration: Calibration | float | None = None,
    *,
    input_px: int | None = None,
) -> Iterator[Inspected]:
    """Inspect images one after the other, as they come out of the engine.

    While the engine works on an image the next ones are read and the last one is measured. What
    cannot be read, or not be judged without a scale, has the verdict `not_inspected`.

    Args:
        input_px: side of the model's input, which images are decoded for as the worker does;
            None takes every pixel.
    """
    waiting: deque[_Read] = deque()
    # Without a scale such a recipe judges nothing: the engine need not run.
    uncalibrated = recipe.needs_mm and calibration is None
    now = datetime.now(UTC)

    def images() -> Iterator[Image]:
        for file in files:
            read = _read(file, input_px)
            if uncalibrated and read.image is not None:
                nothing = Detections.empty((1, 1))
                read = _Read(file, None, judge(nothing, detector.classes, recipe, None))
            waiting.append(read)
            if read.image is not None:
                yield read.image

    def refused() -> Iterator[Inspected]:
        while waiting and waiting[0].refusal is not None:
            read = waiting.popleft()
            assert read.refusal is not None
            yield Inspected(read.file, read.refusal)

    for detections in detector.detect_stream(images()):
        yield from refused()
        read = waiting.popleft()
        # An image has no scan before it: only where the shelf lies in it is looked for.
        sight = sight_of(read.image, recipe)
        judgement = judge(detections, detector.classes, recipe, calibration, sight, now=now)
        yield Inspected(read.file, judgement)
        yield from refused()
    yield from refused()


def sight_of(image: Image | None, recipe: Recipe) -> Sight | None:
    """Where a shelf's planogram lies in an image; None where its camera stands still."""
    if image is None or not recipe.positions or recipe.shelf.registration == "none":
        return None
    return Sight(*locate(image.rgb if isinstance(image, ReducedImage) else image, recipe.shelf))


def _read(file: ImageFile, input_px: int | None) -> _Read:
    try:
        # As the worker judges a stored frame, also where it is not known who made the file.
        image = decode_reduced(read_bytes(file.path), input_px, preview="if_alike")
        return _Read(file, image, None)
    except OSError as error:
        detail = f"cannot read the file: {error.strerror or type(error).__name__}"
        missing = isinstance(error, FileNotFoundError)
        reason = Reason.MISSING_IMAGE if missing else Reason.UNREADABLE
    except ImageRefused as error:
        reason, detail = error.reason, error.detail
    return _Read(file, None, Judgement.not_inspected(reason, detail))


def read_bytes(path: Path) -> bytes:
    """A file, or as much of it as is enough to refuse it. Raises OSError."""
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def to_json(inspected: Inspected) -> dict[str, object]:
    """One line of `lineside inspect --json`."""
    judgement = inspected.judgement
    return {
        "image": str(inspected.file.path),
        "verdict": judgement.verdict.value,
        "reason": judgement.reason.value if judgement.reason else None,
        "detail": judgement.detail,
        "size_wh": list(judgement.size_wh) if judgement.size_wh else None,
        "findings": [_finding(finding) for finding in judgement.findings],
        "measurements": [
            {"place": measurement.place, "name": measurement.name} | _measurement(measurement)
            for measurement in judgement.measurements
        ],
    }


def _finding(finding: JudgedFinding) -> dict[str, object]:
    measurements: dict[str, object] = {}
    for measurement in finding.measurements:
        # With limits in px and in mm a quantity stands twice; the one in mm keeps the name.
        twice = measurement.name in measurements
        name = f"{measurement.name}_{measurement.unit}" if twice else measurement.name
        measurements[name] = _measurement(measurement)
    return {
        "class": finding.class_name,
        "score": round(finding.score, 4),
        "box_xyxy": [round(edge, 2) for edge in finding.box_xyxy],
        "mask_rle": finding.mask_rle,
        "measurements": measurements,
        "verdict": finding.verdict.value,
        "place": finding.place,
    }


def _measurement(measurement: Measurement) -> dict[str, object]:
    shown: dict[str, object] = {"value": round(measurement.value, 4), "unit": measurement.unit}
    if measurement.uncertainty is not None:
        shown["uncertainty"] = round(measurement.uncertainty, 4)
    if measurement.verdict is not None:
        shown["verdict"] = measurement.verdict.value
    return shown
