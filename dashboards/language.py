"""The language of the pages: what somebody chose, else what their browser asks for first.

Words stand in the templates and views in English, inside `_()`; other languages are catalogues in
`translations/` (`make translations`).
"""

from flask import Flask, request
from flask_babel import Babel, get_locale

LANGUAGES = {"en": "English", "de": "Deutsch"}
COOKIE = "lineside_language"


def register(app: Flask) -> None:
    Babel(app, default_locale="en", locale_selector=chosen_language)
    app.context_processor(_for_templates)


def chosen_language() -> str:
    """The language of this request, one of `LANGUAGES`."""
    chosen = request.cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    return request.accept_languages.best_match(list(LANGUAGES), "en")


def _for_templates() -> dict[str, object]:
    return {"language": str(get_locale() or "en"), "languages": LANGUAGES}
