"""Which requests go to the API and which to the pages."""

import pytest

from lineside.web import Environ, by_path


@pytest.mark.parametrize(
    ("path", "whose"),
    [
        ("/", b"pages"),
        ("/api", b"api"),
        ("/api/v1/inspections", b"api"),
        ("/healthz", b"api"),
        ("/readyz", b"api"),
        ("/apiary", b"pages"),
        ("/stations/api", b"pages"),
    ],
)
def test_paths(path: str, whose: bytes):
    def answering(name: bytes):
        def app(environ: Environ, start_response):
            start_response("200 OK", [])
            return [name]

        return app

    app = by_path(answering(b"api"), answering(b"pages"))
    assert app({"PATH_INFO": path}, lambda *_: None) == [whose]
