"""The fan-out of live events over a real Redis, which goes away and comes back."""

import time
from collections.abc import Iterator

import pytest

from dashboards.hub import TICK, EventHub, Listener
from db.bell import EVENTS_CHANNEL
from db.events import Events
from tests.servers import RedisServer, running_redis, wait_until


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A Redis that the test may kill."""
    with running_redis() as server:
        yield server


def take_until(listener: Listener, wanted: dict[str, object], timeout_s: float = 30) -> None:
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if wanted in listener.take(0.5):
            return
    raise AssertionError(f"not told within {timeout_s} s: {wanted}")


def test_many_screens_cost_redis_one_subscription(own_redis: RedisServer) -> None:
    hub = EventHub(own_redis.url)
    listeners = [hub.listen([1], most=50) for _ in range(50)]
    assert hub.connected.wait(30)
    with own_redis.client() as client:
        wait_until(
            lambda: dict(client.pubsub_numsub(EVENTS_CHANNEL))[EVENTS_CHANNEL.encode()] == 1,
            30,
            "one subscription stands",
        )
    event = {"type": "inspection", "station_id": 1, "inspection_id": 9}
    assert Events(own_redis.url).publish(event)
    for listener in listeners:
        assert listener is not None
        take_until(listener, event)


def test_what_is_not_an_event_hurts_nobody(own_redis: RedisServer) -> None:
    hub = EventHub(own_redis.url)
    listener = hub.listen(None, most=1)
    assert listener is not None
    assert hub.connected.wait(30)
    with own_redis.client() as client:
        for junk in (b"\xff\xfe", b"{", b"[]", b"7", b'{"type": 5}'):
            client.publish(EVENTS_CHANNEL, junk)
    event = {"type": "camera", "station_id": 4, "state": "offline"}
    assert Events(own_redis.url).publish(event)
    take_until(listener, event)


def test_after_redis_was_away_everybody_is_told_to_read_again(own_redis: RedisServer) -> None:
    hub = EventHub(own_redis.url)
    listener = hub.listen([1], most=1)
    assert listener is not None
    assert hub.connected.wait(30)
    take_until(listener, TICK)  # of the beginning
    own_redis.kill()
    wait_until(lambda: not hub.connected.is_set(), 30, "the loss is noticed")
    take_until(listener, TICK)
    own_redis.start()
    assert hub.connected.wait(30)
    take_until(listener, TICK)
    event = {"type": "inspection", "station_id": 1, "inspection_id": 10}
    wait_until(lambda: Events(own_redis.url).publish(event), 30, "Redis takes events again")
    take_until(listener, event)
