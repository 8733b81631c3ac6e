"""One pass over labelled images: what is found is held against what is true, and let go."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from inspection.detections import Detections, InstanceMask
from inspection.judge import judge
from inspection.verdicts import Verdict
from workers.engines.detector import Detector, EngineImage, RgbImage
from workers.engines.thresholds import Thresholds
from workers.evaluation.image_result import (
    ImageResult,
    PixelTruth,
    crowded,
    defects_of,
    instance_part,
    pixel_part,
)
from workers.evaluation.labelled import LabelledImage, NamedMask
from workers.evaluation.matching import Truth
from workers.evaluation.options import Evaluation, Options, UnfitError
from workers.evaluation.pixels import Levels, frame_of, probability_levels, score_levels
from workers.evaluation.rates import rejected
from workers.evaluation.worst import Keeper


@runtime_checkable
class GivesProbabilities(Protocol):
    """A detector that knows the probability of each pixel (`engines.semantic`)."""

    def probabilities_stream(
        self, images_rgb: Iterable[EngineImage]
    ) -> Iterator[npt.NDArray[np.float32]]:
        """Float32 (classes, H, W) of each image, in order."""
        ...

    def findings(self, probabilities: npt.NDArray[np.float32]) -> Detections:
        """The findings that these give."""
        ...


def evaluate(
    detector: Detector,
    thresholds: Thresholds,
    images: Iterable[LabelledImage],
    classes: Sequence[str] | None = None,
    progress: Callable[[int], None] | None = None,
    by_class: bool | None = None,
) -> dict[str, Any]:
    """Run a detector over labelled images and give the report of `summary.summarise`.

    Args:
        detector: loaded with `LEAST_SCORE`.
        thresholds: the model's own.
        images: the labelled images.
        classes: which of the model's classes count; None takes all.
        progress: called with the number of images done.
        by_class: as in `options.Options`.

    Raises:
        UnfitError: a class that the model does not have.
    """
    # The summary needs what is defined here.
    from workers.evaluation.summary import summarise

    chosen = tuple(classes) if classes else None
    options = Options(thresholds, chosen, by_class=by_class)
    return summarise(run(detector, images, options, progress))


def run(
    detector: Detector,
    images: Iterable[LabelledImage],
    options: Options,
    progress: Callable[[int], None] | None = None,
    keeper: Keeper | None = None,
) -> Evaluation:
    """Run a detector, loaded with `LEAST_SCORE`, over labelled images.

    Args:
        detector: at `LEAST_SCORE`.
        images: the labelled images.
        options: how they are measured.
        progress: called with the number of images done.
        keeper: shown every image, to keep those that are to be looked at.

    Raises:
        UnfitError: a class that the model does not have, or a recipe that needs a scale.
    """
    names = detector.classes
    chosen = tuple(options.classes) if options.classes else names
    if unknown := sorted(set(chosen) - set(names)):
        raise UnfitError(f"the model has no class {unknown}; it has {list(names)}")
    if options.recipe is not None and options.recipe.needs_mm and options.mm_per_px is None:
        raise UnfitError("the recipe has limits in mm: the images' scale in mm per px is needed")
    renumber = np.array([chosen.index(name) if name in chosen else -1 for name in names])
    least = np.array([options.thresholds.scores[names.index(name)] for name in chosen])
    evaluation = Evaluation(chosen, options)
    wanted = np.flatnonzero(renumber >= 0)
    for done, (labelled, everything, levels) in enumerate(
        _pairs(detector, images, wanted), start=1
    ):
        found = _renumbered(everything, renumber)
        kept = found.select(found.scores >= least[found.class_ids])
        if levels is None:
            levels = score_levels(found)
        result = _image(evaluation, labelled, found, kept, levels)
        evaluation.results.append(result)
        if keeper is not None:
            bad = rejected(result.verdict, options.fail_on)
            keeper.add(labelled, _true_masks(labelled, chosen), kept, result, bad)
        if progress is not None:
            progress(done)
    return evaluation


def _pairs(
    detector: Detector, images: Iterable[LabelledImage], wanted: npt.NDArray[np.int64]
) -> Iterator[tuple[LabelledImage, Detections, Levels | None]]:
    """Each image with what was found in it, and the probability of its pixels where known."""
    waiting: deque[LabelledImage] = deque()

    def feed() -> Iterator[RgbImage]:
        for labelled in images:
            waiting.append(labelled)
            yield labelled.image_rgb

    # The engine works ahead while the last image is held against its truth.
    for found, levels in _answers(detector, feed(), wanted):
        labelled = waiting.popleft()
        if found.size_wh != labelled.size_wh:
            raise ValueError(
                f"{labelled.name}: the engine answered for an image of {found.size_wh}, "
                f"expected {labelled.size_wh}"
            )
        yield labelled, found, levels


def _answers(
    detector: Detector, images_rgb: Iterator[RgbImage], wanted: npt.NDArray[np.int64]
) -> Iterator[tuple[Detections, Levels | None]]:
    if isinstance(detector, GivesProbabilities):
        for planes in detector.probabilities_stream(images_rgb):
            yield detector.findings(planes), probability_levels(planes[wanted].max(axis=0))
        return
    for found in detector.detect_stream(images_rgb):
        yield found, None


def _image(
    evaluation: Evaluation,
    labelled: LabelledImage,
    found: Detections,
    kept: Detections,
    levels: Levels,
) -> ImageResult:
    chosen, options = evaluation.classes, evaluation.options
    by_class = labelled.instances is not None if options.by_class is None else options.by_class
    truth = _pixel_truth(labelled, chosen, by_class)
    if truth.left_out is None:
        evaluation.sweep.add(levels, truth.defect)
    else:
        counting = ~truth.left_out
        evaluation.sweep.add(levels[counting], truth.defect[counting])
    union, contour, classes, contours = pixel_part(kept, truth, len(chosen))
    masks = boxes = true = confusion = None
    instances = None
    counted = kept
    if labelled.instances is not None:
        named = [(chosen.index(name), m) for name, m in labelled.instances if name in chosen]
        instances = tuple(mask for _, mask in named)
        apart = Truth.of(named, _crowd(labelled, chosen))
        counted = kept.select(~crowded(kept, apart))
        masks, boxes, true, confusion = instance_part(
            found, kept, apart, len(chosen), options.max_findings
        )
    return ImageResult(
        name=labelled.name,
        group=labelled.group,
        union=union,
        contour=contour,
        by_class=classes,
        contour_by_class=contours,
        found=np.bincount(counted.class_ids, minlength=len(chosen)),
        true=true,
        masks=masks,
        boxes=boxes,
        confusion=confusion,
        defects=defects_of(kept, instances, truth.defect),
        verdict=_verdict(kept, chosen, options),
        top_score=float(found.scores.max(initial=0.0)),
        findings=int(np.bincount(found.class_ids, minlength=1).max()),
        unclear=bool(labelled.left_out) and not truth.defect.any(),
    )


def _verdict(kept: Detections, chosen: tuple[str, ...], options: Options) -> Verdict:
    if options.recipe is not None:
        return judge(kept, chosen, options.recipe, options.mm_per_px).verdict
    return Verdict.FAIL if len(kept) else Verdict.PASS


def _pixel_truth(labelled: LabelledImage, chosen: tuple[str, ...], by_class: bool) -> PixelTruth:
    size_wh = labelled.size_wh
    named = [(n, m) for n, m in labelled.instances or labelled.areas if n in chosen]
    defect = labelled.defect
    if defect is None:
        # Names of areas are the folders'; whether they are the model's is by_class.
        masks = labelled.areas if labelled.instances is None and not by_class else named
        defect = frame_of([mask for _, mask in masks], size_wh)
    left_out = None
    if labelled.left_out:
        left_out = frame_of([mask for _, mask in labelled.left_out], size_wh) & ~defect
    classes: dict[int, npt.NDArray[np.bool_]] | None = None
    if by_class:
        present = sorted({chosen.index(name) for name, _ in named})
        classes = {
            index: frame_of([m for n, m in named if chosen.index(n) == index], size_wh)
            for index in present
        }
    return PixelTruth(defect, left_out, classes)


def _true_masks(labelled: LabelledImage, chosen: tuple[str, ...]) -> tuple[NamedMask, ...]:
    """What to outline as true in a picture."""
    if labelled.instances is not None:
        return tuple(pair for pair in labelled.instances if pair[0] in chosen)
    if labelled.areas:
        return labelled.areas
    if labelled.defect is None or not labelled.defect.any():
        return ()
    return (("", InstanceMask.from_frame(labelled.defect)),)


def _crowd(labelled: LabelledImage, chosen: tuple[str, ...]) -> list[tuple[int, InstanceMask]]:
    return [
        (index, mask)
        for given, mask in labelled.left_out
        for index, name in enumerate(chosen)
        if given in ("", name)
    ]


def _renumbered(found: Detections, renumber: npt.NDArray[np.int64]) -> Detections:
    """The findings of the chosen classes, with indices into those."""
    found = found.select(renumber[found.class_ids] >= 0)
    return Detections(
        found.size_wh,
        found.boxes_xyxy,
        found.scores,
        renumber[found.class_ids].astype(np.int64),
        found.masks,
    )
