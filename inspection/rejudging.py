"""What a stored result would have been by another recipe, without looking at the image again.

Findings and measurements are stored with every inspection, so that another limit can be held
against them at once. What the recipe of that time did not keep is not stored: then the image has
to be inspected anew, and `why_anew` says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import cast

from inspection import limits
from inspection.calibration import Calibration
from inspection.judge import Item, conclude, uncalibrated
from inspection.judgement import JudgedFinding, Judgement, Measurement
from inspection.measuring import measured
from inspection.recipe import ClassRule, Position, Recipe
from inspection.rle import Rle, decode_cropped
from inspection.shelves import counting
from inspection.shelves.counting import StandingItem
from inspection.shelves.places import cell_of, region_of
from inspection.shelves.sight import Box, Sight

_UNITS = {"_px": "px", "_mm": "mm", "_mm2": "mm2"}


class Anew(StrEnum):
    """Why stored results cannot tell what a recipe would have said."""

    MODEL = "model"  # another model, or run in another way
    CLASSES = "classes"  # a class was not kept
    SCORES = "scores"  # findings were dropped that would be kept
    REGIONS = "regions"  # findings were dropped outside the regions of that time
    SHELF = "shelf"  # where the shelf is, or what stands before it, is looked for otherwise


@dataclass(frozen=True)
class StoredFinding:
    """One finding as it is stored. The box is in px of the upright image."""

    class_name: str
    score: float
    box_xyxy: tuple[float, float, float, float]
    place: str
    mask_rle: dict[str, object]  # COCO compressed
    measurements: tuple[Measurement, ...]


@dataclass(frozen=True)
class StoredResult:
    """One inspection as it is stored.

    Attributes:
        counted: shelf positions that had a count, which the others had none of since something
            stood before them.
        calibration: by which it was measured.
    """

    size_wh: tuple[int, int]
    captured_at: datetime
    findings: tuple[StoredFinding, ...]
    counted: frozenset[str] = frozenset()
    calibration: Calibration | None = None


def why_anew(before: Recipe, after: Recipe) -> tuple[Anew, ...]:
    """What of the change asks for images to be inspected anew; nothing: `rejudge` tells.

    Args:
        before: by which the stored results were judged.
    """
    reasons = []
    if before.engine_key != after.engine_key:
        reasons.append(Anew.MODEL)
    if not _kept(after) <= _kept(before):
        reasons.append(Anew.CLASSES)
    if any(
        (rule.min_score or 0.0) < (before.classes.get(name, rule).min_score or 0.0)
        for name, rule in after.classes.items()
    ):
        reasons.append(Anew.SCORES)
    known = [region.polygon for region in before.regions]
    if known and not (after.regions and all(region.polygon in known for region in after.regions)):
        reasons.append(Anew.REGIONS)
    if after.positions and _looks(before) != _looks(after):
        reasons.append(Anew.SHELF)
    return tuple(reasons)


def rejudge(result: StoredResult, before: Recipe, after: Recipe) -> Judgement:
    """What `after` says of a result that `before` judged. See `why_anew` for when it cannot."""
    if result.calibration is None and after.needs_mm:
        return uncalibrated(after)
    same_edge = before.decision.mask_edge_px == after.decision.mask_edge_px
    items = [
        item
        for finding in result.findings
        if (item := _item(finding, result, after, same_edge=same_edge)) is not None
    ]
    seen = Sight()
    covered = frozenset(
        position.name
        for position in after.positions
        if before.positions and _was_covered(position, before, result.counted)
    )
    return conclude(
        items,
        after,
        result.calibration,
        seen,
        covered=covered,
        size_wh=result.size_wh,
        now=result.captured_at,
    )


def _kept(recipe: Recipe) -> set[str]:
    return {*recipe.classes, *(position.class_name for position in recipe.positions)}


def _looks(recipe: Recipe) -> tuple[object, ...]:
    moves = recipe.shelf.registration != "none"
    # Where the camera may move, nobody has kept where the shelf was in each picture.
    boxes = tuple((place.name, place.box, place.class_name) for place in recipe.positions)
    return recipe.shelf, boxes if moves else ()


def _was_covered(position: Position, before: Recipe, counted: frozenset[str]) -> bool:
    return any(
        old.name not in counted and counting.shared(position.box, old.box) > 0
        for old in before.positions
    )


def _item(
    finding: StoredFinding, result: StoredResult, recipe: Recipe, *, same_edge: bool
) -> Item | None:
    width, height = result.size_wh
    x0, y0, x1, y1 = finding.box_xyxy
    box: Box = (x0 / width, y0 / height, x1 / width, y1 / height)
    shelf = any(position.class_name == finding.class_name for position in recipe.positions)
    rule = recipe.classes.get(finding.class_name, ClassRule() if shelf else None)
    if rule is None or finding.score < (rule.min_score or 0.0):
        return None
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    region = region_of(x, y, recipe.regions)
    if recipe.regions and region is None:
        return None
    position = _position(finding, box, recipe) if shelf else None
    if position is not None:
        place = position.name
    else:
        place = region.name if region is not None else cell_of(x, y)
    measurements = _held(finding, rule, recipe, result.calibration, place, same_edge=same_edge)
    judged = JudgedFinding(
        class_name=finding.class_name,
        score=finding.score,
        box_xyxy=finding.box_xyxy,
        mask_rle=finding.mask_rle,
        measurements=measurements,
        verdict=limits.worst(each.verdict for each in measurements),
        place=place,
    )
    standing = StandingItem(finding.class_name, finding.score, box, position) if position else None
    return Item(judged, standing)


def _position(finding: StoredFinding, box: Box, recipe: Recipe) -> Position | None:
    if recipe.shelf.registration != "none":
        found = [place for place in recipe.positions if place.name == finding.place]
        return found[0] if found else None
    return counting.position_for(finding.class_name, box, recipe, Sight())


def _held(
    finding: StoredFinding,
    rule: ClassRule,
    recipe: Recipe,
    calibration: Calibration | None,
    place: str,
    *,
    same_edge: bool,
) -> tuple[Measurement, ...]:
    """Its measurements against the rule's limits: the stored ones, else those of its mask."""
    wanted = {
        _name_and_unit(quantity): limit
        for quantity, limit in rule.limits.items()
        if quantity != "count"
    }
    stored = {(each.name, each.unit): each for each in finding.measurements}
    if not same_edge or not wanted.keys() <= stored.keys():
        mask = decode_cropped(cast(Rle, finding.mask_rle))
        return measured(mask, rule, recipe.decision, calibration, place) if mask.bits.any() else ()
    k = recipe.decision.guard_k
    return tuple(
        limits.held(
            each.name, each.value, each.unit, wanted.get(key), place,
            uncertainty=each.uncertainty, k=0.0 if each.unit == "1" else k,
        )
        for key, each in stored.items()
    )  # fmt: skip


def _name_and_unit(quantity: str) -> tuple[str, str]:
    if quantity == "branches":
        return quantity, "1"
    for suffix, unit in _UNITS.items():
        if quantity.endswith(suffix):
            return quantity.removesuffix(suffix), "px2" if quantity == "area_px" else unit
    raise ValueError(f"expected a quantity with a unit, got {quantity!r}")
