"""The images that somebody should look at, kept as masks: a few of each kind, or a given few."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from inspection.detections import Detections
from workers.engines.detector import RgbImage
from workers.evaluation.image_result import ImageResult
from workers.evaluation.labelled import LabelledImage, NamedMask

KINDS = ("escape", "false_call", "worst_iou")


@dataclass(frozen=True, slots=True, eq=False)
class ShownImage:
    """One of the worst images; its pixels are read again when it is drawn."""

    name: str
    kind: str
    again: Callable[[], RgbImage]
    size_wh: tuple[int, int]
    truth: tuple[NamedMask, ...]
    kept: Detections
    result: ImageResult


class Keeper(Protocol):
    """Decides which images of a pass are kept to be shown."""

    def add(
        self,
        labelled: LabelledImage,
        truth: tuple[NamedMask, ...],
        kept: Detections,
        result: ImageResult,
        rejected: bool,
    ) -> None:
        """Told of every image, with its truth and the findings at the operating thresholds."""
        ...


@dataclass(slots=True)
class EveryImage:
    """Keeps all: for a pass over the few images that are to be shown."""

    images: list[ShownImage] = field(default_factory=list)

    def add(
        self,
        labelled: LabelledImage,
        truth: tuple[NamedMask, ...],
        kept: Detections,
        result: ImageResult,
        rejected: bool,
    ) -> None:
        """Keep the image if it can be read again."""
        if labelled.again is not None:
            kind = "rejected" if rejected else "passed"
            self.images.append(
                ShownImage(
                    labelled.name, kind, labelled.again, labelled.size_wh, truth, kept, result
                )
            )


@dataclass(slots=True)
class WorstImages:
    """At most `most` images of each kind, whatever the size of the set."""

    most: int
    _heaps: dict[str, list[tuple[float, int, ShownImage]]] = field(
        default_factory=lambda: {kind: [] for kind in KINDS}
    )
    _number: int = 0

    def add(
        self,
        labelled: LabelledImage,
        truth: tuple[NamedMask, ...],
        kept: Detections,
        result: ImageResult,
        rejected: bool,
    ) -> None:
        """Keep the image if it is among the worst of its kind."""
        if labelled.again is None:
            return
        right, wrong, missed, _ = (int(value) for value in result.union)
        if result.defective and not rejected:
            self._push("escape", float(missed + right), labelled, truth, kept, result)
        elif result.clean and rejected:
            self._push("false_call", result.top_score, labelled, truth, kept, result)
        elif result.defective:
            iou = right / max(1, right + wrong + missed)
            self._push("worst_iou", -iou, labelled, truth, kept, result)

    def of(self, kind: str) -> list[ShownImage]:
        """The worst of a kind, the very worst first."""
        return [shown for _, _, shown in sorted(self._heaps[kind], key=lambda e: (-e[0], e[1]))]

    def _push(
        self,
        kind: str,
        badness: float,
        labelled: LabelledImage,
        truth: tuple[NamedMask, ...],
        kept: Detections,
        result: ImageResult,
    ) -> None:
        self._number += 1
        heap = self._heaps[kind]
        if len(heap) == self.most and badness <= heap[0][0]:
            return
        assert labelled.again is not None
        shown = ShownImage(
            labelled.name, kind, labelled.again, labelled.size_wh, truth, kept, result
        )
        heapq.heappush(heap, (badness, self._number, shown))
        if len(heap) > self.most:
            heapq.heappop(heap)
