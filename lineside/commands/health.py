"""`lineside health`: whether a process of this host is alive, for health checks."""

import click

_LOOPS = ("ingest", "sweeper", "alerts", "worker")
_PORTS = {"api": 8001, "dashboard": 8002, "web": 8000}


@click.command()
@click.argument("process", type=click.Choice((*_LOOPS, *_PORTS)))
@click.option(
    "--max-age",
    type=click.FloatRange(min=1),
    default=60,
    show_default=True,
    help="Oldest sign of life that counts, seconds.",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Where it listens: api 8001, dashboard 8002, web 8000.",
)
def command(process: str, max_age: float, port: int | None) -> None:
    """Exit 0 if PROCESS is alive on this host, and 1 if it is not.

    A loop is alive while it goes round (it beats then); api, dashboard and web while they answer
    /healthz. Whether the database or Redis can be reached is not asked: /readyz says that.
    """
    import urllib.error
    import urllib.request

    from db import heartbeat

    if process in _PORTS:
        url = f"http://127.0.0.1:{port or _PORTS[process]}/healthz"
        try:
            with urllib.request.urlopen(url, timeout=4):
                click.echo(f"{process} answers.")
                return
        except (OSError, urllib.error.URLError) as error:
            raise click.ClickException(f"{process} does not answer at {url}: {error}") from None
    folder = heartbeat.HeartbeatSettings().folder
    age = heartbeat.age_s(folder, process)
    if age is None:
        raise click.ClickException(f"{process} has given no sign of life in {folder}.")
    if age > max_age:
        raise click.ClickException(f"{process} gave its last sign of life {age:.0f} s ago.")
    click.echo(f"{process} gave a sign of life {age:.1f} s ago.")
