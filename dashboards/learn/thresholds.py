"""The threshold studio: what other thresholds would have done to the newest stored results."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from pydantic import ValidationError
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from dashboards.lab.routes import blueprint, number_asked
from dashboards.permissions import needs
from dashboards.values import values
from db.access import Permission
from db.errors import DomainError, Invalid
from db.queries import lab_places, recipe_drafts, stations, threshold_results
from db.queries.recipe_drafts import DraftedMeanwhile
from db.queries.threshold_results import LAST, Studio
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

_STEPS = 200


@blueprint.get("/thresholds")
@needs(Permission.LAB)
def thresholds() -> str:
    with values().database.reads() as session:
        sites = lab_places.sites_with_lines(session)
        active = stations.active_versions(
            session, [each for site in sites for line in site.lines for each in line.stations]
        )
        return render_template("learn/thresholds.html", sites=sites, active=active)


@blueprint.get("/stations/<station>/thresholds")
@needs(Permission.LAB)
def thresholds_one(station: str) -> AnyResponse | str | tuple[str, int]:
    """The settings of the address, held against the active ones; without any, these."""
    with values().database.reads() as session:
        row = stations.get_station(session, station)
        try:
            studio = threshold_results.load(session, row, last=_last())
        except DomainError as error:
            return render_template("learn/thresholds_none.html", station=row, error=error), 409
        settings, problem = _asked(studio, request.args)
        return _page(session, studio, settings, problem)


@blueprint.get("/stations/<station>/thresholds/results")
@needs(Permission.LAB)
def thresholds_results(station: str) -> Response:
    """The results for the browser to count from, once."""
    with values().database.reads() as session:
        row = stations.get_station(session, station)
        studio = threshold_results.load(session, row, last=_last())
        return jsonify(as_json(studio))


@blueprint.post("/stations/<station>/thresholds")
@needs(Permission.LAB)
def thresholds_save(station: str) -> AnyResponse | tuple[str, int]:
    """Save the settings as the recipe's next draft."""
    base = request.form.get("base", "")
    base_id = int(base) if base.isascii() and base.isdecimal() and len(base) < 19 else 0
    with values().database.reads() as session:
        row = stations.get_station(session, station)
        studio = threshold_results.load(session, row)
        settings, problem = _asked(studio, request.form)
        if problem:
            return _page(session, studio, settings, problem), 400
    try:
        with values().database.sessions.begin() as session:
            version, _is_new = threshold_results.save(session, studio, settings, base_id)
        return redirect(url_for("lab.recipes_version", version_id=version.id), code=303)
    except DraftedMeanwhile as error:
        problem = _(
            "Not saved: version %(n)s of the recipe was saved meanwhile. Save again to have these"
            " thresholds as the version after it.",
            n=error.newest.version,
        )
        status = 409
    except ValidationError as invalid:
        problem, status = "; ".join(each["msg"] for each in invalid.errors()), 400
    with values().database.reads() as session:
        row = stations.get_station(session, station)
        studio = threshold_results.load(session, row)
        return _page(session, studio, settings, problem), status


def as_json(studio: Studio) -> dict[str, Any]:
    """What `thresholds.js` reads. Of a finding: class, score, then value and uncertainty each."""
    before = studio.settings
    classes = list(before)
    quantities = {name: [q for q in before[name].limits if q != "count"] for name in classes}
    nothing = (None, 0.0)
    return {
        "classes": classes,
        "quantities": [quantities[name] for name in classes],
        "before": [
            {
                "score": setting.min_score,
                "limits": {
                    quantity: {"warn": bounds.warn, "fail": bounds.fail}
                    for quantity, bounds in setting.limits.items()
                },
            }
            for setting in before.values()
        ],
        "guard_k": studio.recipe.decision.guard_k,
        "per_shift": studio.per_shift,
        "rows": [
            [
                each.base,
                None if each.bad is None else int(each.bad),
                each.weight,
                [
                    [
                        classes.index(found.class_name),
                        found.score,
                        *(
                            number
                            for quantity in quantities[found.class_name]
                            for number in found.values.get(quantity, nothing)
                        ),
                    ]
                    for found in each.findings
                ],
            ]
            for each in studio.results
        ],
    }


