"""Instances of one model with the pixels of another: where each knows better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from inspection.detections import Detections, InstanceMask
from inspection.masks.packed import packed

# Probabilities in 255 steps: a 12 megapixel map of four classes is 48 MB and not 192.
ProbabilityMap = npt.NDArray[np.uint8]
_Bits = npt.NDArray[np.bool_]
_Span = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class PixelClasses:
    """Which pixels of an image are of which class of the instance model.

    Attributes:
        class_ids: the instance model's class of each plane, (C,).
        planes: bool (C, H, W); no pixel is of two classes.
        certainty: uint8 (H, W), probability of the pixel's own class in 255 steps.
    """

    class_ids: tuple[int, ...]
    planes: _Bits
    certainty: ProbabilityMap

    @classmethod
    def of(
        cls,
        probabilities: npt.NDArray[np.float32],
        thresholds: npt.NDArray[np.float32],
        class_ids: Sequence[int],
    ) -> PixelClasses:
        """From probabilities, float32 (C, H, W), and the least of each class, float32 (C,).

        A pixel that reaches several thresholds is of the class whose it exceeds by the largest
        factor.
        """
        best = np.zeros(probabilities.shape[1:], dtype=np.float32)
        winner = np.full(best.shape, -1, dtype=np.int8)
        certainty = np.zeros(best.shape, dtype=np.uint8)
        # Class by class, so that no second array of all classes is made.
        for place, plane in enumerate(probabilities):
            factor = plane / thresholds[place]
            better = (factor >= 1) & (factor > best)
            best[better] = factor[better]
            winner[better] = place
            certainty[better] = np.clip(np.rint(plane[better] * 255), 0, 255).astype(np.uint8)
        planes = np.stack([winner == place for place in range(len(probabilities))])
        return cls(tuple(class_ids), planes, certainty)


def refine(found: Detections, pixels: PixelClasses, grow_px: int) -> tuple[Detections, _Bits]:
    """Each instance with the pixels of its class in and around its box.

    A pixel that several instances want is of the nearest one's mask, of equally near ones of the
    best score. Regions that lie in the box but hang together with nothing near the instance's own
    mask are somebody else's. An instance of whose class the pixel model knows nothing, or finds
    nothing here, keeps its own mask: the instance model has seen something.

    Args:
        found: of one image.
        grow_px: how far a mask may reach beyond the box, and lie from the instance's own.

    Returns:
        The instances in their order, and the pixels that they hold, bool (H, W).
    """
    width, height = found.size_wh
    owner = np.full((height, width), -1, dtype=np.int32)
    nearest = np.full((height, width), np.inf, dtype=np.float32)
    spans: list[_Span] = []
    for place in np.argsort(-found.scores, kind="stable"):
        mask = found.masks[place]
        spans.append(_span(mask, found.boxes_xyxy[place], grow_px, found.size_wh))
        wanted = _wanted(mask, int(found.class_ids[place]), pixels, spans[-1], grow_px)
        if wanted is None:
            continue
        bits, distance = wanted
        x0, y0, x1, y1 = spans[-1]
        closer = bits & (distance < nearest[y0:y1, x0:x1])
        nearest[y0:y1, x0:x1][closer] = distance[closer]
        owner[y0:y1, x0:x1][closer] = place
    masks: dict[int, InstanceMask] = {}
    for place, (x0, y0, x1, y1) in zip(
        np.argsort(-found.scores, kind="stable"), spans, strict=True
    ):
        tight = InstanceMask.from_frame(owner[y0:y1, x0:x1] == place)
        if tight.bits.size:
            masks[int(place)] = packed(InstanceMask(tight.bits, tight.x0 + x0, tight.y0 + y0))
        else:
            masks[int(place)] = found.masks[place]
    held = owner >= 0
    for mask in masks.values():
        _put(held, mask)
    return _with_masks(found, [masks[place] for place in range(len(found))]), held


def regions_left(
    pixels: PixelClasses, held: _Bits, least_areas_px: Sequence[int], least_scores: Sequence[float]
) -> Detections:
    """Regions of the pixel model that no instance holds, best score first.

    Args:
        held: bool (H, W), the pixels of the instances.
        least_areas_px, least_scores: of each plane; the score is the mean probability.
    """
    size_wh = (held.shape[1], held.shape[0])
    found: list[tuple[float, int, InstanceMask]] = []
    for number, plane in enumerate(pixels.planes):
        count, labels, stats, _ = cv2.connectedComponentsWithStats(
            plane.astype(np.uint8), connectivity=8
        )
        # A region that an instance holds in part is that instance's, as far as it was let.
        taken = np.zeros(count, dtype=np.bool_)
        taken[labels[held]] = True
        for label in range(1, count):
            x, y, width, height, area = (int(value) for value in stats[label])
            if taken[label] or area < least_areas_px[number]:
                continue
            part = np.s_[y : y + height, x : x + width]
            bits = np.ascontiguousarray(labels[part] == label)
            score = float(pixels.certainty[part][bits].mean()) / 255
            if score >= least_scores[number]:
                mask = packed(InstanceMask(bits, x, y))
                found.append((score, pixels.class_ids[number], mask))
    if not found:
        return Detections.empty(size_wh)
    found.sort(key=lambda one: (-one[0], one[1], one[2].y0, one[2].x0))
    masks = tuple(mask for *_, mask in found)
    return Detections(
        size_wh=size_wh,
        boxes_xyxy=_boxes(masks),
        scores=np.array([score for score, *_ in found], dtype=np.float32),
        class_ids=np.array([class_id for _, class_id, _ in found], dtype=np.int64),
        masks=masks,
    )


def _wanted(
    mask: InstanceMask, class_id: int, pixels: PixelClasses, span: _Span, grow_px: int
) -> tuple[_Bits, npt.NDArray[np.float32]] | None:
    """Pixels in a span that an instance wants, and how far each lies from its own mask."""
    if class_id not in pixels.class_ids or not mask.area_px:
        return None
    x0, y0, x1, y1 = span
    plane = pixels.planes[pixels.class_ids.index(class_id), y0:y1, x0:x1]
    if not plane.any():
        return None
    own = np.ones(plane.shape, dtype=np.uint8)
    height, width = mask.shape_hw
    own[mask.y0 - y0 : mask.y0 - y0 + height, mask.x0 - x0 : mask.x0 - x0 + width] -= (
        mask.bits.astype(np.uint8)
    )
    distance = cast(npt.NDArray[np.float32], cv2.distanceTransform(own, cv2.DIST_L2, 5))
    count, labels = cv2.connectedComponents(plane.astype(np.uint8), connectivity=8)
    near = np.zeros(count, dtype=np.bool_)
    near[labels[distance <= grow_px]] = True
    near[0] = False
    bits = cast(_Bits, near[labels])
    return (bits, distance) if bits.any() else None


def _span(
    mask: InstanceMask, box_xyxy: npt.NDArray[np.float32], grow_px: int, size_wh: tuple[int, int]
) -> _Span:
    """The grown box, with all of the mask in it and inside the image: x0, y0, x1, y1."""
    height, width = mask.shape_hw
    x0, y0 = np.floor(box_xyxy[:2]).astype(int) - grow_px
    x1, y1 = np.ceil(box_xyxy[2:]).astype(int) + grow_px
    return (
        max(0, min(int(x0), mask.x0)),
        max(0, min(int(y0), mask.y0)),
        min(size_wh[0], max(int(x1), mask.x0 + width)),
        min(size_wh[1], max(int(y1), mask.y0 + height)),
    )


def _put(frame: _Bits, mask: InstanceMask) -> None:
    height, width = mask.shape_hw
    frame[mask.y0 : mask.y0 + height, mask.x0 : mask.x0 + width] |= mask.bits


def _boxes(masks: Sequence[InstanceMask]) -> npt.NDArray[np.float32]:
    corners = [(m.x0, m.y0, m.x0 + m.shape_hw[1], m.y0 + m.shape_hw[0]) for m in masks]
    return np.array(corners, dtype=np.float32).reshape(-1, 4)


def _with_masks(found: Detections, masks: Sequence[InstanceMask]) -> Detections:
    """The same instances with other masks; a box follows its mask where that has pixels."""
    boxes = np.where(
        np.array([[mask.area_px > 0] for mask in masks]).reshape(-1, 1),
        _boxes(masks),
        found.boxes_xyxy,
    )
    return Detections(
        found.size_wh, boxes.astype(np.float32), found.scores, found.class_ids, tuple(masks)
    )
