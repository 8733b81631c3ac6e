"""`lineside sweeper`: ring where something waits that nobody was told of."""

import click


@click.command()
@click.option("--once", is_flag=True, help="Look once, say what was found, and end.")
def command(once: bool) -> None:
    """Ring for what waits or was left behind, bury what has had its attempts, purge old images,
    fill the review queue, check stations.

    Safe to run twice.
    """
    import signal
    import threading

    from db.engine import connect
    from db.frames import open_store
    from db.heartbeat import Heartbeat, HeartbeatSettings
    from db.logs import configure_logs
    from db.settings import BrokerSettings, StorageSettings
    from services import retention, review_filling, watching
    from services.bell import Bell
    from services.sweeper.loop import run, run_chore, sweep
    from services.sweeper.settings import SweeperSettings

    configure_logs()
    settings, storage = SweeperSettings(), StorageSettings()
    database = connect(storage.resolved_database_url)
    bell = Bell(BrokerSettings().redis_url)
    try:
        if once:
            swept = sweep(database, bell.ring)
            rung = ", ".join(swept.rung) or "nothing waits"
            click.echo(f"Rung: {rung}. Dead letters: {len(swept.buried)}.")
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        store = open_store(storage.resolved_frame_store_url)
        run_chore(
            "retention",
            lambda: retention.run_once(
                database, store, storage.retention_bytes, storage.retention_days
            ),
            every_s=settings.retention_every_s,
            stop=stop,
        )
        run_chore(
            "review queue",
            lambda: review_filling.chore(database, store),
            every_s=settings.review_every_s,
            stop=stop,
        )
        run_chore(
            "watching",
            lambda: watching.run_once(database, settings.self_check),
            every_s=settings.watch_every_s,
            stop=stop,
        )
        run(
            database,
            bell.ring,
            every_s=settings.sweep_s,
            stop=stop,
            beat=Heartbeat(HeartbeatSettings().folder, "sweeper"),
        )
    finally:
        bell.close()
        database.dispose()
