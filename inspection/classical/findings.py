"""Findings without a network: regions that stand out of their surroundings, by four methods."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from inspection.classical.contrast import contrast_map, line_map, outline_map
from inspection.classical.segmenting import cut
from inspection.classical.settings import (
    ClassicalSettings,
    CutSettings,
    EdgeSettings,
    GrowthSettings,
    ThresholdSettings,
)
from inspection.detections import Detections, InstanceMask

RgbImage = npt.NDArray[np.uint8]
Map = npt.NDArray[np.float32]
Binary = npt.NDArray[np.uint8]

# Long regions are cut block by block, since the time of a cut grows faster than its pixels.
_BLOCK_PX = 256


def find_regions(
    image_rgb: RgbImage, settings: ClassicalSettings, least_score: float = 0.0
) -> Detections:
    """Connected regions of one image, uint8 (H, W, 3), all of class 0.

    The score is the region's mean response, 0 to 1, best first: relative contrast, or of edges
    the strength of the line or outline. It is no probability.
    """
    scored: Binary | None = None
    if isinstance(settings, EdgeSettings) and settings.look_for == "outlines":
        response, scored = outline_map(
            image_rgb, settings.background_px, settings.strength, settings.seed_strength
        )
        binary = _enclosed(_closed(scored, settings.close_px), settings.background_px)
    elif isinstance(settings, EdgeSettings):
        response = line_map(
            image_rgb, settings.widths_px, settings.background_px, light=settings.light
        )
        binary = _linked(response, settings)
    else:
        response = contrast_map(image_rgb, settings.background_px, light=settings.light)
        if isinstance(settings, GrowthSettings):
            binary = _grown(response, settings)
        else:
            binary = _above(response, settings.contrast, settings.close_px)
        if isinstance(settings, CutSettings):
            binary = _cut_anew(image_rgb, binary, response, settings)
    return _components(binary, response, scored, settings, least_score)


def _components(
    binary: Binary,
    response: Map,
    scored: Binary | None,
    settings: ClassicalSettings,
    least_score: float,
) -> Detections:
    """Regions of the binary; the score is the mean response where `scored`, None for all over."""
    size_wh = (binary.shape[1], binary.shape[0])
    least_length_px = settings.least_length_px if isinstance(settings, EdgeSettings) else 0
    count, labels, stats, _ = cv2.connectedComponentsWithStats(binary, connectivity=8)
    found: list[tuple[float, InstanceMask]] = []
    for label in range(1, count):
        x, y, width, height, area = (int(value) for value in stats[label])
        if area < settings.least_area_px or np.hypot(width, height) < least_length_px:
            continue
        bits = np.ascontiguousarray(labels[y : y + height, x : x + width] == label)
        where = bits
        if scored is not None:
            where = bits & (scored[y : y + height, x : x + width] > 0)
        score = float(np.clip(response[y : y + height, x : x + width][where].mean(), 0, 1))
        if score >= least_score:
            found.append((score, InstanceMask(bits, x, y)))
    found.sort(key=lambda pair: (-pair[0], pair[1].y0, pair[1].x0))
    found = found[: settings.most_findings]
    if not found:
        return Detections.empty(size_wh)
    masks = tuple(mask for _, mask in found)
    boxes = [(m.x0, m.y0, m.x0 + m.bits.shape[1], m.y0 + m.bits.shape[0]) for m in masks]
    return Detections(
        size_wh=size_wh,
        boxes_xyxy=np.array(boxes, dtype=np.float32),
        scores=np.array([score for score, _ in found], dtype=np.float32),
        class_ids=np.zeros(len(masks), dtype=np.int64),
        masks=masks,
    )


def _above(response: Map, level: float, close_px: int) -> Binary:
    return _closed((response >= level).astype(np.uint8), close_px)


def _closed(binary: Binary, close_px: int) -> Binary:
    if close_px <= 1:
        return binary
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (close_px, close_px))
    return cast(Binary, cv2.morphologyEx(binary, cv2.MORPH_CLOSE, kernel))


def _linked(response: Map, settings: EdgeSettings) -> Binary:
    """Pixels of some response that hang together with one of a strong response."""
    binary = _above(response, settings.strength, settings.close_px)
    count, labels = cv2.connectedComponents(binary, connectivity=8)
    strong = np.zeros(count, dtype=np.uint8)
    strong[labels[response >= settings.seed_strength]] = 1
    strong[0] = 0
    return cast(Binary, strong[labels])


def _enclosed(edges: Binary, most_px: int) -> Binary:
    """Everything inside closed edges no larger than the background's window, edges included.

    What encloses less than its own outline is an open edge, and dropped.
    """
    outlines, _ = cv2.findContours(edges, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros_like(edges)
    for outline in outlines:
        if max(cv2.boundingRect(outline)[2:]) > most_px:
            continue
        if cv2.contourArea(outline) > len(outline):
            cv2.drawContours(filled, [outline], -1, 1, cv2.FILLED)
    return filled


def _grown(response: Map, settings: GrowthSettings) -> Binary:
    """Flooded from each peak, the strongest first; what is taken is not grown over again."""
    seeds = (response >= settings.seed_contrast).astype(np.uint8)
    _, labels = cv2.connectedComponents(seeds, connectivity=8)
    rows, columns = np.nonzero(seeds)
    own, height = labels[rows, columns], response[rows, columns]
    # The first of each component in the order of falling height is its peak.
    order = np.argsort(-height, kind="stable")
    _, first = np.unique(own[order], return_index=True)
    peaks = order[np.sort(first)][: settings.most_seeds]
    mask = np.zeros((response.shape[0] + 2, response.shape[1] + 2), dtype=np.uint8)
    taken = mask[1:-1, 1:-1]
    most_px = settings.most_image_share * response.size
    for place in peaks:
        x, y, peak = int(columns[place]), int(rows[place]), float(height[place])
        if taken[y, x]:
            continue
        flags = 8 | (1 << 8) | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE
        below = (1 - settings.share) * peak
        area, *_, box = cv2.floodFill(response, mask, (x, y), 0, below, 1e6, flags)
        if area > most_px:
            # It stays taken, so that no other seed floods the same background again.
            left, top, wide, high = box
            part = taken[top : top + high, left : left + wide]
            part[part == 1] = 2
    return cast(Binary, (taken == 1).astype(np.uint8))


def _cut_anew(image_rgb: RgbImage, binary: Binary, response: Map, settings: CutSettings) -> Binary:
    """The edge of each region laid anew, block by block, the largest response first."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(binary, connectivity=8)
    kept = [place for place in range(1, count) if stats[place][4] >= settings.least_area_px]
    result = np.zeros_like(binary)
    left_px = settings.most_cut_px
    for label in sorted(kept, key=lambda place: -int(stats[place][4])):
        x, y, width, height, _ = (int(value) for value in stats[label])
        for top in range(y, y + height, _BLOCK_PX):
            for left in range(x, x + width, _BLOCK_PX):
                right, lower = min(left + _BLOCK_PX, x + width), min(top + _BLOCK_PX, y + height)
                block = np.s_[top:lower, left:right]
                if not (labels[block] == label).any():
                    continue
                around = settings.margin_px * 3
                big = np.s_[
                    max(0, top - around) : lower + around, max(0, left - around) : right + around
                ]
                own = labels[big] == label
                if own.size > left_px:
                    result[big] |= own.astype(np.uint8)
                    continue
                left_px -= own.size
                result[big] |= _cut_block(image_rgb[big], own, response[big], settings)
    return result


def _cut_block(
    crop_rgb: RgbImage, own: npt.NDArray[np.bool_], response: Map, settings: CutSettings
) -> Binary:
    side = 2 * settings.margin_px + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    near = cv2.dilate(own.astype(np.uint8), kernel)
    trimap = np.full(own.shape, cv2.GC_BGD, dtype=np.uint8)
    trimap[near > 0] = cv2.GC_PR_BGD
    trimap[own] = cv2.GC_PR_FGD
    # The darker half of a region is surely of it; its edge is what the cut is asked for.
    trimap[own & (response >= np.median(response[own]))] = cv2.GC_FGD
    return cut(crop_rgb, trimap, settings.rounds).astype(np.uint8)


__all__ = ["ThresholdSettings", "find_regions"]
