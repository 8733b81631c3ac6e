"""`lineside ingest`: fetch frames from the cameras."""

import click


@click.command()
@click.option(
    "--camera",
    "keys",
    multiple=True,
    metavar="KEY",
    help="Only this camera; may be given several times.",
)
def command(keys: tuple[str, ...]) -> None:
    """Fetch frames from all enabled cameras, one process each, until it is told to stop."""
    import signal

    from db.camera_sources import rules_from_settings
    from db.engine import connect
    from db.heartbeat import Heartbeat, HeartbeatSettings
    from db.logs import configure_logs
    from db.settings import BrokerSettings, StorageSettings
    from services.ingest.camera_process import Surroundings
    from services.ingest.fleet import Fleet

    storage, broker = StorageSettings(), BrokerSettings()
    configure_logs()
    surroundings = Surroundings(
        database_url=storage.resolved_database_url,
        frame_store_url=storage.resolved_frame_store_url,
        min_free_bytes=storage.min_free_bytes,
        redis_url=broker.redis_url,
        secret_key_path=(storage.data_dir / "secret.key").absolute(),
        models_dir=storage.models_dir,
        sources=rules_from_settings(),
    )
    database = connect(surroundings.database_url)
    beat = Heartbeat(HeartbeatSettings().folder, "ingest")
    fleet = Fleet(database, surroundings, keys=keys, beat=beat)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: fleet.stop())
    try:
        fleet.run()
    finally:
        database.dispose()
