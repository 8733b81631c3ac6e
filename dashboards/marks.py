"""Findings as outlines for the SVG that lies over an image."""

from collections.abc import Iterable
from dataclasses import dataclass

from db.models import Finding
from inspection.overlay import Mark, outline_path
from inspection.rle import Rle, decode_cropped
from inspection.verdicts import Verdict


@dataclass(frozen=True)
class Outline:
    """One mask: the data of an SVG path in px of the upright image."""

    path: str
    verdict: str
    class_name: str
    finding_id: int
    score: float


def outlines(findings: Iterable[Finding], *, tolerance_px: float = 0.7) -> list[Outline]:
    """The outlines of findings, the worst drawn last so that nothing lies over them.

    A mask that cannot be decoded is left out here; the table beside the image still has its row.
    """
    drawn = []
    for finding in findings:
        try:
            mask = decode_cropped(_rle(finding.mask_rle))
        except (KeyError, TypeError, ValueError):
            continue
        path = outline_path(mask, tolerance_px=tolerance_px)
        drawn.append(Outline(path, finding.verdict, finding.class_name, finding.id, finding.score))
    order = ("not_inspected", "pass", "warn", "fail")
    return sorted(drawn, key=lambda each: order.index(each.verdict))


def to_marks(findings: Iterable[Finding]) -> list[Mark]:
    """The findings as `inspection.overlay` draws them, labelled with what decided."""
    marks = []
    for finding in findings:
        try:
            mask = decode_cropped(_rle(finding.mask_rle))
        except (KeyError, TypeError, ValueError):
            continue
        limited = [each for each in finding.measurements if each.verdict == finding.verdict]
        label = finding.class_name
        if limited:
            label += f" {limited[0].value:.3g} {limited[0].unit}"
        marks.append(Mark(mask, Verdict(finding.verdict), label))
    return marks


def _rle(stored: dict[str, object]) -> Rle:
    size, counts = stored["size"], stored["counts"]
    if not isinstance(size, list) or not isinstance(counts, str):
        raise TypeError("expected COCO compressed RLE")
    return Rle(size=[int(size[0]), int(size[1])], counts=counts)
