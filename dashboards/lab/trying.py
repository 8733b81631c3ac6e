"""Trying a version on stored images, activating it, and going back to the one before."""

from __future__ import annotations

from typing import Any

from flask import abort, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from dashboards.formats import show_times_in
from dashboards.lab.recipes import differences, recipe_of
from dashboards.lab.routes import blueprint, number_asked
from dashboards.lab.try_view import try_version
from dashboards.permissions import actor_name, needs
from dashboards.values import parts, values
from db.access import Permission
from db.errors import NotFound
from db.models import RecipeVersion, Station
from db.queries import recipe_drafts, recipe_trials, recipes, stations

# As many as a person looks at; the others are counted.
_PICTURES = 24


@blueprint.get("/versions/<int:version_id>/try")
@needs(Permission.LAB)
def recipes_try(version_id: int) -> str:
    with values().database.reads() as session:
        return render_template("lab/try.html", **_tried(session, version_id))


@blueprint.get("/versions/<int:version_id>/parts/tried")
@needs(Permission.LAB)
def recipes_try_part(version_id: int) -> str:
    """The result alone, which the page reads again while a worker is at it."""
    with values().database.reads() as session:
        return render_template("lab/parts/tried.html", **_tried(session, version_id))


@blueprint.post("/versions/<int:version_id>/try")
@needs(Permission.LAB)
def recipes_try_anew(version_id: int) -> AnyResponse:
    """Ask a worker to inspect the images anew that stored findings cannot tell of."""
    with values().database.reads() as session:
        version = recipes.get_version(session, version_id)
        station = stations.get_station(session, request.form.get("station", ""))
        recipe = recipe_of(version)
        if recipe is None:
            raise NotFound("readable recipe version", version_id)
        work = parts().rejudged.within(0)
        tried = try_version(session, station.id, recipe, {}, version_id=version_id, work=work)
        anew = tried.anew
    if anew:
        with values().database.sessions.begin() as session:
            recipe_trials.ask(session, version_id, station.id, list(anew), actor_name())
    return redirect(
        url_for("lab.recipes_try", version_id=version_id, station=station.key), code=303
    )


@blueprint.get("/versions/<int:version_id>/activate")
@needs(Permission.LAB)
def recipes_activate(version_id: int) -> str:
    """What changes at a station where a version is activated: the page that asks once more."""
    with values().database.reads() as session:
        shown = _tried(session, version_id)
        station = shown["station"]
        if station is None:
            abort(404)
        active = stations.active_versions(session, [station]).get(station.id)
    shown |= {
        "active": active,
        "changes": differences(active, shown["version"]) if active else [],
        "problem": "",
    }
    return render_template("lab/activate.html", **shown)


@blueprint.post("/versions/<int:version_id>/activate")
@needs(Permission.LAB)
def recipes_do_activate(version_id: int) -> AnyResponse | tuple[str, int]:
    seen = request.form.get("seen", "")
    with values().database.sessions.begin() as session:
        station = stations.get_station(session, request.form.get("station", ""))
        if str(station.recipe_version_id or "") != seen:
            text = _(
                "Somebody else has activated another version at this station since this page was"
                " opened. Nothing was changed; look at what would change now."
            )
            active = stations.active_versions(session, [station]).get(station.id)
            shown = _tried(session, version_id, station_ref=station.key) | {"active": active}
            shown["changes"] = differences(active, shown["version"]) if active else []
            return render_template("lab/activate.html", problem=text, **shown), 409
        recipes.activate(session, str(station.id), version_id)
        event = {"type": "station", "station_id": station.id}
    values().events.publish(event)
    return redirect(url_for("lab.stations_one", station=station.key), code=303)


def _tried(session: Session, version_id: int, *, station_ref: str | None = None) -> dict[str, Any]:
    version = recipes.get_version(session, version_id)
    ref = station_ref or request.args.get("station", "")
    places = _stations(session, version)
    station = stations.get_station(session, ref) if ref else (places[0] if places else None)
    recipe = recipe_of(version)
    trial = job = None
    if station is not None and recipe is not None:
        show_times_in(station.line.site.timezone)
        job = recipe_trials.newest(session, version_id, station.id)
        inspected = recipe_trials.results_of(job) if job else {}
        work = parts().rejudged.within(values().lab.try_s)
        trial = try_version(
            session, station.id, recipe, inspected, version_id=version_id, work=work
        )
    return {
        "version": version,
        "name": version.recipe.name,
        "station": station,
        "places": places,
        "recipe": recipe,
        "trial": trial,
        "job": job,
        "pictures": _PICTURES,
    }


def _stations(session: Session, version: RecipeVersion) -> list[Station]:
    """Where a version may be tried: the stations that use the recipe first, then the others."""
    of_recipe = {each.id for each in recipe_drafts.versions_of(session, version.recipe.name)}
    found = stations.list_stations(session, after=None, limit=500).rows
    return sorted(found, key=lambda each: (each.recipe_version_id not in of_recipe, each.key))


@blueprint.get("/stations/<station>/choose")
@needs(Permission.LAB)
def stations_choose(station: str) -> AnyResponse:
    """From the list of recipes on a station's page to what that one would change there."""
    with values().database.reads() as session:
        stations.get_station(session, station)
    version_id = number_asked("version")
    if version_id is None:
        abort(400, "expected version=ID")
    return redirect(url_for("lab.recipes_activate", version_id=version_id, station=station))
