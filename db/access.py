"""Who does something here, and at which lines: every query of a request sees those alone.

A request enters `acting` with who asks and what they may see; each ORM statement of a session then
gets the condition by itself (`restrict`), so that no query can forget it. Outside `acting`, in
workers and on the command line, everything is seen.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What somebody is, at a site, a line or everywhere."""

    OPERATOR = "operator"
    MANAGER = "manager"
    ENGINEER = "engineer"
    ADMIN = "admin"


class Permission(StrEnum):
    """What a route asks for."""

    VIEW = "view"  # boards, stations, inspections, discrepancies, images
    ACT = "act"  # acknowledge, resolve, call false, dispose of parts, restock, snooze
    ALERTS = "alerts"  # rules and channels of the alerts
    LAB = "lab"  # stations, cameras, recipes, planograms, calibrations, models, health
    PEOPLE = "people"  # people, devices, tokens, the audit log
    OVERRIDE = "override"  # promote a model whose gate was not passed
    PUSH = "push"  # send frames in: what a camera's own token may, and nothing else


_OPERATOR = frozenset({Permission.VIEW, Permission.ACT})
_MANAGER = _OPERATOR | {Permission.ALERTS}
_ENGINEER = _MANAGER | {Permission.LAB, Permission.PUSH}
PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OPERATOR: _OPERATOR,
    Role.MANAGER: _MANAGER,
    Role.ENGINEER: _ENGINEER,
    Role.ADMIN: _ENGINEER | {Permission.PEOPLE, Permission.OVERRIDE},
}


class ActorKind(StrEnum):
    """What acts. A wall board is a device; `local` is the token file of this installation."""

    PERSON = "person"
    DEVICE = "device"
    TOKEN = "token"  # noqa: S105
    LOCAL = "local"


@dataclass(frozen=True)
class Actor:
    """Who acts, as the audit log names them."""

    kind: ActorKind
    id: int | None
    name: str
    address: str | None = None  # where the request came from


@dataclass(frozen=True)
class Access:
    """Who asks, and the lines that they may see for what they ask.

    Attributes:
        lines: ids; None: every line of every site.
        sites: ids of sites that are seen even while they have no line.
    """

    actor: Actor | None
    lines: frozenset[int] | None
    sites: frozenset[int] = frozenset()


NOBODY = Access(None, frozenset())
# For what must be found before it is known who asks: a session by its cookie, a screen by its code.
EVERYTHING = Access(None, None)
_access: ContextVar[Access | None] = ContextVar("access", default=None)


def current() -> Access | None:
    """Who acts in this request; None outside any, where nothing is restricted."""
    return _access.get()


@contextlib.contextmanager
def acting(access: Access) -> Iterator[None]:
    """Everything inside is asked and done by `access`."""
    token = _access.set(access)
    try:
        yield
    finally:
        _access.reset(token)


def allows(roles: Sequence[Role], permission: Permission) -> bool:
    """Whether any of the roles may."""
    return any(permission in PERMISSIONS[role] for role in roles)
