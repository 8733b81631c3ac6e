"""The pages as a Flask app: server-rendered, with a little JavaScript of its own and no other's."""

from flask import Flask, Response
from werkzeug.middleware.proxy_fix import ProxyFix

from dashboards import (
    assets,
    audit_log,
    boards,
    decisions,
    detail_words,
    discrepancies,
    errors,
    formats,
    guard,
    inspection_list,
    inspections,
    language,
    learn,
    limits,
    live,
    stations,
)
from dashboards.alerts import channels as alert_channels
from dashboards.alerts import log as alert_log
from dashboards.alerts import rules as alert_rules
from dashboards.coalesce import Coalesced
from dashboards.hub import EventHub
from dashboards.lab.rejudged import Rejudged
from dashboards.people import account, identity, oidc, second_factor, signing_in, tokens
from dashboards.people import pages as people
from dashboards.permissions import for_everybody
from dashboards.pictures import Pictures
from dashboards.quality import charts, reports
from dashboards.shelf import boards as shelves
from dashboards.shelf import gap_actions, stores, walks
from dashboards.shelf import history as shelf_history
from dashboards.values import EXTENSION, DashboardValues, Parts, values_from_settings
from db.queries.sign_ins import DEVICE_LASTS

_PAGES = (
    signing_in,
    account,
    second_factor,
    people,
    tokens,
    audit_log,
    boards,
    shelves,
    gap_actions,
    walks,
    shelf_history,
    stores,
    stations,
    inspection_list,
    inspections,
    decisions,
    discrepancies,
    alert_rules,
    alert_channels,
    alert_log,
    charts,
    reports,
    learn,  # the lab with all that learns: they share a blueprint
    live,
)
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
        SECRET_KEY=values.secret_key,
        SESSION_COOKIE_NAME="__Host-lineside" if values.tls else "lineside",
        SESSION_COOKIE_SECURE=values.tls,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        # Of devices; a person's cookie ends with the browser, and all end in the database.
        PERMANENT_SESSION_LIFETIME=DEVICE_LASTS,
        # A board stays open for days, and its forms with it: a token lasts as its session does.
        WTF_CSRF_TIME_LIMIT=None,
    )
    if values.tls:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.extensions[EXTENSION] = Parts(
        values=values,
        hub=EventHub(values.redis_url),
        pictures=Pictures(values.store),
        line_boards=Coalesced(),
        shelf_boards=Coalesced(),
        homes=Coalesced(),
        station_pages=Coalesced(),
        rejudged=Rejudged(),
    )
    guard.register(app)
    limits.register(app)
    identity.register(app)
    language.register(app)
    errors.register(app)
    formats.register(app)
    detail_words.register(app)
    assets.register(app)
    audit_log.register(app)
    for pages in _PAGES:
        app.register_blueprint(pages.blueprint)
    oidc.register(app, values.oidc)
    app.add_url_rule("/healthz", view_func=for_everybody(_healthz))
    return app


def _healthz() -> Response:
    return Response("ok\n", mimetype="text/plain")
