"""Engines and sessions for SQLite (embedded) and PostgreSQL (production)."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url, select
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.sql import func

from db import audit
from db.base import utc_now
from db.scope import restrict


@dataclass(frozen=True)
class Database:
    """A process's way to the tables.

    `sessions.begin()` is the unit of work and the only place that commits; `reads()` is for
    looking only (on SQLite it takes no write lock).
    """

    engine: Engine
    sessions: sessionmaker[Session]
    reads: sessionmaker[Session]

    def dispose(self) -> None:
        self.engine.dispose()


def connect(url: str, *, pool_size: int = 5) -> Database:
    """Open a database by its SQLAlchemy URL (`sqlite:///…` or `postgresql+psycopg://…`)."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(parsed, connect_args={"timeout": 10}, pool_size=pool_size)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        engine = create_engine(
            parsed,
            pool_size=pool_size,
            # A connection that died while it lay in the pool is replaced, not handed out.
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": 5,
                # Without them a lost peer or a stuck statement would hold a worker for ever.
                "options": "-c statement_timeout=10000 -c idle_in_transaction_session_timeout=15000"
                " -c timezone=utc",
            },
        )
    sessions = sessionmaker(engine, expire_on_commit=False)
    reads = sessionmaker(
        engine.execution_options(sqlite_begin="BEGIN"), expire_on_commit=False, autoflush=False
    )
    for made in (sessions, reads):
        event.listen(made, "do_orm_execute", restrict)
    audit.listen(sessions)
    return Database(engine=engine, sessions=sessions, reads=reads)


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own BEGIN is switched off, so that `_begin_sqlite` decides which one is sent.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    # NORMAL may lose the last commits at a power cut, and a commit is what accepts a frame.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA busy_timeout = 10000")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    # A writer that begins as a reader gets SQLITE_BUSY at once when it turns writer, in spite of
    # the time-out; one that begins IMMEDIATE waits for its turn.
    options = connection.get_execution_options()
    connection.exec_driver_sql(options.get("sqlite_begin", "BEGIN IMMEDIATE"))


def database_now(session: Session) -> datetime:
    """The database's clock, by which leases are given and judged.

    SQLite lives in this host's files, so this host's clock is its clock.
    """
    if session.get_bind().dialect.name == "sqlite":
        return utc_now()
    now: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return now
