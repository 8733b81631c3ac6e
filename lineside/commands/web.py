"""`lineside web`: API and dashboards on one port."""

import click


@click.command()
@click.option("--host", help="Address to listen on (LINESIDE_HOST, 127.0.0.1).")
@click.option("--port", type=click.IntRange(1, 65535), help="TCP port (LINESIDE_PORT, 8000).")
@click.option(
    "--behind-tls",
    is_flag=True,
    help="A front ends TLS; see `lineside dashboard --help`.",
)
@click.option(
    "--allow-remote", is_flag=True, help="Let other hosts in without TLS: passwords can be read."
)
@click.option("--threads", type=click.IntRange(2, 512), default=96, show_default=True)
def command(
    host: str | None, port: int | None, behind_tls: bool, allow_remote: bool, threads: int
) -> None:
    """Serve the API and the dashboards on one port."""
    from lineside.serving import serve
    from lineside.settings import LOOPBACK, WebSettings
    from lineside.web import create_app

    settings = WebSettings()
    host = host or settings.host
    if host not in LOOPBACK and not (allow_remote or behind_tls):
        raise click.ClickException(
            f"{host} can be reached from other hosts, and passwords would travel to it unencrypted."
            " Put a front with TLS before it and say --behind-tls, or say --allow-remote if that"
            " is what you want."
        )

    serve(
        lambda: create_app(allow_remote=allow_remote, behind_tls=behind_tls),
        host,
        port or settings.port,
        threads,
    )
