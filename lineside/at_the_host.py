"""Who acts at the command line, as the audit log names them: whoever may read the data folder."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager


def name_here() -> str:
    """`ada (command line)`."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's user need not have a name
        user = "somebody"
    return f"{user} (command line)"


@contextmanager
def acting_here() -> Iterator[None]:
    """What is done inside goes into the audit log, and sees every line."""
    from db.access import Access, Actor, ActorKind, acting

    with acting(Access(Actor(ActorKind.LOCAL, None, name_here()), None)):
        yield
