"""API and dashboards on one port, for `lineside up` and `lineside web`."""

from collections.abc import Callable, Iterable
from typing import Any

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]

_API_PATHS = ("/api", "/healthz", "/readyz")


def create_app(*, allow_remote: bool = False, behind_tls: bool = False) -> Wsgi:
    """The REST API under its paths, the dashboards under all others.

    Unless remote hosts are allowed, the pages answer only to this host's names: a web page from
    elsewhere could otherwise reach them through the browser, by a name of its own that it points
    at 127.0.0.1. The API asks for its token either way.
    """
    from dashboards.app import create_app as create_dashboards
    from dashboards.values import LOOPBACK, values_from_settings
    from services.api import create_app as create_api

    remote = allow_remote or behind_tls
    pages = create_dashboards(
        values_from_settings(None if remote else LOOPBACK, remote=remote, tls=behind_tls)
    )
    return by_path(create_api(behind_front=behind_tls), pages)


def by_path(api: Wsgi, pages: Wsgi) -> Wsgi:
    """Requests for the API's paths to the one, all others to the other."""

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        is_api = any(path == prefix or path.startswith(prefix + "/") for prefix in _API_PATHS)
        return (api if is_api else pages)(environ, start_response)

    return app
