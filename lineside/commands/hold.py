"""`lineside hold`: stations that nobody should trust now."""

import click


@click.group()
def command() -> None:
    """Put a station on hold, release it, and see what its self-check says."""


@command.command()
@click.argument("station")
@click.option("--reason", required=True, help="So that others know what to look for.")
def begin(station: str, reason: str) -> None:
    """Put STATION (id or key) on hold: its frames are not inspected until it is released."""
    from db.queries import holds
    from db.queries.stations import get_station_id
    from lineside.at_the_database import changing
    from lineside.at_the_host import name_here

    with changing() as session:
        holds.put_on_hold(session, get_station_id(session, station), reason, name_here())
        click.echo(f"{station} is on hold.")


@command.command()
@click.argument("station")
@click.option("--word", required=True, help="What was found or done.")
def release(station: str, word: str) -> None:
    """End the hold of STATION (id or key)."""
    from db.queries import holds
    from db.queries.stations import get_station_id
    from lineside.at_the_database import changing
    from lineside.at_the_host import name_here

    with changing() as session:
        holds.release(session, get_station_id(session, station), word, name_here())
        click.echo(f"{station} is inspected again.")


@command.command()
def status() -> None:
    """Print every station with its hold, and the newest check of each of its cameras."""
    from db.queries import holds, station_checks, stations
    from lineside.at_the_database import reading

    with reading() as session:
        rows = stations.list_stations(session, after=None, limit=500).rows
        held = holds.holds_of(session, [row.id for row in rows])
        cameras = [camera.id for row in rows for camera in row.cameras]
        checks = station_checks.newest_checks(session, cameras)
        for row in rows:
            state = f"ON HOLD: {held[row.id].reason}" if row.id in held else "inspected"
            click.echo(f"{row.key}  {state}")
            for camera in row.cameras:
                check = checks.get(camera.id)
                said = f"{check.state} ({check.hour:%Y-%m-%d %H:00} UTC)" if check else "no check"
                click.echo(f"  {camera.key}  {said}")
