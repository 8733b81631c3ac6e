import json
import threading

import pytest
from flask import Flask

from dashboards.coalesce import Coalesced
from dashboards.hub import EventHub, Listener
from dashboards.values import EXTENSION
from tests.servers import wait_until

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
    listener = Listener([])
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
    first = hub.listen([], most=1)
    assert first is not None
    assert hub.listen([], most=1) is None
    hub.leave(first)
    assert hub.listen([], most=1) is not None


def test_a_stream_says_when_to_come_back_and_is_left_when_it_closes(app: Flask) -> None:
    answer = app.test_client().get("/events?stations=1", buffered=False)
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
