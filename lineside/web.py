"""API and dashboards on one port, for `lineside up` and `lineside web`."""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from lineside.settings import LOOPBACK

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]

_API_PATHS = ("/api", "/healthz", "/readyz")


def create_app() -> Wsgi:
    """The REST API under its paths, the dashboards under all others."""
    from dashboards import create_app as create_dashboards
    from services.api import create_app as create_api

    return by_path(create_api(), create_dashboards())


def by_path(api: Wsgi, pages: Wsgi) -> Wsgi:
    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        is_api = any(path == prefix or path.startswith(prefix + "/") for prefix in _API_PATHS)
        return (api if is_api else pages)(environ, start_response)

    return app


def only_this_host(app: Wsgi) -> Wsgi:
    """Refuse requests that name another host.

    The pages ask for no sign-in and listen on this host alone. A web page from elsewhere could
    still reach them through the browser, by a name of its own that it points at 127.0.0.1 (DNS
    rebinding); such a request carries that name in its Host header.
    """

    def guarded(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        host = urlsplit("//" + environ.get("HTTP_HOST", "")).hostname
        if host in LOOPBACK:
            return app(environ, start_response)
        start_response("421 Misdirected Request", [("Content-Type", "text/plain; charset=utf-8")])
        return [
            b"Lineside answers on this host only, as 127.0.0.1 or localhost."
            b" `lineside web --allow-remote` lifts that.\n"
        ]

    return guarded
