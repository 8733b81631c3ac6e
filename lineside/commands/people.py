"""`lineside people`: let the first admin in, or one back in who has lost everything."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from db.engine import Database


@click.group()
def command() -> None:
    """People who sign in to the pages. All but this is done there, under People."""


@command.command("setup-link")
@click.option(
    "--address",
    default="http://127.0.0.1:8000",
    show_default=True,
    help="Where the pages are opened, as a browser writes it.",
)
def setup_link(address: str) -> None:
    """Show a link for the first admin. It works once, for three days, and ends older ones."""
    from lineside.at_the_host import acting_here
    from lineside.setup_link import new_setup_link

    with acting_here():
        link = new_setup_link(_database(), address.rstrip("/"))
    if link is None:
        raise click.ClickException(
            "there is an admin already. They let others in, under People; `lineside people"
            " new-password NAME` lets one in who has forgotten theirs."
        )
    click.echo(link)


@command.command("new-password")
@click.argument("name")
@click.option("--address", default="http://127.0.0.1:8000", show_default=True)
def new_password(name: str, address: str) -> None:
    """Show a link by which NAME chooses a new password."""
    from db.queries.people import person_by_name
    from db.queries.sign_ins import make_link
    from lineside.at_the_host import acting_here

    with acting_here(), _database().sessions.begin() as session:
        person = person_by_name(session, name)
        if person is None:
            raise click.ClickException(f"nobody is called {name!r}")
        if person.disabled_at is not None:
            raise click.ClickException(f"{person.shown_name} is disabled; an admin lets them in")
        click.echo(f"{address.rstrip('/')}/invitation/{make_link(session, person)}")


@command.command("no-second-factor")
@click.argument("name")
def no_second_factor(name: str) -> None:
    """Ask NAME for a password alone: for an admin who has lost phone and recovery codes."""
    from db.queries.people import person_by_name
    from db.queries.second_factors import switch_off
    from lineside.at_the_host import acting_here

    with acting_here(), _database().sessions.begin() as session:
        person = person_by_name(session, name)
        if person is None:
            raise click.ClickException(f"nobody is called {name!r}")
        if person.totp_secret is None:
            raise click.ClickException(f"{person.shown_name} has no second factor")
        switch_off(session, person)
        shown_name = person.shown_name
    click.echo(f"{shown_name} is asked for a password alone")


def _database() -> "Database":
    from db.engine import connect
    from db.settings import StorageSettings

    return connect(StorageSettings().resolved_database_url)
