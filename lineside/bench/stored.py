"""What it costs in accuracy to store a picture as a camera does, and to decode what is in the file.

The same drawn 1080p surfaces in several forms, and one model over all of them: differences are
those of the forms alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from inspection.decode import decode_image, decode_reduced
from inspection.drawing.dataset import image_rng
from inspection.drawing.surfaces import draw_surface
from inspection.model_folder import ModelFolder
from inspection.recipe import FramePolicy, Recipe
from lineside.bench.pictures import SIZE_WH
from services.ingest.encoding import encode
from workers import engines, evaluation
from workers.engines.detector import EngineImage
from workers.engines.thresholds import Thresholds
from workers.evaluation.comparison import compare
from workers.evaluation.labelled import LabelledImage, NamedMask

SEED = 1080
# The first is what the others are held against.
FORMS: Mapping[str, tuple[int, bool]] = {  # quality, and whether the small copy is decoded
    "90": (90, False),
    "85": (85, False),
    "85, its copy": (85, True),
}
_FIGURES = ("mask_ap", "mask_ap50", "pixel.f1")


def measure(
    model: ModelFolder,
    recipe: Recipe,
    count: int,
    progress: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Accuracy by form, and how each differs from the first with a 95 % interval.

    Raises:
        ValueError: the model takes every pixel, so that no copy is made for it.
    """
    side_px = model.decode_px
    if side_px is None:
        raise ValueError(f"{model.name} takes every pixel: no copies are made for it")
    files: dict[str, list[bytes]] = {name: [] for name in FORMS}
    truths: list[tuple[NamedMask, ...]] = []
    for number in range(count):
        drawn = draw_surface(image_rng(SEED, number), SIZE_WH)
        bgr = np.ascontiguousarray(drawn.image_rgb[..., ::-1])
        for name, (quality, copied) in FORMS.items():
            encoded = encode(bgr, FramePolicy(jpeg_quality=quality), side_px if copied else None)
            assert encoded is not None
            files[name].append(encoded.data)
        truths.append(drawn.instances)
        progress(number + 1)
    detector = engines.load(model, device="cpu", least_score=evaluation.LEAST_SCORE)
    options = evaluation.Options(thresholds=Thresholds.of(model, None), recipe=recipe)
    done = {
        name: evaluation.run(
            _Reading(detector, files[name], side_px), _labelled(files, truths), options
        )
        for name in FORMS
    }
    detector.close()
    first, *others = FORMS
    return {
        "images": count,
        "bytes_mean": {name: round(sum(map(len, each)) / count) for name, each in files.items()},
        "against": first,
        "forms": {name: _difference(compare(done[first], done[name])) for name in others},
    }


class _Reading:
    """A detector that looks at what a worker would decode of the files, picture by picture."""

    def __init__(self, inner: engines.Detector, files: list[bytes], side_px: int) -> None:
        self._inner, self._files, self._side_px = inner, files, side_px

    @property
    def classes(self) -> tuple[str, ...]:
        return self._inner.classes

    def detect(self, images_rgb: Any) -> Any:
        return list(self.detect_stream(images_rgb))

    def detect_stream(self, images_rgb: Any) -> Any:
        def decoded() -> Iterator[EngineImage]:
            for data, _ in zip(self._files, images_rgb, strict=True):
                yield decode_reduced(data, self._side_px, preview="trusted")

        return self._inner.detect_stream(decoded())

    def close(self) -> None:
        self._inner.close()


def _labelled(
    files: Mapping[str, list[bytes]], truths: list[tuple[NamedMask, ...]]
) -> Iterator[LabelledImage]:
    first = next(iter(files.values()))
    for number, (data, truth) in enumerate(zip(first, truths, strict=True)):
        yield LabelledImage(decode_image(data), truth, name=str(number))


def _difference(compared: dict[str, Any]) -> dict[str, Any]:
    figures = {name: compared["differences"][name] for name in _FIGURES}
    return figures | {"verdicts": compared["verdicts"]["all"], "flips": len(compared["flips"])}
