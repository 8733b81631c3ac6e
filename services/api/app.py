"""The REST API as a Flask app. It serves no page and asks for no cookie."""

from flask_openapi3.models.info import Info
from pydantic import ValidationError
from werkzeug.middleware.proxy_fix import ProxyFix

from inspection.image_file import MAX_BYTES
from inspection.recipe import Recipe
from services.api import auth, document, headers, health, problems
from services.api.auth import GuardedApi
from services.api.invalid import InvalidRequest
from services.api.requests import LoudRequest
from services.api.values import EXTENSION, ApiValues
from services.api.views import (
    acquisitions,
    alert_channels,
    alert_rules,
    alerts,
    audit_log,
    calibrations,
    cameras,
    dataset_snapshots,
    dead_letters,
    discrepancies,
    frames,
    gate_runs,
    inspections,
    label_exchange,
    labelled_images,
    ledger,
    lines,
    models,
    products,
    promotions,
    quality,
    quality_charts,
    recipes,
    registered_models,
    review_items,
    reviews,
    shadows,
    shifts,
    sites,
    stations,
    thresholds,
    tokens,
    training_runs,
    watching,
)

_FORM_AROUND_BYTES = 64 * 1024
_RESOURCES = (
    sites,
    shifts,
    lines,
    stations,
    calibrations,
    cameras,
    products,
    recipes,
    frames,
    acquisitions,
    inspections,
    reviews,
    review_items,
    thresholds,
    discrepancies,
    dead_letters,
    alerts,
    alert_channels,
    alert_rules,
    ledger,
    quality,
    quality_charts,
    labelled_images,
    label_exchange,
    models,
    dataset_snapshots,
    training_runs,
    registered_models,
    gate_runs,
    promotions,
    tokens,
    audit_log,
    shadows,
    watching,
)


def build_app(values: ApiValues) -> GuardedApi:
    """Build the app around what it works with; opens no connection by itself."""
    app = GuardedApi(
        "services.api",
        info=Info(
            title="Lineside",
            version="1",
            description="Cameras in, verdicts and discrepancies out.",
        ),
        security_schemes={
            "bearer": {
                "type": "http",
                "scheme": "bearer",
                "description": "A token of `lineside token create` or POST /api/v1/tokens, or this"
                " installation's own, in the file api-token of the data folder. Each operation"
                " says which permission it asks for.",
            }
        },
        validation_error_model=problems.Problem,
        validation_error_callback=_refuse,
        doc_ui=False,
        static_folder=None,
    )
    app.request_class = LoudRequest
    if values.behind_front:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]
    app.extensions[EXTENSION] = values
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BYTES + _FORM_AROUND_BYTES,
        MAX_FORM_MEMORY_SIZE=_FORM_AROUND_BYTES,
        MAX_FORM_PARTS=16,
    )
    problems.register(app)
    auth.register(app)
    headers.register(app)
    app.register_api(health.blueprint)
    for resource in _RESOURCES:
        app.register_api(resource.blueprint)
    document.serve(
        app,
        (frames.PushedFrame, registered_models.UploadForm, label_exchange.ImportQuestion, Recipe),
    )
    return app


def _refuse(error: ValidationError) -> InvalidRequest:
    raise problems.from_validation(error)
