"""`lineside trainer`: do the training runs that wait."""

import os
import threading

import click

_NOTE_S = 15.0
# A step of a large network is finished; what takes longer goes on from its checkpoint.
_SOFT_SHUTDOWN_S = 40.0


@click.command()
def command() -> None:
    """Train what waits, one run at a time, until SIGTERM or Ctrl-C.

    Needs the extra `train`. A run that is stopped here goes on from its checkpoint at the next
    start, or at another trainer that sees the same folder.
    """
    # As in `lineside worker`.
    os.environ.pop("REMAP_SIGTERM", None)
    from inspection.training_request import INSTALL, torch_is_here

    if not torch_is_here():
        raise click.UsageError(f"training needs torch, which is not installed here: {INSTALL}")
    from db.bell import TRAIN_QUEUE
    from db.heartbeat import Heartbeat, HeartbeatSettings
    from db.logs import configure_logs
    from db.settings import BrokerSettings
    from workers.app import create_app
    from workers.serve import serve

    configure_logs()
    threading.Thread(target=_say_that_it_is_here, name="here", daemon=True).start()
    status = serve(
        create_app(BrokerSettings().redis_url),
        queues=(TRAIN_QUEUE,),
        concurrency=1,
        soft_shutdown_s=_SOFT_SHUTDOWN_S,
        beat=Heartbeat(HeartbeatSettings().folder, "trainer"),
    )
    raise SystemExit(status)


def _say_that_it_is_here() -> None:
    """A row for the pages, which may run on another host. It says nothing of whether runs go on."""
    import structlog
    from sqlalchemy.exc import SQLAlchemyError

    from db.engine import connect
    from db.settings import StorageSettings
    from workers.trainer.settings import TrainerSettings
    from workers.trainer.training import note_trainer

    database = connect(StorageSettings().resolved_database_url, pool_size=1)
    device = TrainerSettings().device
    while True:
        try:
            note_trainer(database, device)
        except SQLAlchemyError as error:
            structlog.get_logger().warning("trainer.not_noted", error=str(error))
        threading.Event().wait(_NOTE_S)
