"""The pages as a Flask app: server-rendered, with a little JavaScript of its own and no other's."""

from flask import Flask, Response

from dashboards import (
    assets,
    boards,
    discrepancies,
    errors,
    formats,
    guard,
    inspections,
    live,
    stations,
)
from dashboards.coalesce import Coalesced
from dashboards.hub import EventHub
from dashboards.pictures import Pictures
from dashboards.values import EXTENSION, DashboardValues, Parts, values_from_settings

# A form here carries a note of a thousand characters at most.
_MAX_FORM_BYTES = 64 * 1024


def create_app(values: DashboardValues | None = None) -> Flask:
    """Build the app around what it works with (None: what the environment names).

    Opens no connection by itself: the first request that needs one does.
    """
    values = values or values_from_settings()
    app = Flask(__name__, static_folder=None)
    app.config.update(
        MAX_CONTENT_LENGTH=_MAX_FORM_BYTES,
        MAX_FORM_MEMORY_SIZE=_MAX_FORM_BYTES,
        MAX_FORM_PARTS=16,
    )
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.extensions[EXTENSION] = Parts(
        values=values,
        hub=EventHub(values.redis_url),
        pictures=Pictures(values.store),
        line_boards=Coalesced(),
        shelf_boards=Coalesced(),
    )
    guard.register(app)
    errors.register(app)
    formats.register(app)
    assets.register(app)
    for pages in (boards, stations, inspections, discrepancies, live):
        app.register_blueprint(pages.blueprint)
    app.add_url_rule("/healthz", view_func=_healthz)
    return app


def _healthz() -> Response:
    return Response("ok\n", mimetype="text/plain")
