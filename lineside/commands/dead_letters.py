"""`lineside dead-letters`: what had its attempts and no result, and sending it again."""

import click


@click.group()
def command() -> None:
    """List what ended as `not_inspected: failed`, and send it again."""


@command.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True)
@click.option("--all", "with_sent_again", is_flag=True, help="Also those that were sent again.")
def list_(limit: int, with_sent_again: bool) -> None:
    """Print dead letters, the newest first."""
    from db.engine import connect
    from db.queries.dead_letters import dead_letters
    from db.settings import StorageSettings

    database = connect(StorageSettings().resolved_database_url)
    try:
        with database.reads() as session:
            letters = dead_letters(session, limit=limit, with_sent_again=with_sent_again)
    finally:
        database.dispose()
    if not letters:
        click.echo("There are no dead letters.")
    for letter in letters:
        again = "  (sent again)" if letter.sent_again else ""
        when = letter.captured_at.isoformat(timespec="seconds")
        click.echo(f"{letter.acquisition_id}  {when}  {letter.station}  {letter.detail}{again}")


@command.command()
@click.argument("acquisition_ids", nargs=-1, type=int)
@click.option("--all", "every", is_flag=True, help="All that were not sent again yet.")
def resend(acquisition_ids: tuple[int, ...], every: bool) -> None:
    """Send dead letters again, as new acquisitions. Their first verdicts stay."""
    from db import audit
    from db.bell import INSPECT_QUEUE
    from db.engine import connect
    from db.queries.acquisitions import Held, NoRecipe, NotResendable
    from db.queries.acquisitions import resend as send_again
    from db.queries.dead_letters import dead_letters
    from db.settings import BrokerSettings, StorageSettings
    from lineside.at_the_host import acting_here
    from services.bell import Bell

    if bool(acquisition_ids) == every:
        raise click.UsageError("expected ids of acquisitions, or --all")
    database = connect(StorageSettings().resolved_database_url)
    bell = Bell(BrokerSettings().redis_url)
    refused = 0
    try:
        if every:
            with database.reads() as session:
                letters = dead_letters(session, limit=10_000)
            acquisition_ids = tuple(letter.acquisition_id for letter in letters)
        for acquisition_id in acquisition_ids:
            try:
                with acting_here(), database.sessions.begin() as session:
                    accepted = send_again(session, acquisition_id)
                    audit.record(
                        session,
                        "sent again",
                        kind="acquisition",
                        id=acquisition_id,
                        detail={"as": accepted.acquisition_id},
                    )
            except (Held, NoRecipe, NotResendable) as error:
                click.echo(f"{acquisition_id}: {error}", err=True)
                refused += 1
                continue
            click.echo(f"{acquisition_id} was sent again as {accepted.acquisition_id}")
            bell.ring(INSPECT_QUEUE)
    finally:
        bell.close()
        database.dispose()
    if refused:
        raise SystemExit(1)
