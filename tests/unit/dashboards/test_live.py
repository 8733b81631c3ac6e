import itertools
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from dashboards import DashboardValues, create_app
from dashboards.coalesce import Coalesced
from dashboards.hub import EventHub, Listener
from dashboards.live import _stream
from dashboards.values import EXTENSION
from db.access import Role
from db.engine import Database
from db.frames import FrameStore
from db.queries.people import Grant
from tests import factories
from tests.servers import wait_until
from tests.signed_in import sign_in
from tests.unit.dashboards.conftest import NOW, ToldEvents

AWAY = "redis://127.0.0.1:1/0"


def test_a_listener_hears_of_its_stations_and_keeps_only_the_newest() -> None:
    listener = Listener([1, 2])
    for number in range(1000):
        listener.offer({"type": "inspection", "station_id": 1, "inspection_id": number})
    listener.offer({"type": "inspection", "station_id": 3, "inspection_id": 5})
    listener.offer({"type": "camera", "station_id": 1, "state": "offline"})
    taken = listener.take(0)
    assert [(event["type"], event["station_id"]) for event in taken] == [
        ("inspection", 1),
        ("camera", 1),
    ]
    assert taken[0]["inspection_id"] == 999
    assert listener.take(0) == []


def test_one_that_named_no_station_hears_everything() -> None:
    listener = Listener(None)
    listener.offer({"type": "inspection", "station_id": 7})
    assert listener.take(0)


def test_while_redis_is_away_listeners_are_told_to_read_again() -> None:
    hub = EventHub(AWAY)
    listener = hub.listen([1], most=5)
    assert listener is not None
    assert {"type": "tick"} in listener.take(10)
    assert not hub.connected.is_set()


def test_no_more_streams_than_the_server_has_threads_for() -> None:
    hub = EventHub(AWAY)
    first = hub.listen(None, most=1)
    assert first is not None
    assert hub.listen(None, most=1) is None
    hub.leave(first)
    assert hub.listen(None, most=1) is not None


def test_a_stream_says_when_to_come_back_and_is_left_when_it_closes(
    app: Flask, client: FlaskClient, database: Database
) -> None:
    with database.sessions.begin() as session:
        station_id = factories.make_station(session).id
    answer = client.get(f"/events?stations={station_id}", buffered=False)
    assert answer.mimetype == "text/event-stream"
    chunks = answer.iter_encoded()
    assert next(chunks).startswith(b"retry: ")
    beat = next(chunks).decode()
    assert beat.startswith(":")  # a comment, for proxies
    assert "event: beat" in beat
    told = next(chunks).decode()
    assert json.loads(told.removeprefix("data: ")) == {"type": "tick"}
    hub = app.extensions[EXTENSION].hub
    assert hub.listeners == 1
    answer.close()
    wait_until(lambda: hub.listeners == 0, 5, "the stream has left")


def test_a_stream_ends_by_itself_so_that_who_listens_is_asked_for_again() -> None:
    listener = Listener(None)
    listener.offer({"type": "tick"})
    told = list(_stream(listener, lambda: NOW, lambda: False, lasts_s=0.01))
    assert told[-1].startswith("event: again\n")


@pytest.mark.timeout(30)
def test_askers_at_the_same_time_share_one_reading_that_began_after_they_asked() -> None:
    coalesced: Coalesced[int] = Coalesced()
    readings = 0
    first_reads, go_on = threading.Event(), threading.Event()

    def read() -> int:
        nonlocal readings
        readings += 1
        mine = readings
        if mine == 1:
            first_reads.set()
            go_on.wait(10)
        return mine

    answers: list[int] = []
    ask = lambda: answers.append(coalesced.get("board", read))  # noqa: E731
    first = threading.Thread(target=ask)
    first.start()
    first_reads.wait(10)
    # All of these ask while the first reading is under way, so it may be older than their event.
    late = [threading.Thread(target=ask) for _ in range(20)]
    for thread in late:
        thread.start()
    wait_until(lambda: len(coalesced._next) == 1, 5, "the late ones wait")
    go_on.set()
    for thread in [first, *late]:
        thread.join(10)
    assert answers[0] == 1
    assert len(answers) == 21
    assert all(answer > 1 for answer in answers[1:])
    assert readings <= 4  # one for the first, one for the late; a straggler may need another


def test_a_failing_reading_fails_for_each_and_is_not_remembered() -> None:
    coalesced: Coalesced[int] = Coalesced()

    def fail() -> int:
        raise OSError("away")

    with pytest.raises(OSError, match="away"):
        coalesced.get("board", fail)
    assert coalesced.get("board", lambda: 5) == 5


