"""Sessions of the command line: errors of the domain end a command with one line and code 2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@contextmanager
def reading() -> Iterator[Session]:
    """A session that changes nothing."""
    with _session(changes=False) as session:
        yield session


@contextmanager
def changing() -> Iterator[Session]:
    """A session that commits at its end, in the name of who types here."""
    from lineside.at_the_host import acting_here

    with acting_here(), _session(changes=True) as session:
        yield session


@contextmanager
def _session(*, changes: bool) -> Iterator[Session]:
    from db.engine import connect
    from db.errors import DomainError
    from db.settings import StorageSettings

    database = connect(StorageSettings().resolved_database_url)
    try:
        with database.sessions.begin() if changes else database.reads() as session:
            yield session
    except DomainError as error:
        raise click.UsageError(str(error)) from error
    finally:
        database.dispose()
