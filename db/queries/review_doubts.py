"""How near the findings of inspections lie to their thresholds and limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Finding, MeasurementRow, ModelVersion, RecipeVersion
from inspection.ranking import limit_uncertainty, score_uncertainty
from inspection.recipe import Recipe


@dataclass(frozen=True)
class Doubt:
    """What of an inspection is nearest to being another verdict. Uncertainty 0 to 1."""

    uncertainty: float
    class_name: str
    detail: str


def doubts_of(session: Session, versions: Mapping[int, tuple[int, int | None]]) -> dict[int, Doubt]:
    """The greatest doubt of each inspection that has any, in four queries.

    What a model saw below its own threshold is stored nowhere, so that a picture with nothing on
    it is never uncertain here.

    Args:
        versions: by inspection, its recipe version and its model version.
    """
    recipes = _recipes(session, {recipe for recipe, _ in versions.values()})
    models = thresholds_of(session, {model for _, model in versions.values() if model is not None})
    found: dict[int, Doubt] = {}

    def add(inspection_id: int, doubt: Doubt) -> None:
        if doubt.uncertainty > 0 and (
            inspection_id not in found or found[inspection_id].uncertainty < doubt.uncertainty
        ):
            found[inspection_id] = doubt

    classes: dict[int, str] = {}
    for id_, inspection_id, name, score in session.execute(
        select(Finding.id, Finding.inspection_id, Finding.class_name, Finding.score).where(
            Finding.inspection_id.in_(versions)
        )
    ):
        classes[id_] = name
        recipe_id, model_id = versions[inspection_id]
        recipe = recipes.get(recipe_id)
        own = models.get(model_id or 0, {}).get(name)
        rule = recipe.classes.get(name) if recipe is not None else None
        asked = rule.min_score if rule is not None else None
        threshold = max((each for each in (own, asked) if each is not None), default=None)
        if threshold is not None:
            detail = f"score {score:.2f}, kept from {threshold:.2f} on"
            add(inspection_id, Doubt(score_uncertainty(score, threshold), name, detail))
    rows = session.execute(
        select(
            MeasurementRow.inspection_id,
            MeasurementRow.finding_id,
            MeasurementRow.name,
            MeasurementRow.place,
            MeasurementRow.value,
            MeasurementRow.unit,
            MeasurementRow.uncertainty,
            MeasurementRow.warn_limit,
            MeasurementRow.fail_limit,
        ).where(MeasurementRow.inspection_id.in_(versions), MeasurementRow.uncertainty.is_not(None))
    )
    for row in rows:
        recipe = recipes.get(versions[row.inspection_id][0])
        if recipe is None:
            continue
        k = recipe.decision.guard_k
        for limit in (row.warn_limit, row.fail_limit):
            if limit is None:
                continue
            near = limit_uncertainty(row.value, limit, row.uncertainty, k)
            detail = f"{row.name} {row.value:.4g} {row.unit}, limit {limit:g} {row.unit}"
            add(row.inspection_id, Doubt(near, classes.get(row.finding_id, row.place), detail))
    return found


def _recipes(session: Session, ids: set[int]) -> dict[int, Recipe]:
    found = {}
    for id_, body in session.execute(
        select(RecipeVersion.id, RecipeVersion.body).where(RecipeVersion.id.in_(ids))
    ):
        try:
            found[id_] = Recipe.model_validate(body)
        except ValidationError:
            continue  # an older Lineside's, which this one does not read
    return found


def thresholds_of(session: Session, ids: set[int]) -> dict[int, dict[str, float]]:
    """The least score of each class, by model version; what a manifest does not say is left out."""
    found: dict[int, dict[str, float]] = {}
    for id_, manifest in session.execute(
        select(ModelVersion.id, ModelVersion.manifest).where(ModelVersion.id.in_(ids))
    ):
        thresholds = manifest.get("thresholds")
        if isinstance(thresholds, dict):
            found[id_] = {
                name: float(each["score"])
                for name, each in thresholds.items()
                if isinstance(each, dict) and isinstance(each.get("score"), int | float)
            }
    return found
