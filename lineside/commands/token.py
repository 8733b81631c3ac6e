"""`lineside token`: what lets programs into the API, made, listed and revoked."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from db.models import ApiToken
    from db.queries.tokens import Place

ROLES = ("push", "operator", "manager", "engineer", "admin")


class _BadInput(click.ClickException):
    exit_code = 2


@click.group()
def command() -> None:
    """Make, list and revoke API tokens."""


@command.command()
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(ROLES),
    required=True,
    help="What it may do; `push` may push frames and nothing else.",
)
@click.option("--site", metavar="KEY", help="Only at the lines of this site.")
@click.option("--line", metavar="KEY", help="Only at this line.")
@click.option("--station", metavar="KEY", help="Only at this station; goes with --role push.")
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=365,
    show_default=True,
    help="Days until it expires.",
)
def create(
    name: str, role: str, site: str | None, line: str | None, station: str | None, days: int
) -> None:
    """Make a token for the program NAME, and print it: once, since only its hash is kept.

    The token alone goes to standard output, what there is to know of it to standard error.
    """
    from db.queries.tokens import create_token

    with _acting() as (session, who):
        place = _place(session, site, line, station)
        row, text = create_token(session, name, role, place, created_by=who, days=days)
    click.echo(
        f"Token {row.id} for {row.name!r}: {row.role}, {_where(row)}, until"
        f" {row.expires_at:%Y-%m-%d}. It is shown this once.",
        err=True,
    )
    click.echo(text)


@command.command("list")
@click.option("--all", "with_ended", is_flag=True, help="Also those expired or revoked.")
def list_(with_ended: bool) -> None:
    """Print the tokens, those made last first. None of them shows its text."""
    from db.base import utc_now
    from db.queries.tokens import list_tokens, state_of

    now, shown = utc_now(), 0
    with _acting() as (session, _):
        after: int | None = None
        while True:
            page = list_tokens(session, after=after, limit=200)
            for row in page.rows:
                state = state_of(row, now)
                if state == "valid" or with_ended:
                    shown += 1
                    used = f"{row.last_used_at:%Y-%m-%d %H:%M}" if row.last_used_at else "never"
                    click.echo(
                        f"{row.id}  {row.name}  {row.role}  {_where(row)}  {state}, until"
                        f" {row.expires_at:%Y-%m-%d}  used {used}  made by {row.created_by}"
                    )
            after = page.next_after
            if after is None:
                break
    if not shown:
        click.echo("There are no tokens. (The file api-token is one of its own.)")


@command.command()
@click.argument("token_id", type=click.IntRange(min=1), metavar="ID")
def revoke(token_id: int) -> None:
    """Let a token in no more, by its number in `lineside token list`."""
    from db.queries.tokens import revoke as end

    with _acting() as (session, _):
        row = end(session, token_id)
    click.echo(f"Token {row.id} for {row.name!r} is revoked.")


@contextmanager
def _acting() -> Iterator[tuple[Any, str]]:
    """A session of whoever sits at this command line, for the audit log, and their name."""
    from db.engine import connect
    from db.errors import DomainError
    from db.settings import StorageSettings
    from lineside.at_the_host import acting_here, name_here

    database = connect(StorageSettings().resolved_database_url)
    try:
        with acting_here(), database.sessions.begin() as session:
            yield session, name_here()
    except DomainError as error:
        raise _BadInput(str(error)) from error
    finally:
        database.dispose()


def _place(session: "Session", site: str | None, line: str | None, station: str | None) -> "Place":
    from db.queries.stations import get_line, get_site, get_station
    from db.queries.tokens import Place

    return Place(
        site_id=get_site(session, site).id if site else None,
        line_id=get_line(session, line).id if line else None,
        station_id=get_station(session, station).id if station else None,
    )


def _where(row: "ApiToken") -> str:
    for what in ("site", "line", "station"):
        if (place_id := getattr(row, f"{what}_id")) is not None:
            return f"{what} {place_id}"
    return "everywhere"
