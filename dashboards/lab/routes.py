"""The lab's blueprint: what its pages share."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, request
from flask_babel import gettext as _

from dashboards.people.identity import here
from db.access import Permission
from inspection.model_intake import MAX_ARCHIVE_BYTES

blueprint = Blueprint("lab", __name__, url_prefix="/lab")

# A recipe for a shelf of a thousand positions is 200 kB, and its form has ten fields for each.
_MOST_BYTES = 2_000_000
_MOST_PARTS = 12_000


@blueprint.url_value_preprocessor
def _allow_large_forms(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Before anything reads the form, the guard against foreign forms included."""
    large = _endpoint == "lab.models_upload" and _may_send_models()
    request.max_content_length = MAX_ARCHIVE_BYTES if large else _MOST_BYTES
    request.max_form_memory_size = _MOST_BYTES
    request.max_form_parts = _MOST_PARTS


def _may_send_models() -> bool:
    """Whether who asks is let in at all: nobody else has so much taken in."""
    somebody = here()
    return somebody is not None and somebody.may(Permission.LAB) and not somebody.must_set_up


@blueprint.context_processor
def _sections() -> dict[str, Any]:
    # Endpoints are named after their section: `recipes_edit` is a page of `recipes`.
    endpoint = (request.endpoint or "").removeprefix("lab.")
    return {
        "sections": (
            ("stations_list", _("Stations")),
            ("cameras", _("Cameras")),
            ("recipes", _("Recipes")),
            ("planograms", _("Planograms")),
            ("models", _("Models")),
            ("queue", _("Review queue")),
            ("labels_list", _("Labels")),
            ("thresholds", _("Thresholds")),
            ("snapshots_list", _("Snapshots")),
            ("training", _("Training")),
            ("shadows_list", _("Shadows")),
            ("watching", _("Watching")),
            ("health", _("Health")),
        ),
        "section": endpoint.partition("_")[0],
    }


def number_asked(name: str) -> int | None:
    """A number in the address, None where there is none; anything else is refused."""
    text = request.args.get(name, "")
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        abort(400, f"expected {name}=ID, got {text[:80]!r}")
    return int(text)
