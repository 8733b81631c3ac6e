"""Style sheet and scripts, under an address that changes with their content.

The hash stands in the folder of the address, not in its query, so that one script which imports
another by a relative path gets the one of the same version.
"""

from hashlib import sha256
from pathlib import Path

from flask import Flask, abort, send_from_directory, url_for
from werkzeug.wrappers import Response

from dashboards.permissions import for_everybody

FOLDER = Path(__file__).parent / "static"
_FOREVER_S = 31_536_000


def register(app: Flask) -> None:
    version = _version(FOLDER)

    @app.get("/assets/<asked>/<path:name>")
    @for_everybody
    def asset(asked: str, name: str) -> Response:
        response = send_from_directory(FOLDER, name, max_age=_FOREVER_S)
        if asked != version:
            # A page of another version asks; it gets today's file, but must not keep it.
            response.headers["Cache-Control"] = "no-cache"
        return response

    @app.get("/favicon.ico")
    @for_everybody
    def favicon() -> Response:
        return send_from_directory(FOLDER, "icon.svg", max_age=3600)

    @app.template_global()
    def asset_url(name: str) -> str:
        if not (FOLDER / name).is_file():
            abort(500, f"there is no asset {name}")
        return url_for("asset", asked=version, name=name)


def _version(folder: Path) -> str:
    digest = sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]
