"""The page of one station: its newest image or a chosen one, findings, and the last fifty."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, render_template, request

from dashboards.formats import show_times_in
from dashboards.freshness import judge_age
from dashboards.line_view import shown_verdict
from dashboards.marks import outlines
from dashboards.values import values
from db.errors import NotFound
from db.models import Inspection
from db.queries import boards, counts
from db.queries.inspections import get_inspection
from db.queries.shifts import current_window
from db.queries.stations import active_versions, get_station

blueprint = Blueprint("stations", __name__)

STRIP = 50
# So far back deviating inspections are looked for; where they are rare, that is far enough.
_DEVIATING_SINCE = timedelta(days=7)


@dataclass(frozen=True)
class Walk:
    """Where ← and → lead from the inspection that is shown."""

    older: int | None
    newer: int | None
    pinned: bool  # one was chosen, so that a newer result does not replace it


@blueprint.get("/stations/<ref>")
def one(ref: str) -> str:
    return render_template("station.html", **_shown(ref))


@blueprint.get("/stations/<ref>/parts/now")
def part(ref: str) -> str:
    return render_template("parts/station.html", **_shown(ref))


def _shown(ref: str) -> dict[str, Any]:
    chosen, only = _number("inspection"), request.args.get("only", "")
    if only not in ("", "deviating"):
        abort(400, f"expected only=deviating, got {only[:80]!r}")
    now = values().now()
    with values().database.reads() as session:
        station = get_station(session, ref)
        line, site = station.line, station.line.site
        show_times_in(site.timezone)
        window = current_window(session, site, now)
        strip = boards.newest_inspections(
            session,
            station.id,
            since=now - _DEVIATING_SINCE if only else None,
            only_deviating=bool(only),
            limit=STRIP,
        )
        inspection_id = chosen or (strip[0].id if strip else None)
        view = get_inspection(session, inspection_id) if inspection_id else None
        if view is not None and view.inspection.station_id != station.id:
            raise NotFound("inspection of this station", inspection_id)
        cameras = boards.cameras_of(session, [station.id]).get(station.id, ())
        active = active_versions(session, [station]).get(station.id)
        stored = boards.images_of(session, {each.id for each in strip} | {inspection_id or 0})
        tally = counts.counts_in(session, [station.id], window)[station.id]
        waiting = counts.waiting(session, [station.id]).get(station.id, 0)
        unresolved = boards.open_discrepancies(session, [station.id], limit=6)
        recipe_name = active.recipe.name if active else None
        inspection = view.inspection if view else None
        age = judge_age(inspection.captured_at if inspection else None, cameras, now)
        newest = inspection is not None and chosen is None
        return {
            "station": station,
            "line": line,
            "site": site,
            "window": window,
            "strip": strip,
            "stored": stored,
            "view": view,
            "inspection": inspection,
            "verdict": shown_verdict(inspection, age.freshness)
            if newest or inspection is None
            else inspection.verdict,
            "freshness": age.freshness,
            "changes_at": age.changes_at if newest else None,
            "outlines": outlines(inspection.findings) if inspection else [],
            "cameras": cameras,
            "active": active,
            "recipe_name": recipe_name,
            "counts": tally,
            "waiting": waiting,
            "unresolved": unresolved,
            "walk": _walk(strip, inspection_id, pinned=chosen is not None),
            "only": only,
        }


def _walk(strip: Sequence[Inspection], inspection_id: int | None, *, pinned: bool) -> Walk:
    ids = [each.id for each in strip]
    if inspection_id not in ids:
        return Walk(None, ids[0] if ids else None, pinned)
    place = ids.index(inspection_id)
    older = ids[place + 1] if place + 1 < len(ids) else None
    newer = ids[place - 1] if place else None
    return Walk(older, newer, pinned)


def _number(name: str) -> int | None:
    text = request.args.get(name)
    if not text:
        return None
    if not text.isdecimal() or len(text) > 18:
        abort(400, f"expected {name}=ID, got {text[:80]!r}")
    return int(text)
