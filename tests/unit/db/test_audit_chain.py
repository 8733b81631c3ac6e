"""The chain of the audit log: nothing in it can be changed, and what was is found."""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db import audit
from db.access import Access, Actor, ActorKind, acting
from db.audit_chain import FIRST, Verified, verify
from db.engine import Database
from tests import factories

WHO = Actor(ActorKind.PERSON, 1, "Ündîne")

_COLUMNS = (
    "at, actor_kind, actor_id, actor_name, address, action, object_kind, object_id, object_name,"
    " site_id, line_id, before, after"
)


@pytest.fixture
def log(any_database: Database) -> Database:
    """A log of five entries."""
    for number in range(5):
        with any_database.sessions.begin() as session:
            audit.record(session, f"did {number}", actor=WHO, detail={"µ": 0.1 + 0.2, "n": None})
    return any_database


def without_triggers(database: Database, statement: str) -> None:
    """What somebody does who has the database's own password and patience."""
    sqlite = database.engine.dialect.name == "sqlite"
    with database.engine.begin() as connection:
        if sqlite:
            for name in ("update", "delete", "replace"):
                connection.execute(text(f"DROP TRIGGER audit_entry_no_{name}"))
        else:
            connection.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER ALL"))
        connection.execute(text(statement))


def test_what_was_written_holds(log: Database) -> None:
    with log.reads() as session:
        whole = verify(session)
    assert (whole.entries, whole.broken_id, whole.problem) == (5, None, "")
    assert whole.head != FIRST
    with log.reads() as session:
        assert verify(session, kept=whole.head).kept_found is True
        assert verify(session, kept="f" * 64).kept_found is False


def test_an_empty_log_holds(any_database: Database) -> None:
    with any_database.reads() as session:
        assert verify(session) == Verified(0, FIRST)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET actor_name = 'Bob' WHERE id = 3",
        "UPDATE audit_entry SET after = NULL",
        "DELETE FROM audit_entry WHERE id = 5",
        "DELETE FROM audit_entry",
    ],
)
def test_the_database_refuses_to_change_it(log: Database, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"), log.engine.begin() as connection:
        connection.execute(text(statement))
    with log.reads() as session:
        assert verify(session).entries == 5


def test_nor_is_an_entry_replaced_or_all_emptied(log: Database) -> None:
    if log.engine.dialect.name == "sqlite":
        statement = (
            f"INSERT OR REPLACE INTO audit_entry (id, {_COLUMNS}, previous_hash, hash)"
            f" SELECT id, {_COLUMNS}, previous_hash, 'x' FROM audit_entry WHERE id = 2"
        )
    else:
        statement = "TRUNCATE audit_entry"
    with pytest.raises(DBAPIError, match="append-only"), log.engine.begin() as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize(
    ("statement", "broken_id"),
    [
        ("UPDATE audit_entry SET actor_name = 'Bob' WHERE id = 3", 3),
        ("UPDATE audit_entry SET address = '10.0.0.1' WHERE id = 1", 1),
        ("UPDATE audit_entry SET line_id = 4 WHERE id = 5", 5),
        ("UPDATE audit_entry SET hash = 'y' WHERE id = 4", 4),
        ("DELETE FROM audit_entry WHERE id = 2", 3),
        ("DELETE FROM audit_entry WHERE id = 1", 2),
    ],
)
def test_what_was_changed_past_the_triggers_is_found(
    log: Database, statement: str, broken_id: int
) -> None:
    without_triggers(log, statement)
    with log.reads() as session:
        found = verify(session)
    assert found.broken_id == broken_id
    assert found.problem


def test_what_was_cut_off_at_the_end_is_found_by_a_hash_kept_elsewhere(log: Database) -> None:
    with log.reads() as session:
        head = verify(session).head
    without_triggers(log, "DELETE FROM audit_entry WHERE id > 3")
    with log.reads() as session:
        found = verify(session, kept=head)
    assert (found.entries, found.broken_id, found.kept_found) == (3, None, False)


def test_writers_at_once_make_one_chain(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        station_ids = [factories.make_station(session).id for _ in range(2)]
    gate = threading.Barrier(6)
    failures: list[BaseException] = []
    lock = text("UPDATE station SET name = name WHERE id = :id")

    def edit(number: int) -> None:
        gate.wait()
        try:
            with acting(Access(Actor(ActorKind.TOKEN, number, f"w{number}"), None)):
                for turn in range(5):
                    with any_database.sessions.begin() as session:
                        # A row that others want is locked after the first noted change: did
                        # that hold the chain's lock already, some would wait in a circle.
                        if turn % 2:
                            session.execute(lock, {"id": station_ids[number % 2]})
                        factories.make_site(session, name=f"{number} {turn}")
                        session.execute(lock, {"id": station_ids[number % 2]})
        except BaseException as error:  # noqa: BLE001  (shown by the test below)
            failures.append(error)

    run_all(6, edit)
    assert failures == []
    with any_database.reads() as session:
        found = verify(session)
    assert (found.entries, found.broken_id) == (30, None)


def run_all(count: int, what: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=what, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
