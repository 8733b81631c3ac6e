"""Bring a database to the tables of this version, or back."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Run the migrations up to `revision`; does nothing where they have run already."""
    with engine.begin() as connection:
        _take_as_long_as_needed(connection)
        if connection.dialect.name == "postgresql":
            # Two processes that start at once would both create the tables.
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(5471231)")
        command.upgrade(_config(connection), revision)


def downgrade(engine: Engine, revision: str = "base") -> None:
    """Undo the migrations down to `revision`. What only newer tables hold is lost."""
    with engine.begin() as connection:
        _take_as_long_as_needed(connection)
        command.downgrade(_config(connection), revision)


def _take_as_long_as_needed(connection: Connection) -> None:
    """A table of years is filled or copied in more than the seconds that a request may take."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")


def is_current(engine: Engine) -> bool:
    """Whether the database has exactly the tables of this version."""
    with engine.connect() as connection:
        heads = ScriptDirectory.from_config(_config(connection)).get_heads()
        return set(MigrationContext.configure(connection).get_current_heads()) == set(heads)


def write_revision(engine: Engine, message: str) -> None:
    """Write a migration for what the models have and the database lacks (`make migration`)."""
    with engine.begin() as connection:
        command.revision(_config(connection), message, autogenerate=True)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