@pytest.fixture
def many(database: Database, store: FrameStore, events: ToldEvents) -> Flask:
    """An app that takes as many streams as a hall has screens."""
    return create_app(
        DashboardValues(
            database, store, events, AWAY, b"secret" * 6, max_streams=60, now=lambda: NOW
        )
    )


@pytest.mark.timeout(120)
def test_fifty_viewers_cost_the_database_what_one_does(
    many: Flask, database: Database, count_queries: Callable[[], Any]
) -> None:
    with database.sessions.begin() as session:
        camera = factories.make_camera(session)
        factories.decide(session, camera, "fail", found=[factories.Found()], captured_at=NOW)
        station_id, line_id = camera.station_id, camera.station.line_id
    client = sign_in(many)
    streams = [client.get(f"/events?stations={station_id}", buffered=False) for _ in range(50)]
    hub = many.extensions[EXTENSION].hub
    assert hub.listeners == 50
    heard = [stream.iter_encoded() for stream in streams]
    for chunks in heard:
        next(chunks), next(chunks)  # when to come back, and the time
    with count_queries() as statements:
        hub.tell({"type": "inspection", "station_id": station_id, "inspection_id": 1})
        for chunks in heard:
            assert b"data: " in next(chunks)
    assert statements == [], "an open stream asked the database"
    assert database.engine.pool.checkedout() == 0, "an open stream holds a connection"
    for stream in streams:
        stream.close()

    # What the event makes all of them do: read the tile again, in the same moment.
    path = f"/lines/{line_id}/tiles/{station_id}"
    with count_queries() as alone:
        assert client.get(path).status_code == 200
    of_board = [each for each in alone if "count(" in each.lower()]
    assert of_board, "the tile's counts are read from the database"
    viewers = [sign_in(many) for _ in range(50)]
    with count_queries() as together, gate_at_board(database) as (reached, go_on, looked_up):
        threads = [threading.Thread(target=viewer.get, args=(path,)) for viewer in viewers]
        for thread in threads:
            thread.start()
        assert reached.wait(30)
        wait_until(lambda: looked_up() >= 50, 60, "all have asked")
        go_on.set()
        for thread in threads:
            thread.join(60)
    read = [each for each in together if "count(" in each.lower()]
    # One reading that had begun, one for all who came meanwhile, and perhaps one for a straggler.
    assert len(read) <= 4 * len(of_board), f"{len(read)} against {len(of_board)} of one viewer"


@contextmanager
def gate_at_board(
    database: Database,
) -> Iterator[tuple[threading.Event, threading.Event, Callable[[], int]]]:
    """Holds the first reading of a board until told; counts who has looked its line up."""
    reached, go_on, lookups = threading.Event(), threading.Event(), itertools.count()
    seen = [0]

    def hold(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "count(" in statement.lower() and not reached.is_set():
            reached.set()
            go_on.wait(90)
        elif "FROM line" in statement and "WHERE line." in statement:
            seen[0] = next(lookups) + 1

    event.listen(database.engine, "before_cursor_execute", hold)
    try:
        yield reached, go_on, lambda: seen[0]
    finally:
        go_on.set()
        event.remove(database.engine, "before_cursor_execute", hold)


def test_a_stream_of_what_is_not_there_or_not_theirs_is_refused(
    app: Flask, database: Database
) -> None:
    with database.sessions.begin() as session:
        mine, theirs = factories.make_station(session), factories.make_station(session)
        line_id = mine.line_id
    client = sign_in(app, Grant(Role.OPERATOR, line_id=line_id))
    for stations in (f"{theirs.id}", f"{mine.id},{theirs.id}", "4711"):
        assert client.get(f"/events?stations={stations}").status_code == 404, stations
    for stations in ("x", "-1", "9" * 30, ",".join(map(str, range(501)))):
        assert client.get(f"/events?stations={stations}").status_code == 400, stations


def test_a_stream_of_everything_is_of_everything_that_one_may_see(
    app: Flask, database: Database
) -> None:
    with database.sessions.begin() as session:
        mine, theirs = factories.make_station(session), factories.make_station(session)
        line_id = mine.line_id
    answer = sign_in(app, Grant(Role.OPERATOR, line_id=line_id)).get("/events", buffered=False)
    hub = app.extensions[EXTENSION].hub
    chunks = answer.iter_encoded()
    next(chunks), next(chunks)
    hub.tell({"type": "inspection", "station_id": theirs.id, "inspection_id": 1})
    hub.tell({"type": "inspection", "station_id": mine.id, "inspection_id": 2})
    told = next(chunks)
    while b"inspection" not in told:
        told = next(chunks)
    assert json.loads(told.removeprefix(b"data: "))["inspection_id"] == 2
    answer.close()
