"""How bodies are read: what is no JSON, or no JSON object, is refused and never read as empty."""

from typing import Any

from flask import Request
from werkzeug.exceptions import BadRequest

# A recipe is a few kB; the app's own limit is that of an image.
MAX_JSON_BYTES = 1_000_000


class LoudRequest(Request):
    """Flask's request, whose JSON is never silently `None`.

    flask-openapi3 asks for the body with `silent=True`, so that a wrong media type or broken JSON
    would look like a missing field; and it parses a JSON string as JSON once more. Only no body
    at all is an empty object, for requests that need to say nothing.
    """

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        self.max_content_length = MAX_JSON_BYTES
        if self.mimetype in ("", "application/json") and not self.get_data(cache=True):
            return {}
        try:
            body = super().get_json(force=force, silent=False, cache=cache)
        except RecursionError as error:
            raise BadRequest("The JSON is nested too deeply.") from error
        if not isinstance(body, dict):
            raise BadRequest("Expected a JSON object.")
        return body
