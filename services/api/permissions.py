"""What each operation asks of a token: declared beside its route, and refused without."""

from collections.abc import Callable
from typing import TypeVar

from flask import Flask
from werkzeug.exceptions import Forbidden

from db.access import ActorKind, Permission, current

View = TypeVar("View", bound=Callable[..., object])

_ATTRIBUTE = "lineside_permission"


def needs(permission: Permission) -> Callable[[View], View]:
    """Declare what an operation asks for; it stands right under its route."""

    def declare(view: View) -> View:
        setattr(view, _ATTRIBUTE, permission)
        return view

    return declare


def for_everybody(view: View) -> View:
    """Declare that an operation answers without a token."""
    setattr(view, _ATTRIBUTE, None)
    return view


def declared(app: Flask, endpoint: str) -> Permission | None:
    """What an endpoint asks for; None: nothing, not even a token.

    Raises:
        LookupError: it does not say, so that it is never served.
    """
    view = app.view_functions[endpoint]
    if not hasattr(view, _ATTRIBUTE):
        raise LookupError(f"{endpoint} declares no permission (services.api.permissions)")
    permission: Permission | None = getattr(view, _ATTRIBUTE)
    return permission


def actor_name(given: str | None) -> str:
    """Who acts, for histories: the token's name, with whom the request names in front of it.

    The local token may say whoever it wants, as it always could.
    """
    access = current()
    actor = access.actor if access else None
    if actor is None or actor.kind is ActorKind.LOCAL:
        return given or "api"
    return f"{given} ({actor.name})"[:100] if given else actor.name


def require_site(site_id: int) -> None:
    """Let only those go on who may see all of a site.

    Raises:
        Forbidden: what is asked for changes lines that they may not see.
    """
    access = current()
    if access is not None and access.lines is not None and site_id not in access.sites:
        raise Forbidden("This token holds for a part of the site; what is asked for changes all.")


def require_everywhere() -> None:
    """Let only those go on who are restricted to no place. Raises Forbidden."""
    access = current()
    if access is not None and access.lines is not None:
        raise Forbidden("This token holds for some places only; what is asked for is of none.")
