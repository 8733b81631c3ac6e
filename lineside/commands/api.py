"""`lineside api`: the REST API alone, as containers run it."""

import click


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8001, show_default=True)
@click.option(
    "--allow-remote",
    is_flag=True,
    help="Listen on an address that other hosts reach. The token then travels unencrypted, and"
    " whoever reads it can push frames and change recipes: put it behind TLS or in a network of"
    " its own, as docker-compose.yml does.",
)
@click.option(
    "--behind-tls",
    is_flag=True,
    help="A front ends TLS and says in X-Forwarded-For who asks, as in docker-compose.yml; nothing"
    " else may reach this address.",
)
@click.option("--threads", type=click.IntRange(2, 512), default=32, show_default=True)
def command(host: str, port: int, allow_remote: bool, behind_tls: bool, threads: int) -> None:
    """Serve the REST API."""
    from db.settings import StorageSettings
    from lineside.serving import serve
    from lineside.settings import LOOPBACK
    from services.api import create_app
    from services.api.token import WeakToken, ensure_api_token

    if host not in LOOPBACK and not (allow_remote or behind_tls):
        raise click.ClickException(
            f"{host} can be reached from other hosts, and the token would travel to it"
            " unencrypted. Put a front with TLS before it and say --behind-tls, or say"
            " --allow-remote if that is what you want."
        )
    try:
        # Here, too: what the serving process raises ends as a traceback.
        ensure_api_token(StorageSettings().data_dir)
    except WeakToken as error:
        raise click.ClickException(str(error)) from error
    serve(lambda: create_app(behind_front=behind_tls), host, port, threads)
