"""How Alembic reaches the tables; `db.migrate` runs it with a connection of its own."""

from alembic import context

import db.models  # noqa: F401  (registers every table)
from db.base import Base


def run() -> None:
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        # SQLite cannot alter most of a table; batch mode copies it instead.
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
