"""Detections become findings with measurements, and these a verdict, by the recipe."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from inspection import limits
from inspection.calibration import Calibration, as_calibration
from inspection.detections import Detections
from inspection.judgement import Deviation, JudgedFinding, Judgement, Measurement
from inspection.measuring import area_only, measured
from inspection.recipe import ClassRule, Recipe
from inspection.rle import encode
from inspection.shelves import counting
from inspection.shelves.counting import ShelfCount, StandingItem
from inspection.shelves.places import cell_of, region_of
from inspection.shelves.sight import Sight
from inspection.verdicts import Reason, Verdict

# What is only counted on a shelf has no rule of its own.
_DEFAULT_RULE = ClassRule()
# How many deviations the verdict's line names.
_NAMED = 2


def judge(
    detections: Detections,
    classes: Sequence[str],
    recipe: Recipe,
    calibration: Calibration | float | None = None,
    sight: Sight | None = None,
    *,
    now: datetime | None = None,
) -> Judgement:
    """Judge the detections of one image.

    Kept is what belongs to a class that the recipe has a rule for or counts on its shelf, scores
    at least that rule's `min_score` if it has one, and is centred in a region where there are any.
    A class that the recipe does not name is not inspected for.

    Args:
        detections: of one upright image.
        classes: the detector's class names, in the order of `class_ids`.
        calibration: the station's, or a bare scale in mm per px; None where it has none.
        sight: of a shelf, where it lies in the image and what moves before it; None where the
            camera stands still and nobody is near.
        now: when the image was captured. A calibration that had expired by then makes a warning
            of what would have passed; None does not ask.

    Raises:
        ValueError: a class id has no name, or the scale is not a positive number.
    """
    calibration = as_calibration(calibration)
    if len(detections) and int(detections.class_ids.max()) >= len(classes):
        raise ValueError(
            f"expected class ids below {len(classes)} for the classes {list(classes)},"
            f" got {int(detections.class_ids.max())}"
        )
    if calibration is None and recipe.needs_mm:
        return uncalibrated(recipe)
    if calibration is not None and calibration.size_wh not in (None, detections.size_wh):
        if recipe.needs_mm:
            return _of_another_size(calibration, detections.size_wh)
        calibration = None

    sight = sight or Sight()
    if recipe.positions and sight.problem:
        return Judgement.not_inspected(Reason.NOT_REGISTERED, sight.problem)

    items = [
        item
        for index in range(len(detections))
        if (item := _item(detections, index, classes, recipe, calibration, sight)) is not None
    ]
    covered = counting.covered_positions(detections, classes, recipe, sight)
    return conclude(
        items, recipe, calibration, sight, covered=covered, size_wh=detections.size_wh, now=now
    )


@dataclass(frozen=True)
class Item:
    """A finding that the recipe keeps, with its measurements held against their limits."""

    finding: JudgedFinding
    standing: StandingItem | None  # where it is one of the shelf's items


def conclude(
    items: Sequence[Item],
    recipe: Recipe,
    calibration: Calibration | None,
    sight: Sight,
    *,
    covered: frozenset[str],
    size_wh: tuple[int, int],
    now: datetime | None,
) -> Judgement:
    """The verdict over what was kept of one image.

    Args:
        covered: positions of the shelf before which somebody or something stands.
    """
    counts, too_many = _count_classes(items, recipe)
    shelf = counting.count_facings(
        [item.standing for item in items if item.standing is not None], covered, recipe, sight
    )
    if recipe.positions and len(shelf.hidden) == len(recipe.positions) and not recipe.classes:
        detail = "something moves or stands before every position"
        return Judgement.not_inspected(Reason.OCCLUDED, detail)
    findings = [_with_count(item, too_many.get(item.finding.class_name)) for item in items]
    deviations = sorted(
        [*_defects(findings, too_many), *shelf.deviations, *_expired(calibration, now)],
        key=lambda deviation: deviation.severity is not Verdict.FAIL,
    )
    verdict = limits.worst(deviation.severity for deviation in deviations)
    return Judgement(
        verdict,
        _detail(deviations, findings, recipe, shelf),
        size_wh=size_wh,
        findings=tuple(findings),
        measurements=(*counts, *shelf.measurements),
        deviations=tuple(deviations),
        unsettled=shelf.unsettled,
    )


def uncalibrated(recipe: Recipe) -> Judgement:
    """What a station without a scale gets by a recipe with limits in mm."""
    named = next(
        f"{name} {quantity}"
        for name, rule in recipe.classes.items()
        for quantity in rule.limits
        if quantity.endswith(("_mm", "_mm2"))
    )
    return Judgement.not_inspected(
        Reason.UNCALIBRATED,
        f"the recipe limits {named}, and the station has no valid scale in mm per px",
    )


def _of_another_size(calibration: Calibration, size_wh: tuple[int, int]) -> Judgement:
    made, got = (f"{size[0]} × {size[1]} px" for size in (calibration.size_wh or (0, 0), size_wh))
    return Judgement.not_inspected(
        Reason.UNCALIBRATED, f"the calibration is for images of {made}, and this one has {got}"
    )


def _expired(calibration: Calibration | None, now: datetime | None) -> list[Deviation]:
    """What was measured by an expired calibration proves nothing; a pass is none."""
    expired_at = calibration.expired_at(now) if calibration is not None and now else None
    if expired_at is None:
        return []
    said = f"calibration expired on {expired_at:%Y-%m-%d %H:%M} UTC"
    return [Deviation("calibration_expired", "station", Verdict.WARN, said)]


def _item(
    detections: Detections,
    index: int,
    classes: Sequence[str],
    recipe: Recipe,
    calibration: Calibration | None,
    sight: Sight,
) -> Item | None:
    """One detection as a finding, None where the recipe does not keep it."""
    class_name = classes[int(detections.class_ids[index])]
    shelf = any(position.class_name == class_name for position in recipe.positions)
    rule = recipe.classes.get(class_name, _DEFAULT_RULE if shelf else None)
    score = float(detections.scores[index])
    mask = detections.masks[index]
    if rule is None or score < (rule.min_score or 0.0) or not mask.bits.any():
        return None
    x0, y0, x1, y1 = (float(edge) for edge in detections.boxes_xyxy[index])
    width, height = detections.size_wh
    box = (x0 / width, y0 / height, x1 / width, y1 / height)
    left, upper, right, lower = sight.on_shelf(box)
    x, y = (left + right) / 2, (upper + lower) / 2
    region = region_of(x, y, recipe.regions)
    if recipe.regions and region is None:
        return None
    position = counting.position_for(class_name, box, recipe, sight) if shelf else None
    if position is not None:
        place = position.name
    else:
        place = region.name if region is not None else cell_of(x, y)
    if shelf and not rule.limits:
        measurements: tuple[Measurement, ...] = (area_only(mask.area_px, calibration, place),)
    else:
        measurements = measured(mask, rule, recipe.decision, calibration, place)
    finding = JudgedFinding(
        class_name=class_name,
        score=score,
        box_xyxy=(x0, y0, x1, y1),
        mask_rle=dict(encode(mask, detections.size_wh)),
        measurements=measurements,
        verdict=limits.worst(measurement.verdict for measurement in measurements),
        place=place,
    )
    standing = StandingItem(class_name, score, box, position) if position is not None else None
    return Item(finding, standing)


def _count_classes(
    items: Sequence[Item], recipe: Recipe
) -> tuple[list[Measurement], dict[str, Measurement]]:
    """How many there are of each class whose count has a limit, and those that are too many.

    Other counts can be had from the findings, and would be rows for ever.
    """
    counts = [
        limits.held(
            "count",
            float(sum(item.finding.class_name == name for item in items)),
            "1",
            limit,
            place=name,
        )
        for name, rule in recipe.classes.items()
        if (limit := rule.limit("count")) is not None
    ]
    too_many = {
        count.place: count for count in counts if count.verdict in (Verdict.WARN, Verdict.FAIL)
    }
    return counts, too_many


def _with_count(item: Item, too_many: Measurement | None) -> JudgedFinding:
    """Where there are too many of a class, each of them is one too many."""
    if too_many is None:
        return item.finding
    return replace(item.finding, verdict=limits.worst([item.finding.verdict, too_many.verdict]))


def _defects(
    findings: Sequence[JudgedFinding], too_many: dict[str, Measurement]
) -> list[Deviation]:
    """One deviation for each class and place with a finding beyond a limit: its worst one."""
    worst_ones: dict[tuple[str, str], Deviation] = {}
    for finding in findings:
        if finding.verdict is Verdict.PASS:
            continue
        key = (finding.class_name, finding.place)
        known = worst_ones.get(key)
        if known is None or (known.severity, finding.verdict) == (Verdict.WARN, Verdict.FAIL):
            detail = _why(finding, too_many.get(finding.class_name))
            worst_ones[key] = Deviation(*key, finding.verdict, detail)
    return list(worst_ones.values())


def _why(finding: JudgedFinding, too_many: Measurement | None) -> str:
    """`crack 4.8 mm > 3.0 mm`: a length needs no name."""
    for measurement in finding.measurements:
        if measurement.verdict is finding.verdict:
            name = "" if measurement.name == "length" else measurement.name.replace("_", " ") + " "
            return f"{finding.class_name} {name}{limits.exceeded(measurement)}"
    assert too_many is not None  # nothing else makes a finding worse than its measurements
    return f"{finding.class_name} count {limits.exceeded(too_many)}"


def _detail(
    deviations: Sequence[Deviation],
    findings: Sequence[JudgedFinding],
    recipe: Recipe,
    shelf: ShelfCount,
) -> str:
    """The verdict in one line for people."""
    if deviations:
        named = [f"{each.detail} ({each.place})" for each in deviations[:_NAMED]]
        more = len(deviations) - len(named)
        return "; ".join(named) + (f"; and {more} more" if more else "")
    if shelf.hidden:
        seen = len(recipe.positions) - len(shelf.hidden)
        return f"{seen} positions filled, {len(shelf.hidden)} not seen: something is before them"
    if recipe.positions:
        return f"all {len(recipe.positions)} positions filled"
    if findings:
        return f"{len(findings)} found, within limits"
    return "nothing found"
