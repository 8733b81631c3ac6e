"""`lineside shadows`: challengers that look along at a station and judge nothing."""

import click


@click.group()
def command() -> None:
    """Challengers beside the line: start one, see how far it agrees, end it."""


@command.command("list")
@click.option("--station", help="Only of this one: its id or key.")
def list_(station: str | None) -> None:
    """Print shadows, the newest first, with how often their verdicts differ."""
    from db.queries import shadow_results, shadows
    from db.queries.stations import get_station
    from lineside.at_the_database import reading

    with reading() as session:
        station_id = get_station(session, station).id if station else None
        rows = shadows.list_shadows(session, station_id=station_id, after=None, limit=100).rows
        for row in rows:
            found = shadow_results.summarise(session, row.id)
            ended = row.reason or (f"ended by {row.ended_by}" if row.ended_at else "runs")
            click.echo(
                f"{row.id}  {row.model.name}  {found.differ} of {found.seen} differ,"
                f" {row.passed_over} passed over  {ended}"
            )
    if not rows:
        click.echo("There are no shadows.")


@command.command()
@click.argument("station")
@click.argument("model")
@click.option("--share", default=1.0, show_default=True, help="Of the frames that it sees.")
def start(station: str, model: str, share: float) -> None:
    """Let registered MODEL look along at STATION (id or key)."""
    from db.queries import shadows
    from db.queries.stations import get_station
    from lineside.at_the_database import changing
    from lineside.at_the_host import name_here

    with changing() as session:
        made = shadows.start(session, get_station(session, station), model, share, name_here())
        click.echo(f"Shadow {made.id} looks along at {station}.")


@command.command()
@click.argument("shadow_id", type=int)
def end(shadow_id: int) -> None:
    """End a shadow; its results stay."""
    from db.queries import shadows
    from lineside.at_the_database import changing
    from lineside.at_the_host import name_here

    with changing() as session:
        shadows.end(session, shadow_id, name_here())
        click.echo(f"Shadow {shadow_id} has ended.")
