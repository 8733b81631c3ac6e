"""The list to walk with, along one aisle or through the whole store."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request, url_for
from sqlalchemy.orm import Session

from dashboards.formats import show_times_in
from dashboards.permissions import needs
from dashboards.shelf.walk_view import Walk, load_walk
from dashboards.values import values
from db.access import Permission
from db.models import Line
from db.queries.stations import get_line, get_site
from db.queries.stores import aisles_of

blueprint = Blueprint("walks", __name__)


@blueprint.get("/shelves/<ref>/walk")
@needs(Permission.VIEW)
def line(ref: str) -> str:
    return render_template("walk.html", **_along_line(ref))


@blueprint.get("/shelves/<ref>/walk/part")
@needs(Permission.VIEW)
def line_part(ref: str) -> str:
    return render_template("parts/walk.html", **_along_line(ref))


@blueprint.get("/stores/<ref>/walk")
@needs(Permission.VIEW)
def store(ref: str) -> str:
    return render_template("walk.html", **_through_store(ref))


@blueprint.get("/stores/<ref>/walk/part")
@needs(Permission.VIEW)
def store_part(ref: str) -> str:
    return render_template("parts/walk.html", **_through_store(ref))


def _along_line(ref: str) -> dict[str, object]:
    with values().database.reads() as session:
        here = get_line(session, ref)
        if here.kind != "shelf":
            abort(404)
        walk = _walk(session, [here])
        home = url_for("shelves.board", ref=here.key)
    return _shown(walk, "walks.line", here.key, here.name, home)


def _through_store(ref: str) -> dict[str, object]:
    with values().database.reads() as session:
        site = get_site(session, ref)
        aisles = aisles_of(session, site.id)
        if not aisles:
            abort(404)
        walk = _walk(session, aisles)
        home = url_for("stores.one", ref=site.key)
    return _shown(walk, "walks.store", site.key, site.name, home)


def _walk(session: Session, aisles: list[Line]) -> Walk:
    asked = request.args.get("gap")
    if asked is not None and not (asked.isascii() and asked.isdigit() and len(asked) < 19):
        abort(400, f"expected gap=NUMBER, got {asked[:80]!r}")
    gap_id = int(asked) if asked is not None else None
    return load_walk(session, aisles[0].site, aisles, gap_id, values().now())


def _shown(walk: Walk, endpoint: str, ref: str, name: str, home: str) -> dict[str, object]:
    show_times_in(walk.floor.site.timezone)

    def address(gap: object = None) -> str:
        its = getattr(getattr(gap, "discrepancy", None), "id", None)
        return url_for(endpoint, ref=ref, gap=its)

    return {
        "walk": walk,
        "floor": walk.floor,
        "name": name,
        "home": home,
        "address": address,
        "part": url_for(
            f"{endpoint}_part", ref=ref, gap=walk.current.discrepancy.id if walk.current else None
        ),
    }
