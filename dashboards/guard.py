"""Keeps other web sites out: by the Host header, a token in every form, and headers.

A page from elsewhere must not be able to act through the browser of somebody who is signed in.
"""

import ipaddress
from urllib.parse import urlsplit

from flask import Flask, Response, abort, request
from flask_babel import gettext as _
from flask_wtf import CSRFProtect

from dashboards.values import values

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def register(app: Flask) -> None:
    app.before_request(_check_host)
    CSRFProtect(app)
    app.before_request(_check_origin)
    app.after_request(_add_headers)


def host_is_allowed(host: str | None, allowed: frozenset[str] | None, *, remote: bool) -> bool:
    """Whether a page may be asked for under a host name (without its port).

    A name of another site that points at this host (DNS rebinding) is refused. Where remote hosts
    are let in, addresses are allowed too: an address cannot be pointed anywhere else.
    """
    if host is None:
        return False
    if allowed is None or host.lower() in allowed:
        return True
    if not remote:
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _check_host() -> None:
    host = urlsplit("//" + request.headers.get("Host", "")).hostname
    its = values()
    if not host_is_allowed(host, its.allowed_hosts, remote=its.remote):
        abort(421, _("This Lineside does not answer under that host name."))


def _check_origin() -> None:
    """Refuse to change anything for a request that another site's page made.

    Every browser says with a form where it comes from: in Sec-Fetch-Site, older ones in Origin.
    """
    if request.method in _SAFE_METHODS:
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is not None:
        if site != "same-origin":
            abort(403, _("The request came from another site."))
    elif origin is None:
        abort(403, _("The request does not say where it came from."))
    if origin is not None and urlsplit(origin).netloc != request.headers.get("Host"):
        abort(403, _("The request came from another site."))


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    # Pages show the moment; images and static files say themselves that they never change.
    response.headers.setdefault("Cache-Control", "no-store")
    return response
