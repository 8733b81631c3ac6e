"""`lineside migrate`: create or update the tables."""

import click


@click.command()
@click.option("--down-to", metavar="REVISION", help="Undo down to this revision (`base`: all).")
def command(down_to: str | None) -> None:
    """Create or update the tables of LINESIDE_DATABASE_URL."""
    from db import migrate
    from db.engine import connect
    from db.settings import StorageSettings

    settings = StorageSettings()
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = connect(settings.resolved_database_url)
    try:
        if down_to:
            migrate.downgrade(database.engine, down_to)
        else:
            migrate.upgrade(database.engine)
    finally:
        database.dispose()
    click.echo("The tables are up to date." if not down_to else f"The tables are at {down_to}.")
