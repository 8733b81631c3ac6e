"""`lineside health`: whether a process of this host is alive, for health checks."""

import click

_LOOPS = ("ingest", "sweeper", "alerts", "worker", "trainer")
_PAGES = ("api", "dashboard", "web")


@click.command()
@click.argument("process", type=click.Choice((*_LOOPS, *_PAGES)))
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
    help="Where api, dashboard or web listens.  [default: where it does by itself]",
)
def command(process: str, max_age: float, port: int | None) -> None:
    """Exit 0 if PROCESS is alive on this host, and 1 if it is not.

    A loop is alive while it goes round (it beats then); api, dashboard and web while they answer
    /healthz. Whether the database or Redis can be reached is not asked: /readyz says that.
    """
    import urllib.error
    import urllib.request

    from db import heartbeat

    if process in _PAGES:
        url = f"http://127.0.0.1:{port or _own_port(process)}/healthz"
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


def _own_port(process: str) -> int:
    """Where a page process listens when it is told nothing, by its own command."""
    from lineside.cli import group
    from lineside.settings import WebSettings

    command = group.get_command(click.Context(group), process)
    assert command is not None
    (port,) = (option.default for option in command.params if option.name == "port")
    return port if isinstance(port, int) else WebSettings().port
