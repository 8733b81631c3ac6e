"""`lineside dashboard`: the pages alone, as containers run them."""

import click


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.option(
    "--allow-remote",
    is_flag=True,
    help="Listen on an address that other hosts reach. The pages need no sign-in yet, so that"
    " whoever reaches them sees everything and can close discrepancies.",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    help="A host name under which the pages may be asked for; none named with --allow-remote: any.",
)
@click.option("--threads", type=click.IntRange(4, 512), default=48, show_default=True)
def command(host: str, port: int, allow_remote: bool, names: tuple[str, ...], threads: int) -> None:
    """Serve the pages."""
    from dashboards.app import create_app
    from dashboards.values import LOOPBACK, values_from_settings
    from lineside.serving import serve

    if host not in LOOPBACK and not allow_remote:
        raise click.ClickException(
            f"{host} can be reached from other hosts, and the pages need no sign-in yet."
            " Say --allow-remote if that is what you want."
        )
    allowed = None if allow_remote and not names else LOOPBACK | {name.lower() for name in names}
    serve(
        lambda: create_app(values_from_settings(allowed, remote=allow_remote)), host, port, threads
    )
