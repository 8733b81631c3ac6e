"""Many rows in one statement, with their ids in the order of the rows."""

from sqlalchemy import event, select

from db.engine import Database
from db.models import Lot
from db.queries.inserting import insert_for_ids, insert_rows


def test_ids_come_in_the_order_of_the_rows(database: Database) -> None:
    codes = [f"L-{number:02}" for number in range(40, 0, -1)]
    with database.sessions.begin() as session:
        session.add(Lot(code="waiting in the session"))
        first = insert_for_ids(session, Lot, [{"code": code} for code in codes])
        more = insert_for_ids(session, Lot, [{"code": "last"}])
        assert insert_for_ids(session, Lot, []) == []
    with database.reads() as session:
        found = dict(session.execute(select(Lot.id, Lot.code)).all())
    assert [found[id_] for id_ in first + more] == [*codes, "last"]
    assert len(found) == 42


def test_however_many_rows_it_is_one_insert(database: Database) -> None:
    said: list[str] = []
    with database.sessions.begin() as session:
        event.listen(
            database.engine,
            "before_cursor_execute",
            lambda _connection, _cursor, statement, *_: said.append(statement),
        )
        insert_for_ids(session, Lot, [{"code": str(number)} for number in range(20)])
        insert_rows(session, Lot, [{"code": str(number)} for number in range(20, 40)])
        insert_rows(session, Lot, [])
    assert len([text for text in said if text.startswith("INSERT")]) == 2
