"""`lineside worker`: inspect what waits."""

import os

import click


@click.command()
@click.option(
    "--queue", "queues", multiple=True, help="Queues to listen to.  [default: inspect, try]"
)
@click.option(
    "--concurrency",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Processes. One engine uses every core by itself.",
)
def command(queues: tuple[str, ...], concurrency: int) -> None:
    """Inspect what waits, until SIGTERM or Ctrl-C."""
    # Read by Celery when it is imported. With it SIGTERM would sleep through the whole soft
    # shutdown; without it the worker ends when its child has ended the frame in hand.
    os.environ.pop("REMAP_SIGTERM", None)
    from db.bell import INSPECT_QUEUE, TRIAL_QUEUE
    from db.heartbeat import Heartbeat, HeartbeatSettings
    from db.logs import configure_logs
    from db.settings import BrokerSettings
    from workers.app import create_app
    from workers.serve import serve
    from workers.settings import WorkerSettings

    configure_logs()
    settings = WorkerSettings()
    app = create_app(
        BrokerSettings().redis_url,
        task_limit_s=settings.task_limit_s,
    )
    status = serve(
        app,
        queues=queues or (INSPECT_QUEUE, TRIAL_QUEUE),
        concurrency=concurrency,
        soft_shutdown_s=settings.soft_shutdown_s,
        beat=Heartbeat(HeartbeatSettings().folder, "worker"),
    )
    raise SystemExit(status)
