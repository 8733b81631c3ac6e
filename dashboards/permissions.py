"""What each page asks of the person before it: declared beside its route, nothing by default."""

from collections.abc import Callable
from typing import TypeVar

from db.access import Permission, current

View = TypeVar("View", bound=Callable[..., object])

_ATTRIBUTE = "lineside_permission"


def needs(permission: Permission) -> Callable[[View], View]:
    """Declare what a view asks for; a view without it or `for_everybody` is never served."""

    def declare(view: View) -> View:
        setattr(view, _ATTRIBUTE, permission)
        return view

    return declare


def for_everybody(view: View) -> View:
    """Declare that a view is served to whoever asks: the sign-in itself, style sheets."""
    setattr(view, _ATTRIBUTE, None)
    return view


def declared(view: Callable[..., object]) -> Permission | None:
    """What a view asks for; None: nothing.

    Raises:
        LookupError: it does not say.
    """
    if not hasattr(view, _ATTRIBUTE):
        raise LookupError(f"{view.__qualname__} declares no permission (dashboards.permissions)")
    permission: Permission | None = getattr(view, _ATTRIBUTE)
    return permission


def actor_name() -> str:
    """Who acts in this request, as histories name them."""
    access = current()
    if access is None or access.actor is None:
        return "dashboard"
    return access.actor.name
