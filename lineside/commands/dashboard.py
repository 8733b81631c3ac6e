"""`lineside dashboard`: the pages alone, as containers run them."""

import click


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.option(
    "--behind-tls",
    is_flag=True,
    help="A front before the pages ends TLS and says who asks (X-Forwarded-For, -Proto, -Host):"
    " believe it, and give cookies out for TLS only. Only the front may reach this address.",
)
@click.option(
    "--allow-remote",
    is_flag=True,
    help="Listen without TLS on an address that other hosts reach. Whoever reads the network then"
    " reads passwords, and can act as whoever is signed in.",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    help="A host name under which the pages may be asked for; none named with --allow-remote: any.",
)
@click.option("--threads", type=click.IntRange(4, 512), default=96, show_default=True)
def command(
    host: str,
    port: int,
    behind_tls: bool,
    allow_remote: bool,
    names: tuple[str, ...],
    threads: int,
) -> None:
    """Serve the pages."""
    from dashboards.app import create_app
    from dashboards.values import LOOPBACK, values_from_settings
    from lineside.serving import serve

    if host not in LOOPBACK and not (allow_remote or behind_tls):
        raise click.ClickException(
            f"{host} can be reached from other hosts, and passwords would travel to it unencrypted."
            " Put a front with TLS before it and say --behind-tls, or say --allow-remote if that"
            " is what you want."
        )
    remote = allow_remote or behind_tls
    allowed = None if remote and not names else LOOPBACK | {name.lower() for name in names}
    serve(
        lambda: create_app(values_from_settings(allowed, remote=remote, tls=behind_tls)),
        host,
        port,
        threads,
    )
