"""`lineside up`: everything on one host."""

import os
from pathlib import Path

import click


@click.command()
@click.option(
    "--source",
    envvar="LINESIDE_SOURCE",
    show_envvar=True,
    help="A clip, a folder of images, rtsp://…, or /dev/video0; - reads it from standard input.",
)
@click.option("--recipe", help="What to inspect there: a recipe file or the name of a shipped one.")
@click.option("--station", "station_name", help="Name of the station (default: from the source).")
@click.option("--mm-per-px", type=click.FloatRange(min=0, min_open=True), help="Scale, if known.")
@click.option("--loop", is_flag=True, help="Play a clip or a folder again and again.")
@click.option("--fast", is_flag=True, help="Play a clip as fast as it is inspected.")
@click.option("--watch", is_flag=True, help="Wait for new images in the folder.")
@click.option("--verbose", is_flag=True, help="Show every log line, not only warnings.")
@click.option("--behind-tls", is_flag=True, help="A front ends TLS; see `lineside web --help`.")
@click.option("--allow-remote", is_flag=True, help="Let other hosts in without TLS.")
@click.option("--port", type=click.IntRange(1, 65535), help="Instead of LINESIDE_PORT or 8000.")
def command(
    source: str | None,
    recipe: str | None,
    station_name: str | None,
    mm_per_px: float | None,
    loop: bool,
    fast: bool,
    watch: bool,
    verbose: bool,
    behind_tls: bool,
    allow_remote: bool,
    port: int | None,
) -> None:
    """Run everything on this host: Redis, cameras, worker, alerts, API and pages.

    Without options it runs the cameras that the database has, or a sample plant where it has
    none. With --source and --recipe it runs that camera alone. A URL with a password is better
    given in LINESIDE_SOURCE or typed after `--source -`, since `ps` shows arguments to everybody.
    Ctrl-C stops everything; started again, it goes on where it was.
    """
    from db.settings import StorageSettings
    from lineside.given_source import read_source
    from lineside.own_camera import OwnCamera, SourceRefused
    from lineside.settings import LOOPBACK, WebSettings
    from lineside.up import CannotStart, Plan, up

    if (source is None) != (recipe is None):
        raise click.UsageError("--source and --recipe go together: what to see, and what to expect")
    if source is None and (loop or fast or watch or mm_per_px or station_name):
        raise click.UsageError("--loop, --fast, --watch, --mm-per-px and --station need --source")
    source = read_source(source, click.get_current_context().get_parameter_source("source"))
    storage, web = StorageSettings(), WebSettings()
    if web.host not in LOOPBACK and not (behind_tls or allow_remote):
        raise click.ClickException(
            f"LINESIDE_HOST={web.host} can be reached from other hosts: say --behind-tls or"
            " --allow-remote, as `lineside web --help` explains"
        )
    flags = {"--behind-tls": behind_tls, "--allow-remote": allow_remote}
    try:
        camera = None
        if source is not None and recipe is not None:
            camera = OwnCamera.describe(
                source,
                recipe,
                station_name=station_name,
                mm_per_px=mm_per_px,
                loop=loop,
                fast=fast,
                watch=watch,
                models_dirs=[storage.models_dir] if storage.models_dir else [],
            )
        up(
            Plan(
                data_dir=Path(storage.data_dir).absolute(),
                database_url=storage.resolved_database_url,
                redis_url=os.environ.get("LINESIDE_REDIS_URL") or None,
                host=web.host,
                port=port or web.port,
                own_camera=camera,
                verbose=verbose,
                web_options=tuple(flag for flag, given in flags.items() if given),
            )
        )
    except (CannotStart, SourceRefused) as error:
        raise click.ClickException(str(error)) from error
