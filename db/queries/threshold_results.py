"""What the threshold studio counts from: a station's newest results, as small as they can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.errors import Invalid, NotFound
from db.models import Inspection, RecipeVersion, ReviewItem, Shift, Station
from db.queries import recipe_drafts
from db.queries.review_doubts import thresholds_of
from db.queries.review_truth import truths
from db.queries.stored_results import Tried, newest_stored, recipes_by_version
from inspection.judgement import JudgedFinding, Measurement
from inspection.ranking import ReviewReason
from inspection.recipe import ClassRule, Limit, Recipe
from inspection.rejudging import Anew, rejudge, why_anew
from inspection.threshold_curves import (
    FAIL,
    PASS,
    WARN,
    Bounds,
    ClassSetting,
    Result,
    Scored,
    Settings,
)
from inspection.verdicts import Verdict

LAST = 500
MOST = 1000
_SHIFT_H = 8.0
_SEVERITY = {Verdict.PASS: PASS, Verdict.WARN: WARN, Verdict.FAIL: FAIL}


@dataclass(frozen=True)
class Studio:
    """Attributes:
    version: the active one, by which all results are judged again.
    left_out: results that stored findings cannot tell of, by reason.
    floors: of each class the least score of which findings are stored.
    shift_h: how long a shift is; hours: in so many of the clock's hours results came.
    """

    station: Station
    version: RecipeVersion
    recipe: Recipe
    results: Sequence[Result]
    left_out: int
    reasons: Sequence[Anew]
    floors: Mapping[str, float]
    said: int
    sampled: int
    shift_h: float
    hours: int

    @property
    def settings(self) -> Settings:
        return settings_of(self.recipe, self.floors)

    @property
    def per_shift(self) -> float:
        """What a number among the results is in a shift."""
        return self.shift_h / self.hours if self.hours else 0.0


def load(session: Session, station: Station, *, last: int = LAST) -> Studio:
    """The newest results of a station whose images are stored.

    Raises:
        NotFound: it has no active recipe that can be read.
        Invalid: its recipe counts what stands on a shelf, which has no threshold of this kind; or
            `last` is out of bounds.
    """
    if not 1 <= last <= MOST:
        raise Invalid("last", last, f"1 to {MOST}")
    version = session.get(RecipeVersion, station.recipe_version_id or 0)
    if version is None:
        raise NotFound("active recipe of station", station.key)
    tried = newest_stored(session, station.id, limit=last)
    recipes = recipes_by_version(session, {version.id, *(each.version_id for each in tried)})
    recipe = recipes.get(version.id)
    if recipe is None:
        raise NotFound("active recipe of station", station.key)
    if recipe.positions:
        raise Invalid("station", station.key, "one that inspects parts, not a shelf")
    befores = {
        each.version_id: recipes[each.version_id] for each in tried if each.version_id in recipes
    }
    why = {id_: why_anew(before, recipe) for id_, before in befores.items()}
    told = [each for each in tried if each.version_id in befores and not why[each.version_id]]
    reasons = dict.fromkeys(reason for found in why.values() for reason in found)
    ids = [each.inspection_id for each in told]
    known = truths(session, ids)
    drawn = _probabilities(session, ids)
    results = []
    for each in told:
        truth = known.get(each.inspection_id)
        probability = drawn.get(each.inspection_id)
        results.append(
            _result(
                each,
                befores[each.version_id],
                recipe,
                None if truth is None else truth.bad,
                1 / probability if truth is not None and probability else None,
            )
        )
    return Studio(
        station,
        version,
        recipe,
        results,
        len(tried) - len(told),
        list(reasons),
        _floors(session, recipe, [befores[each.version_id] for each in told], ids),
        len(known),
        sum(result.weight is not None for result in results),
        _shift_hours(session, station),
        len({each.captured_at.replace(minute=0, second=0, microsecond=0) for each in told}),
    )


def settings_of(recipe: Recipe, floors: Mapping[str, float]) -> dict[str, ClassSetting]:
    """A recipe's own thresholds; a score that it does not ask for is that of what is stored."""
    return {
        name: ClassSetting(
            rule.min_score if rule.min_score is not None else floors.get(name, 0.0),
            {
                quantity: Bounds(limit.warn, limit.fail)
                for quantity, limit in sorted(rule.limits.items())
            },
        )
        for name, rule in sorted(recipe.classes.items())
    }


