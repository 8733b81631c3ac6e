"""`make migration MESSAGE="…"`: write an Alembic revision for what the models have and tables lack.

It compares against a fresh SQLite database at the newest revision, never against anybody's own.
"""

import sys
import tempfile
from pathlib import Path

from db import migrate
from db.engine import connect


def main(message: str) -> None:
    if not message.strip():
        sys.exit('Say what changes: make migration MESSAGE="add the colour of a part"')
    with tempfile.TemporaryDirectory() as folder:
        database = connect(f"sqlite:///{Path(folder) / 'compare.sqlite3'}")
        try:
            migrate.upgrade(database.engine)
            migrate.write_revision(database.engine, message)
        finally:
            database.dispose()


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]))
