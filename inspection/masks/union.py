"""Groups of findings that are one, and the findings that they become."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from inspection.detections import Detections, InstanceMask
from inspection.masks.packed import moved, packed


class Groups:
    """Union-find over positions 0 to count - 1 (Tarjan 1975), with paths halved."""

    def __init__(self, count: int) -> None:
        self._above = list(range(count))

    def join(self, one: int, other: int) -> None:
        """From now on both, and all that hang together with them, are of one group."""
        one, other = self._top(one), self._top(other)
        self._above[max(one, other)] = min(one, other)

    def together(self, one: int, other: int) -> bool:
        return self._top(one) == self._top(other)

    def members(self) -> list[list[int]]:
        """Every group, in the order of its first member."""
        found: dict[int, list[int]] = {}
        for place in range(len(self._above)):
            found.setdefault(self._top(place), []).append(place)
        return list(found.values())

    def _top(self, place: int) -> int:
        while self._above[place] != place:
            self._above[place] = self._above[self._above[place]]
            place = self._above[place]
        return place


def kinds_of(
    found: Detections, least_scores: npt.NDArray[np.float32] | None
) -> npt.NDArray[np.int64]:
    """A number for each finding, int64 (N,); only those of one number may become one finding.

    It tells the class, and whether the score reaches the class's threshold. An evaluation keeps
    findings below the threshold, for its curves; were they united with those above, it would
    measure other masks than an inspection gives.

    Args:
        least_scores: float32 (classes,); None where all findings reach their threshold.
    """
    if least_scores is None:
        return found.class_ids
    sure = found.scores >= least_scores[found.class_ids]
    return found.class_ids * 2 + sure.astype(np.int64)


def united(found: Detections, groups: Groups) -> Detections:
    """One finding for each group, best score first.

    Its mask is the union of their masks, and its score the best of theirs: a finding is there as
    soon as one piece of it surely is. A mean, by area or not, would let a faint continuation pull
    a sure crack below a recipe's `min_score`, so that a longer crack would escape sooner.
    """
    if len(found) == 0:
        return found
    boxes, scores, class_ids, masks = [], [], [], []
    for members in groups.members():
        best = members[int(found.scores[members].argmax())]
        scores.append(found.scores[best])
        class_ids.append(found.class_ids[best])
        masks.append(union_of([found.masks[place] for place in members]))
        # A network's own box is better than its mask's; the common one of several is not, since
        # each reaches a little beyond its mask somewhere.
        alone = len(members) == 1 or not masks[-1].area_px
        boxes.append(found.boxes_xyxy[best] if alone else _corners(masks[-1]))
    whole = Detections(
        size_wh=found.size_wh,
        boxes_xyxy=np.array(boxes, dtype=np.float32),
        scores=np.array(scores, dtype=np.float32),
        class_ids=np.array(class_ids, dtype=np.int64),
        masks=tuple(masks),
    )
    return whole.select(np.argsort(-whole.scores, kind="stable"))


def union_of(masks: Sequence[InstanceMask]) -> InstanceMask:
    """One mask of the pixels of all, packed where it is large; at least one is expected."""
    if len(masks) == 1:
        return masks[0]
    corners = np.array([_corners(mask) for mask in masks])
    x0, y0 = (int(corners[:, side].min()) for side in (0, 1))
    x1, y1 = (int(corners[:, side].max()) for side in (2, 3))
    bits = np.zeros((y1 - y0, x1 - x0), dtype=np.bool_)
    for mask, (left, top, right, lower) in zip(masks, corners, strict=True):
        bits[top - y0 : lower - y0, left - x0 : right - x0] |= mask.bits
    return packed(InstanceMask(bits, x0, y0))


def in_one_image(
    pieces: Iterable[tuple[Detections, tuple[int, int]]], size_wh: tuple[int, int]
) -> Detections:
    """Findings of parts of an image, each with the part's corner x, y, in px of the whole image.

    They stand in the order of the parts.
    """
    boxes, scores, class_ids, masks = [], [], [], []
    for found, (x, y) in pieces:
        boxes.append(found.boxes_xyxy + np.array([x, y, x, y], dtype=np.float32))
        scores.append(found.scores)
        class_ids.append(found.class_ids)
        masks += [moved(mask, (x, y)) for mask in found.masks]
    if not masks:
        return Detections.empty(size_wh)
    return Detections(
        size_wh,
        np.concatenate(boxes),
        np.concatenate(scores),
        np.concatenate(class_ids),
        tuple(masks),
    )


def _corners(mask: InstanceMask) -> tuple[int, int, int, int]:
    height, width = mask.shape_hw
    return mask.x0, mask.y0, mask.x0 + width, mask.y0 + height
