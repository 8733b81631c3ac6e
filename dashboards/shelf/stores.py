"""A store of several aisles, for whoever is responsible for all of them."""

from __future__ import annotations

from typing import cast

from flask import Blueprint, abort, current_app, render_template, request, url_for
from flask.blueprints import BlueprintSetupState

from dashboards.coalesce import Coalesced
from dashboards.formats import show_times_in
from dashboards.permissions import needs
from dashboards.shelf.board_view import ORDERS, WORTH
from dashboards.shelf.store_view import Store, load_store
from dashboards.values import values
from db.access import Permission
from db.queries.stations import get_site
from db.queries.stores import aisles_of, ids_of

blueprint = Blueprint("stores", __name__)

_EXTENSION = "lineside-stores"
_PARTS = ("summary", "aisles", "gaps")


@blueprint.record_once
def _prepare(state: BlueprintSetupState) -> None:
    state.app.extensions[_EXTENSION] = Coalesced[Store]()


@blueprint.get("/stores/<ref>")
@needs(Permission.VIEW)
def one(ref: str) -> str:
    return render_template("store.html", **_store(ref))


@blueprint.get("/stores/<ref>/parts/<name>")
@needs(Permission.VIEW)
def part(ref: str, name: str) -> str:
    if name not in _PARTS:
        abort(404)
    return render_template(f"parts/store_{name}.html", **_store(ref))


def _store(ref: str) -> dict[str, object]:
    order = request.args.get("order", WORTH)
    if order not in ORDERS:
        abort(400, f"expected an order out of {', '.join(ORDERS)}, got {order[:80]!r}")
    its = values()
    with its.database.reads() as session:
        site = get_site(session, ref)
        site_id, aisles = site.id, ids_of(aisles_of(session, site.id))

    def read() -> Store:
        with its.database.reads() as session:
            site = get_site(session, str(site_id))
            lines = [line for line in aisles_of(session, site.id) if line.id in aisles]
            return load_store(session, site, lines, its.now(), order)

    # Shared by those alone who see the same aisles.
    stores = cast("Coalesced[Store]", current_app.extensions[_EXTENSION])
    store = stores.get((site_id, aisles, order), read)
    show_times_in(store.site.timezone)
    asked = {"order": order} if order != WORTH else {}
    return {
        "store": store,
        "floor": store.floor,
        "gaps": store.gaps,
        "several": True,
        "asked": asked,
        "back": url_for("stores.one", ref=store.site.key, order=asked.get("order")),
    }
