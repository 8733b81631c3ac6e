"""`lineside worker`: inspect what waits."""

import os

import click


@click.command()
@click.option("--queue", "queues", multiple=True, help="Queues to listen to.  [default: inspect]")
@click.option(
    "--concurrency",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Processes. One engine uses every core by itself.",
)
def command(queues: tuple[str, ...], concurrency: int) -> None:
    """Inspect what waits, until SIGTERM or Ctrl-C."""
    # Read by Celery when it is imported. Without it SIGTERM would wait for the running drain
    # to end by itself, however long that takes, instead of ending softly within seconds.
    os.environ.setdefault("REMAP_SIGTERM", "SIGQUIT")
    from db.bell import INSPECT_QUEUE
    from db.heartbeat import Heartbeat, HeartbeatSettings
    from db.settings import BrokerSettings
    from workers.app import create_app
    from workers.serve import serve
    from workers.settings import WorkerSettings

    settings = WorkerSettings()
    app = create_app(
        BrokerSettings().redis_url,
        task_limit_s=settings.task_limit_s,
        soft_shutdown_s=settings.soft_shutdown_s,
    )
    status = serve(
        app,
        queues=queues or (INSPECT_QUEUE,),
        concurrency=concurrency,
        beat=Heartbeat(HeartbeatSettings().folder, "worker"),
    )
    raise SystemExit(status)