def with_settings(recipe: Recipe, settings: Settings, floors: Mapping[str, float]) -> Recipe:
    """The recipe with other thresholds, and all else as it is.

    Raises:
        ValueError: they are no thresholds (pydantic's ValidationError).
    """
    classes = dict(recipe.classes)
    for name, setting in settings.items():
        before = classes[name]
        kept = before.min_score is None and setting.min_score <= floors.get(name, 0.0)
        classes[name] = ClassRule(
            min_score=None if kept else setting.min_score,
            limits={
                quantity: Limit(warn=bounds.warn, fail=bounds.fail)
                for quantity, bounds in setting.limits.items()
            },
        )
    return Recipe.model_validate(recipe.model_dump() | {"classes": classes})


def save(
    session: Session, studio: Studio, settings: Settings, base_id: int | None
) -> tuple[RecipeVersion, bool]:
    """Write the active version with these thresholds as the recipe's next draft.

    Raises:
        DraftedMeanwhile: there is a newer version than `base_id` by now.
        ValueError: they are no thresholds.
    """
    changed = with_settings(studio.recipe, settings, studio.floors)
    return recipe_drafts.save_draft(session, changed, base_id)


def _result(
    tried: Tried, before: Recipe, recipe: Recipe, bad: bool | None, weight: float | None
) -> Result:
    judgement = rejudge(tried.result, before, recipe)
    base = max(
        (
            _SEVERITY[each.severity]
            for each in judgement.deviations
            if each.kind not in recipe.classes
        ),
        default=PASS,
    )
    return Result([_scored(each, recipe) for each in judgement.findings], base, bad, weight)


def _scored(finding: JudgedFinding, recipe: Recipe) -> Scored:
    wanted: set[str] = set(recipe.classes[finding.class_name].limits)
    values = {}
    for each in finding.measurements:
        quantity = _quantity(each)
        if quantity in wanted:
            values[quantity] = (each.value, each.uncertainty or 0.0)
    return Scored(finding.class_name, finding.score, values)


def _quantity(measurement: Measurement) -> str:
    unit = {"px2": "px", "1": ""}.get(measurement.unit, measurement.unit)
    return f"{measurement.name}_{unit}" if unit else measurement.name


def _probabilities(session: Session, ids: Sequence[int]) -> dict[int, float]:
    rows = session.execute(
        select(ReviewItem.inspection_id, ReviewItem.probability).where(
            ReviewItem.inspection_id.in_(ids), ReviewItem.reason == ReviewReason.RANDOM.value
        )
    )
    return {row.inspection_id: float(row.probability or 0) for row in rows}


def _floors(
    session: Session, recipe: Recipe, befores: Sequence[Recipe], ids: Sequence[int]
) -> dict[str, float]:
    models = session.scalars(
        select(Inspection.model_version_id)
        .where(Inspection.id.in_(ids), Inspection.model_version_id.is_not(None))
        .distinct()
    )
    own = thresholds_of(session, {id_ for id_ in models if id_ is not None})
    return {
        name: max(
            [rule.min_score or 0.0 for each in befores if (rule := each.classes.get(name))]
            + [scores.get(name, 0.0) for scores in own.values()],
            default=0.0,
        )
        for name in recipe.classes
    }


def _shift_hours(session: Session, station: Station) -> float:
    """The mean length of the site's shifts, eight hours where it has none."""
    day = timedelta(days=1)
    spans = []
    for shift in session.scalars(select(Shift).where(Shift.site_id == station.line.site_id)):
        starts = timedelta(hours=shift.starts_at.hour, minutes=shift.starts_at.minute)
        ends = timedelta(hours=shift.ends_at.hour, minutes=shift.ends_at.minute)
        spans.append(((ends - starts) % day or day) / timedelta(hours=1))
    return sum(spans) / len(spans) if spans else _SHIFT_H
