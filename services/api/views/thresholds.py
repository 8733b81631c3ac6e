"""The threshold studio: what other thresholds would have done to stored results."""

from typing import Annotated, Literal

from flask import Response
from pydantic import Field, ValidationError

from db.access import Permission
from db.errors import Conflict, Invalid
from db.queries import recipe_drafts, threshold_results
from db.queries.recipe_drafts import DraftedMeanwhile
from db.queries.stations import get_station
from db.queries.threshold_results import LAST, MOST, Studio
from inspection.rejudging import Anew
from inspection.threshold_curves import (
    FAIL,
    WARN,
    Bounds,
    ClassSetting,
    Number,
    Settings,
    compare,
    scaled,
)
from services.api.answers import answer
from services.api.fields import Body, Id, Output, RefPath, Whole
from services.api.permissions import needs
from services.api.problems import responses
from services.api.resource import make_blueprint
from services.api.values import values

blueprint = make_blueprint("thresholds", "Other thresholds over stored results.")

Amount = Annotated[float, Field(ge=0, lt=1e9)]


class LimitIn(Body):
    warn: Amount | None = None
    fail: Amount | None = None


class ClassIn(Body):
    min_score: float | None = Field(None, ge=0, le=1, description="None: as it is now.")
    limits: dict[str, LimitIn] = Field(
        default_factory=dict, max_length=20, description="Of quantities that the recipe limits."
    )


class WhatIf(Body):
    classes: dict[str, ClassIn] = Field(max_length=500, description="Others stay as they are.")
    rejects: Literal["warn", "fail"] = Field("warn", description="What stops a part.")
    last: Annotated[int, Field(ge=1, le=MOST), Whole] = LAST


class Draft(Body):
    classes: dict[str, ClassIn] = Field(max_length=500)
    base_version_id: Id | None = Field(
        None, description="The recipe's newest version that you know; 409 where there is a newer."
    )


class NumberOut(Output):
    value: float | None = Field(description="None: only the bounds are known.")
    low: float
    high: float


class OutcomeOut(Output):
    version_id: int = Field(description="The active one, from which is counted.")
    results: int
    left_out: int = Field(description="Results of which stored findings do not tell.")
    reasons: list[Anew]
    said: int = Field(description="Of so many people have said what is so.")
    sampled: int = Field(description="Of these, drawn at random.")
    shift_h: float
    floors: dict[str, float] = Field(
        description="Findings scored lower are stored nowhere: lower thresholds bring none back."
    )
    rejected_before: int
    rejected_after: int
    released: int
    stopped: int
    false_calls: NumberOut = Field(description="More among the results; negative: fewer.")
    escapes: NumberOut
    false_calls_a_shift: NumberOut
    escapes_a_shift: NumberOut


class DraftOut(Output):
    version_id: int
    recipe: str
    version: int


@blueprint.post(
    "/stations/<ref>/thresholds", responses=responses({200: OutcomeOut}, 400, 404, 413, 415)
)
@needs(Permission.LAB)
def count_thresholds(path: RefPath, body: WhatIf) -> Response:
    """Count what other thresholds would have done to the newest results. Changes nothing."""
    with values().database.reads() as session:
        studio = threshold_results.load(session, get_station(session, path.ref), last=body.last)
    found = compare(
        studio.results,
        studio.settings,
        _settings(studio, body.classes),
        studio.recipe.decision.guard_k,
        rejects=FAIL if body.rejects == "fail" else WARN,
    )
    return answer(
        OutcomeOut(
            version_id=studio.version.id,
            results=found.results,
            left_out=studio.left_out,
            reasons=list(studio.reasons),
            said=studio.said,
            sampled=studio.sampled,
            shift_h=studio.shift_h,
            floors=dict(studio.floors),
            rejected_before=found.rejected_before,
            rejected_after=found.rejected_after,
            released=found.released,
            stopped=found.stopped,
            false_calls=_number(found.false_calls),
            escapes=_number(found.escapes),
            false_calls_a_shift=_number(scaled(found.false_calls, studio.per_shift)),
            escapes_a_shift=_number(scaled(found.escapes, studio.per_shift)),
        )
    )


@blueprint.post(
    "/stations/<ref>/threshold-drafts",
    responses=responses({200: DraftOut, 201: DraftOut}, 400, 404, 409, 413, 415),
)
@needs(Permission.LAB)
def draft_thresholds(path: RefPath, body: Draft) -> Response:
    """Save the active version with other thresholds as its recipe's next draft.

    200 where the newest version says the same already.
    """
    with values().database.sessions.begin() as session:
        studio = threshold_results.load(session, get_station(session, path.ref))
        settings = _settings(studio, body.classes)
        newest = recipe_drafts.newest_version(session, studio.version.recipe_id)
        base = body.base_version_id or (newest.id if newest else None)
        try:
            row, is_new = threshold_results.save(session, studio, settings, base)
        except DraftedMeanwhile as error:
            raise Conflict("recipe", str(error)) from error
        except ValidationError as error:
            raise Invalid("classes", "", error.errors()[0]["msg"]) from error
        found = DraftOut(version_id=row.id, recipe=studio.recipe.name, version=row.version)
    location = f"/api/v1/recipe-versions/{found.version_id}"
    return answer(found, 201 if is_new else 200, headers={"Location": location})


def _settings(studio: Studio, classes: dict[str, ClassIn]) -> Settings:
    """The active settings, changed. Raises Invalid where the recipe has no such class or limit."""
    settings = dict(studio.settings)
    for name, wanted in classes.items():
        before = settings.get(name)
        if before is None:
            raise Invalid("classes", name[:100], f"one of {', '.join(sorted(settings))}")
        limits = dict(before.limits)
        for quantity, limit in wanted.limits.items():
            if quantity not in limits:
                raise Invalid(f"limits of {name}", quantity[:80], f"one of {', '.join(limits)}")
            if limit.warn is None and limit.fail is None:
                raise Invalid(f"{quantity} of {name}", "nothing", "warn, fail or both")
            if limit.warn is not None and limit.fail is not None and limit.warn > limit.fail:
                raise Invalid(f"{quantity} of {name}", limit.warn, "warn not above fail")
            limits[quantity] = Bounds(limit.warn, limit.fail)
        score = before.min_score if wanted.min_score is None else wanted.min_score
        settings[name] = ClassSetting(score, limits)
    return settings


def _number(number: Number) -> NumberOut:
    return NumberOut.model_validate(number)
