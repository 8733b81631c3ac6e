"""Sites, lines and stations: what is there, adding and renaming, what a station inspects by."""

from __future__ import annotations

from flask import abort, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from dashboards.formats import show_times_in
from dashboards.lab.routes import blueprint
from dashboards.lab.typed import Typed
from dashboards.permissions import needs
from dashboards.values import values
from db.access import Permission, current
from db.errors import Conflict, Invalid
from db.queries import lab_places, plant_edits, recipe_drafts, stations
from db.queries.calibrations import current_scales, to_domain

_KINDS = ("production", "shelf")
_SHOWN = 50


@blueprint.get("/stations")
@needs(Permission.LAB)
def stations_list() -> str:
    return _list(Typed({}))


@blueprint.post("/stations")
@needs(Permission.LAB)
def stations_add() -> AnyResponse | tuple[str, int]:
    """A new site, line or station, as `what` says; each has a form of its own."""
    what = request.form.get("what", "")
    # Each form's fields have its name before them, so that ids on the page are unique.
    typed = Typed(request.form)
    key, name = typed.key(f"{what}-key"), typed.line(f"{what}-name")
    if what == "site":
        timezone = typed.line("site-timezone")
    elif what == "line":
        site, kind = typed.line("line-site"), typed.one_of("line-kind", _KINDS)
    elif what == "station":
        line = typed.line("station-line")
    else:
        typed.wrong("what", _("expected a site, a line or a station"))
    if not typed.problems and what in ("site", "line"):
        _see_that_it_is_theirs(typed, what)
    if typed.problems:
        return _list(typed), 400
    try:
        with values().database.sessions.begin() as session:
            if what == "site":
                stations.create_site(session, key, name, timezone)
            elif what == "line":
                stations.create_line(session, site, key, name, kind)
            else:
                stations.create_station(session, line, key, name)
    except Conflict:
        text = _("Key: expected one that is not taken; there is one of this key already")
        typed.wrong(f"{what}-key", text)
    except Invalid as error:
        text = _("expected %(expected)s", expected=error.expected)
        typed.wrong(f"{what}-{error.field}", text)
    if typed.problems:
        return _list(typed), 400
    if what == "station":
        return redirect(url_for("lab.stations_one", station=key), code=303)
    return redirect(url_for("lab.stations_list"), code=303)


@blueprint.get("/stations/<station>")
@needs(Permission.LAB)
def stations_one(station: str) -> str:
    return _page(station)


@blueprint.post("/stations/<station>/edit")
@needs(Permission.LAB)
def stations_edit(station: str) -> AnyResponse | tuple[str, int]:
    """Another name, and another line, to which its history goes along."""
    typed = Typed(request.form)
    name, line = typed.line("name"), typed.line("line")
    if typed.problems:
        return _page(station, typed), 400
    with values().database.sessions.begin() as session:
        row = stations.get_station(session, station)
        moved = line if line != row.line.key else None
        plant_edits.edit_station(session, station, name=name, line_ref=moved)
    return redirect(url_for("lab.stations_one", station=row.key), code=303)


@blueprint.post("/stations/<station>/remove")
@needs(Permission.LAB)
def stations_remove(station: str) -> AnyResponse:
    with values().database.sessions.begin() as session:
        plant_edits.remove_station(session, station)
    return redirect(url_for("lab.stations_list"), code=303)


@blueprint.post("/lines/<line>/edit")
@needs(Permission.LAB)
def stations_edit_line(line: str) -> AnyResponse | tuple[str, int]:
    with values().database.reads() as session:
        stations.get_line(session, line)
    typed = Typed(request.form)
    name = typed.line("name")
    if typed.problems:
        return _list(typed), 400
    with values().database.sessions.begin() as session:
        plant_edits.edit_line(session, line, name=name)
    return redirect(url_for("lab.stations_list"), code=303)


@blueprint.post("/sites/<site>/edit")
@needs(Permission.LAB)
def stations_edit_site(site: str) -> AnyResponse | tuple[str, int]:
    with values().database.reads() as session:
        if not _whole_site(stations.get_site(session, site).id):
            abort(403, _("Only who sees the whole site may rename it."))
    typed = Typed(request.form)
    name = typed.line("name")
    if typed.problems:
        return _list(typed), 400
    with values().database.sessions.begin() as session:
        plant_edits.edit_site(session, site, name=name)
    return redirect(url_for("lab.stations_list"), code=303)


def _see_that_it_is_theirs(typed: Typed, what: str) -> None:
    """Who sees some lines only adds stations to these, and nothing beside them."""
    access = current()
    if access is None or access.lines is None:
        return
    if what == "site":
        typed.wrong("site-key", _("Only who sees every site may add one."))
        return
    with values().database.reads() as session:
        site = stations.get_site(session, typed["line-site"])
    if not _whole_site(site.id):
        typed.wrong("line-site", _("Only who sees the whole site may add a line to it."))


def _whole_site(site_id: int) -> bool:
    access = current()
    return access is None or access.lines is None or site_id in access.sites


def _list(typed: Typed) -> str:
    with values().database.reads() as session:
        sites = lab_places.sites_with_lines(session)
        every = [station for site in sites for line in site.lines for station in line.stations]
        active = stations.active_versions(session, every)
    return render_template("lab/stations.html", sites=sites, active=active, typed=typed)


def _page(ref: str, typed: Typed | None = None) -> str:
    now = values().now()
    with values().database.reads() as session:
        row = stations.get_station(session, ref)
        line = row.line
        show_times_in(line.site.timezone)
        active = stations.active_versions(session, [row]).get(row.id)
        before = recipe_drafts.version_before(session, row)
        activations = recipe_drafts.activations(session, row.id)
        listed = recipe_drafts.list_with_use(session)
        made = stations.list_calibrations(session, row.id, after=None, limit=_SHOWN).rows
        counts = current_scales(session, [row.id], now).get(row.id)
        lines = stations.list_lines(session, after=None, limit=500).rows
        newest = active and recipe_drafts.newest_version(session, active.recipe_id)
    return render_template(
        "lab/station.html",
        station=row,
        line=line,
        active=active,
        newest=newest,
        before=before,
        activations=activations,
        listed=listed,
        calibrations=[(each, to_domain(each)) for each in made],
        counting_id=counts.calibration_id if counts else None,
        line_options=[(each.key, each.name) for each in lines],
        typed=typed or Typed({"name": row.name, "line": line.key}),
    )
