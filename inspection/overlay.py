"""Draws findings over an image: composed, as a transparent layer, or as paths for a page's SVG.

Work is done inside each finding's box alone, so that the cost follows what was found. A verdict is
told twice: by colour (Okabe and Ito's palette, which every kind of colour vision tells apart,
https://jfly.uni-koeln.de/color/) and by line (fail solid and thick, warn dashed, pass thin).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from inspection.detections import InstanceMask
from inspection.judgement import JudgedFinding, Measurement
from inspection.rle import Rle, decode_cropped
from inspection.verdicts import Verdict

RGB = tuple[int, int, int]
UInt8 = npt.NDArray[np.uint8]

COLOURS: dict[Verdict, RGB] = {
    Verdict.FAIL: (213, 94, 0),  # vermillion
    Verdict.WARN: (240, 228, 66),  # yellow
    Verdict.PASS: (86, 180, 233),  # sky blue
    Verdict.NOT_INSPECTED: (204, 121, 167),  # reddish purple
}
_WIDTHS_PX = {Verdict.FAIL: 3, Verdict.WARN: 2, Verdict.PASS: 1, Verdict.NOT_INSPECTED: 1}
_FILL_OPACITY = {Verdict.FAIL: 0.35, Verdict.WARN: 0.3, Verdict.PASS: 0.12}
_HALO: RGB = (20, 20, 20)  # a dark edge keeps every colour readable on a bright surface
_DASH_PX = 6
_MARGIN_PX = 4  # room for the outline around a finding's own pixels


@dataclass(frozen=True)
class Mark:
    """One finding to be drawn: where, how bad, and what to write beside it."""

    mask: InstanceMask
    verdict: Verdict
    label: str = ""


def mark_of(finding: JudgedFinding) -> Mark:
    """The mark of a judged finding, labelled with its class and the measurement that decided."""
    mask = decode_cropped(Rle(size=finding.mask_rle["size"], counts=finding.mask_rle["counts"]))  # type: ignore[typeddict-item]
    return Mark(mask, finding.verdict, label_of(finding.class_name, finding.measurements))


def label_of(class_name: str, measurements: Iterable[Measurement]) -> str:
    """`crack 4.8 mm`: the class and the worst measurement that has a limit, if any has."""
    order = {Verdict.FAIL: 0, Verdict.WARN: 1, Verdict.PASS: 2}
    limited = [each for each in measurements if each.verdict in order]
    if not limited:
        return class_name
    worst = min(limited, key=lambda each: order[each.verdict or Verdict.PASS])
    digits = ".0f" if abs(worst.value) >= 100 else ".3g"
    return f"{class_name} {worst.value:{digits}} {worst.unit}"


def draw_marks(rgb: UInt8, marks: Sequence[Mark], *, scale: float = 1.0) -> UInt8:
    """A copy of an image with marks drawn over it.

    Args:
        rgb: uint8 (H, W, 3), the upright image or a scaled copy of it.
        marks: masks in px of the upright image, in any order.
        scale: px of `rgb` to one px of the upright image.
    """
    canvas = np.ascontiguousarray(rgb).copy()
    alpha = np.full(canvas.shape[:2], 255, dtype=np.uint8)
    _draw(canvas, alpha, marks, scale)
    return canvas


def transparent_marks(
    size_wh: tuple[int, int], marks: Sequence[Mark], *, scale: float = 1.0
) -> UInt8:
    """The marks alone, uint8 RGBA (H, W, 4) of size_wh, transparent where nothing was found."""
    width, height = size_wh
    colour = np.zeros((height, width, 3), dtype=np.uint8)
    alpha = np.zeros((height, width), dtype=np.uint8)
    _draw(colour, alpha, marks, scale)
    return np.dstack([colour, alpha])


def encode_layer(rgba: UInt8) -> bytes:
    """A transparent layer, uint8 RGBA (H, W, 4), as a PNG file."""
    done, data = cv2.imencode(".png", cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGRA))
    assert done
    return data.tobytes()


def outline_path(mask: InstanceMask, *, tolerance_px: float = 0.7) -> str:
    """The mask's outlines as data of an SVG path, in px of the upright image.

    Holes are outlines too: fill with the even-odd rule. An empty mask gives an empty string.
    """
    parts = []
    for contour in _contours(np.pad(mask.bits, 1).astype(np.uint8)):
        points = cv2.approxPolyDP(contour, tolerance_px, True)[:, 0] - 1
        # Pixel centres become the image's coordinates, in which a pixel reaches from n to n + 1.
        places = points + np.array([mask.x0 + 0.5, mask.y0 + 0.5])
        parts.append("M" + "L".join(f"{x:g} {y:g}" for x, y in places) + "Z")
    return "".join(parts)


def _draw(colour: UInt8, alpha: UInt8, marks: Sequence[Mark], scale: float) -> None:
    # What is worst is drawn last, and labels over all outlines.
    worst_last = (Verdict.NOT_INSPECTED, Verdict.PASS, Verdict.WARN, Verdict.FAIL)
    ordered = sorted(marks, key=lambda mark: worst_last.index(mark.verdict))
    for mark in ordered:
        _draw_shape(colour, alpha, mark, scale)
    for mark in ordered:
        if mark.label and mark.verdict in (Verdict.WARN, Verdict.FAIL):
            _draw_label(colour, alpha, mark, scale)


def _draw_shape(colour: UInt8, alpha: UInt8, mark: Mark, scale: float) -> None:
    bits, x0, y0 = _scaled(mark.mask, scale)
    if bits.size == 0:
        return
    # The window is the box and its margin, cut to the image.
    height, width = alpha.shape
    left, upper = max(x0 - _MARGIN_PX, 0), max(y0 - _MARGIN_PX, 0)
    right = min(x0 + bits.shape[1] + _MARGIN_PX, width)
    lower = min(y0 + bits.shape[0] + _MARGIN_PX, height)
    if right <= left or lower <= upper:
        return
    inside = np.zeros((lower - upper, right - left), dtype=np.uint8)
    cut = bits[: lower - y0, : right - x0]
    inside[y0 - upper : y0 - upper + cut.shape[0], x0 - left : x0 - left + cut.shape[1]] = cut
    window, opacity = colour[upper:lower, left:right], alpha[upper:lower, left:right]

    tint = np.array(COLOURS[mark.verdict], dtype=np.float32)
    share = _FILL_OPACITY.get(mark.verdict, 0.12)
    filled = inside.astype(bool)
    # Over nothing the tint stands alone and is let through by alpha; over an image it is blended.
    solid = opacity[filled][:, None] / 255.0
    window[filled] = (
        window[filled] * (1 - share) * solid + tint * (1 - (1 - share) * solid)
    ).astype(np.uint8)
    opacity[filled] = np.maximum(opacity[filled], round(255 * share))

    thickness = _WIDTHS_PX[mark.verdict]
    contours = _contours(inside)
    halo = np.zeros_like(inside)
    cv2.drawContours(halo, contours, -1, 1, thickness + 2)
    line = np.zeros_like(inside)
    if mark.verdict is Verdict.WARN:
        for contour in contours:
            dashes = contour[:, 0][(np.arange(len(contour)) // _DASH_PX) % 2 == 0]
            line[dashes[:, 1], dashes[:, 0]] = 1
        line = cv2.dilate(line, np.ones((thickness, thickness), dtype=np.uint8))
    else:
        cv2.drawContours(line, contours, -1, 1, thickness)
    edge = halo.astype(bool)
    window[edge], opacity[edge] = _HALO, 255
    edge = line.astype(bool)
    window[edge], opacity[edge] = COLOURS[mark.verdict], 255


def _scaled(mask: InstanceMask, scale: float) -> tuple[UInt8, int, int]:
    bits = mask.bits.astype(np.uint8)
    if bits.size == 0 or scale == 1.0:
        return bits, mask.x0, mask.y0
    width = max(1, round(bits.shape[1] * scale))
    height = max(1, round(bits.shape[0] * scale))
    area = cv2.resize(bits * 255, (width, height), interpolation=cv2.INTER_AREA)
    # A quarter of a pixel counts, or a crack of two pixels would vanish from a small picture.
    return (area >= 64).astype(np.uint8), round(mask.x0 * scale), round(mask.y0 * scale)


def _contours(bits: UInt8) -> Sequence[npt.NDArray[np.int32]]:
    found, _ = cv2.findContours(bits, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return [contour.astype(np.int32) for contour in found]


@lru_cache(maxsize=8)
def _font(size_px: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size=size_px)


def _draw_label(colour: UInt8, alpha: UInt8, mark: Mark, scale: float) -> None:
    height, width = alpha.shape
    font = _font(max(11, round(min(width, height) / 32)))
    # Pillow's own font has ASCII alone.
    text = unicodedata.normalize("NFKD", mark.label).encode("ascii", "replace").decode()[:48]
    _, _, text_width, text_height = (int(edge) for edge in font.getbbox(text))
    box_width, box_height = min(text_width + 8, width), min(text_height + 6, height)
    x = min(max(round(mark.mask.x0 * scale), 0), width - box_width)
    y = min(round(mark.mask.y0 * scale) - _MARGIN_PX, height) - box_height
    if y < 0:  # no room above: below
        bottom = round((mark.mask.y0 + mark.mask.bits.shape[0]) * scale) + _MARGIN_PX
        y = max(min(bottom, height - box_height), 0)
    tag = Image.new("RGB", (box_width, box_height), COLOURS[mark.verdict])
    ink = (255, 255, 255) if mark.verdict is Verdict.FAIL else (0, 0, 0)
    ImageDraw.Draw(tag).text((4, 2), text, fill=ink, font=font)
    colour[y : y + box_height, x : x + box_width] = np.asarray(tag)
    alpha[y : y + box_height, x : x + box_width] = 255
