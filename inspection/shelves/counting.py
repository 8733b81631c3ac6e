"""Items on the positions of a shelf: what stands where, what is missing, what is misplaced.

An item belongs to the position that its centre lies in, one of its own product first. More than
belongs is no gap. A position that something stands in front of has no count at all: a shelf that
somebody is standing at is not seen, which is not the same as empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inspection.detections import Detections
from inspection.judgement import Deviation, Measurement
from inspection.recipe import Position, Recipe
from inspection.shelves.places import position_of
from inspection.shelves.sight import Box, Sight
from inspection.verdicts import Verdict

MISPLACED = "misplaced"
# Two boxes of which one holds nearly all of the other are one item, found twice.
_SAME_ITEM = 0.85
# A fingertip at the edge hides nothing.
_LEAST_COVERED = 0.01


@dataclass(frozen=True, slots=True)
class StandingItem:
    """A kept detection of a class that the shelf holds. The box is in the picture, fractions."""

    class_name: str
    score: float
    box: Box
    position: Position

    @property
    def misplaced(self) -> bool:
        """Another product's item, which several classes can tell, and one class cannot."""
        return self.class_name != self.position.class_name


@dataclass(frozen=True, slots=True)
class ShelfCount:
    """Attributes:
    measurements: `facings` of each position that is in sight.
    deviations: out of stock, low, misplaced.
    hidden: positions that something stands in front of.
    unsettled: those, and the ones whose items are in sight but still being moved: neither
        opens a gap nor closes one.
    """

    measurements: tuple[Measurement, ...]
    deviations: tuple[Deviation, ...]
    hidden: frozenset[str]
    unsettled: frozenset[str]


def position_for(class_name: str, box: Box, recipe: Recipe, sight: Sight) -> Position | None:
    """The position of an item of a class, box in the picture; its own product's come first."""
    if all(class_name != position.class_name for position in recipe.positions):
        return None
    x0, y0, x1, y1 = sight.on_shelf(box)
    centre = (x0 + x1) / 2, (y0 + y1) / 2
    own = [position for position in recipe.positions if position.class_name == class_name]
    return position_of(*centre, own) or position_of(*centre, recipe.positions)


def shared(box: Box, other: Box) -> float:
    """The share of a box that lies in another one."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    area = (box[2] - box[0]) * (box[3] - box[1])
    return max(width, 0.0) * max(height, 0.0) / area if area > 0 else 0.0


def count_facings(
    items: Sequence[StandingItem], covered: frozenset[str], recipe: Recipe, sight: Sight
) -> ShelfCount:
    """Count what stands at each position.

    Args:
        covered: positions before which the model saw a hand or a person.
    """
    measurements: list[Measurement] = []
    deviations: list[Deviation] = []
    hidden, unsettled = set(), set()
    for position in recipe.positions:
        here = once([item for item in items if item.position is position])
        seen = sum(not item.misplaced for item in here)
        short = seen < position.min_facings
        moving = _moving(position, short, here, recipe, sight)
        if position.name in covered or moving:
            unsettled.add(position.name)
            if short:
                hidden.add(position.name)
                continue
        verdict, kind = Verdict.PASS, ""
        if seen == 0:
            verdict, kind = Verdict.FAIL, "out_of_stock"
        elif short:
            verdict, kind = Verdict.WARN, "low"
        measurements.append(
            Measurement("facings", float(seen), "1", verdict=verdict, place=position.name)
        )
        if kind:
            said = "out of stock" if kind == "out_of_stock" else "low"
            detail = f"{position.product} {said}: {seen} of {position.facings}"
            deviations.append(Deviation(kind, position.name, verdict, detail))
        wrong = sorted({item.class_name for item in here if item.misplaced})
        if wrong:
            detail = f"{', '.join(wrong)} misplaced at {position.product}"
            deviations.append(Deviation(MISPLACED, position.name, Verdict.WARN, detail))
    return ShelfCount(
        tuple(measurements), tuple(deviations), frozenset(hidden), frozenset(unsettled)
    )


def once(items: Sequence[StandingItem]) -> list[StandingItem]:
    """The items without those that were found twice, the surer one of each kept."""
    kept: list[StandingItem] = []
    for item in sorted(items, key=lambda each: -each.score):
        if all(shared(item.box, other.box) < _SAME_ITEM for other in kept):
            kept.append(item)
    return kept


def covered_positions(
    detections: Detections, classes: Sequence[str], recipe: Recipe, sight: Sight
) -> frozenset[str]:
    """Positions before which the model sees one of the recipe's occluders (hand, person)."""
    names = set(recipe.shelf.occluders) - {position.class_name for position in recipe.positions}
    ids = {number for number, name in enumerate(classes) if name in names}
    covered: set[str] = set()
    width, height = detections.size_wh
    for index, mask in enumerate(detections.masks):
        if int(detections.class_ids[index]) not in ids:
            continue
        for position in recipe.positions:
            x0, y0, x1, y1 = sight.in_picture(position.box)
            left, upper = max(0, round(x0 * width) - mask.x0), max(0, round(y0 * height) - mask.y0)
            right, lower = round(x1 * width) - mask.x0, round(y1 * height) - mask.y0
            if right <= left or lower <= upper:
                continue
            inside = int(mask.bits[upper:lower, left:right].sum())
            if inside >= _LEAST_COVERED * (x1 - x0) * (y1 - y0) * width * height:
                covered.add(position.name)
    return frozenset(covered)


def _moving(
    position: Position, short: bool, items: Sequence[StandingItem], recipe: Recipe, sight: Sight
) -> bool:
    """Whether something that is no item moves at a position, or the items themselves do.

    Where too few are seen, only what is beside them could hide more. Where enough are seen, they
    may be in somebody's hand, but not for ever.
    """
    least = recipe.shelf.motion
    if least == 0 or (not short and position.name in sight.restless):
        return False
    known = [item.box for item in items] if short else []
    return sight.share_changed(position.box, known) >= least