def _page(session: Session, studio: Studio, settings: Settings, problem: str) -> str:
    rejects = FAIL if request.values.get("rejects") == "fail" else WARN
    before = studio.settings
    outcome = compare(
        studio.results, before, settings, studio.recipe.decision.guard_k, rejects=rejects
    )
    newest = recipe_drafts.newest_version(session, studio.version.recipe_id)
    return render_template(
        "learn/studio.html",
        studio=studio,
        before=before,
        settings=settings,
        outcome=outcome,
        false_calls=_words(scaled(outcome.false_calls, studio.per_shift)),
        escapes=_words(scaled(outcome.escapes, studio.per_shift)),
        newest=newest,
        problem=problem,
        rejects="fail" if rejects == FAIL else "warn",
        most=_most(studio),
        steps=_STEPS,
        last=_last(),
    )


def _asked(studio: Studio, given: MultiDict[str, str]) -> tuple[Settings, str]:
    """The settings that a form or address names, and what is wrong with them."""
    settings, problem = {}, ""
    for name, rule in studio.settings.items():
        try:
            score = _number(given, f"score:{name}", rule.min_score)
            if score is None or not 0 <= score <= 1:
                raise Invalid(f"score of {name}", score, "a number from 0 to 1")
            limits = {}
            for quantity, bounds in rule.limits.items():
                warn = _number(given, f"warn:{name}:{quantity}", bounds.warn)
                fail = _number(given, f"fail:{name}:{quantity}", bounds.fail)
                at = f"{quantity} of {name}"
                if warn is None and fail is None:
                    raise Invalid(at, "", "warn, fail or both")
                if warn is not None and fail is not None and warn > fail:
                    raise Invalid(at, f"{warn:g} and {fail:g}", "warn not above fail")
                limits[quantity] = Bounds(warn, fail)
            settings[name] = ClassSetting(score, limits)
        except Invalid as error:
            settings[name], problem = rule, str(error)
    return settings, problem


def _number(given: MultiDict[str, str], key: str, otherwise: float | None) -> float | None:
    """What was typed; empty where a field was emptied, `otherwise` where there was none."""
    text = given.get(key)
    if text is None:
        return otherwise
    text = text.strip().replace(",", ".")
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        raise Invalid(key, text[:80], "a number") from None
    if not 0 <= number < 1e9:
        raise Invalid(key, text[:80], "a number of 0 or more")
    return number


def _most(studio: Studio) -> dict[tuple[str, str], float]:
    """How far each limit's slider goes: a little beyond what was seen, and the limit itself."""
    found = {}
    for name, setting in studio.settings.items():
        for quantity, bounds in setting.limits.items():
            if quantity == "count":
                seen = [
                    float(sum(each.class_name == name for each in result.findings))
                    for result in studio.results
                ]
            else:
                seen = [
                    each.values[quantity][0]
                    for result in studio.results
                    for each in result.findings
                    if each.class_name == name and quantity in each.values
                ]
            limit = max(bounds.warn or 0.0, bounds.fail or 0.0)
            found[name, quantity] = max([1.5 * limit, *(1.05 * value for value in seen), 1.0])
    return found


def _last() -> int:
    asked = number_asked("last")
    return LAST if asked is None else asked


def _words(number: Number) -> tuple[str, str]:
    """The change and its interval, as `thresholds.js` writes them."""
    return _change(number.value), f"{_signed(number.low)} … {_signed(number.high)}"


def _change(value: float | None) -> str:
    if value is None:
        return str(_("not known"))
    rounded = _rounded(abs(value))
    if float(rounded) == 0:
        return str(_("none more or fewer"))
    return str(_("%(n)s fewer", n=rounded) if value < 0 else _("%(n)s more", n=rounded))


def _signed(value: float) -> str:
    text = _rounded(abs(value))
    if float(text) == 0:
        return "0"
    return f"−{text}" if value < 0 else f"+{text}"


def _rounded(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}".removesuffix(".0")
