"""`lineside review-queue`: what somebody should look at, and what the random sample says."""

import json

import click


@click.group()
def command() -> None:
    """Fill and read the review queue (docs/learning.md)."""


@command.command()
def fill() -> None:
    """Read on now, as the sweeper does every few seconds, and say what was added."""
    from db.engine import connect
    from db.frames import open_store
    from db.settings import StorageSettings
    from services.review_filling import run_once

    storage = StorageSettings()
    database = connect(storage.resolved_database_url)
    try:
        filled = run_once(database, open_store(storage.resolved_frame_store_url))
    finally:
        database.dispose()
    click.echo(
        f"Added: {filled.added}. Pictures looked at: {filled.looked_at},"
        f" near-copies: {filled.copies}."
    )


@command.command("list")
@click.option("--station", metavar="KEY", help="Only of this station.")
@click.option(
    "--reason",
    type=click.Choice(["missed", "false_call", "disagreement", "uncertain", "drift", "random"]),
    help="Only for this reason.",
)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(station: str | None, reason: str | None, limit: int, as_json: bool) -> None:
    """Print open items, what teaches most first."""
    from db.engine import connect
    from db.errors import NotFound
    from db.queries.review_queue import QueueFilter, list_items
    from db.queries.stations import get_station
    from db.settings import StorageSettings
    from inspection.ranking import ReviewReason

    database = connect(StorageSettings().resolved_database_url)
    try:
        with database.reads() as session:
            station_id = get_station(session, station).id if station else None
            wanted = QueueFilter(station_id, ReviewReason(reason) if reason else None)
            page = list_items(session, wanted, limit=limit)
    except NotFound as error:
        raise click.BadParameter(str(error), param_hint="--station") from error
    finally:
        database.dispose()
    for row in page.rows:
        if as_json:
            names = ("id", "inspection_id", "station_id", "reason", "class_name", "priority")
            shown = {name: getattr(row, name) for name in (*names, "probability", "detail")}
            click.echo(json.dumps(shown))
        else:
            told = (f"inspection {row.inspection_id}", row.class_name, row.detail)
            click.echo(f"{row.priority:.2f}  {row.reason:<12}  {'  '.join(filter(None, told))}")
    if not as_json:
        click.echo(f"{len(page.rows)} of {page.total} open.")


@command.command()
@click.argument("station")
@click.option("--days", type=click.IntRange(1, 3650), default=30, show_default=True)
def rates(station: str, days: int) -> None:
    """Escape and false-call rate of a STATION, from its random sample alone."""
    from datetime import timedelta

    from db.base import utc_now
    from db.engine import connect
    from db.errors import NotFound
    from db.queries.review_rates import rates as count
    from db.queries.stations import get_station
    from db.settings import StorageSettings

    database = connect(StorageSettings().resolved_database_url)
    try:
        with database.reads() as session:
            row = get_station(session, station)
            found = count(session, row.id, since=utc_now() - timedelta(days=days))
    except NotFound as error:
        raise click.BadParameter(str(error), param_hint="STATION") from error
    finally:
        database.dispose()
    click.echo(f"{found.answered} of {found.drawn} drawn have been looked at.")
    for name, each in (
        ("escapes, of bad parts", found.escapes),
        ("false calls, of good parts", found.false_calls),
        ("bad parts, of all", found.bad),
    ):
        share = "not known" if each.share is None else f"{each.share:.2%}"
        click.echo(
            f"{name:<28}{share:>10}   95 %: {each.low:.2%} to {each.high:.2%}"
            f"   ({each.hits} of {each.of})"
        )
