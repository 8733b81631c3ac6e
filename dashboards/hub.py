"""One Redis subscription of this process, fanned out to every open event stream.

A listener keeps the newest event of each kind and station, not a queue: a page re-reads what
changed, so that a busy line or a slow viewer costs neither memory nor time. While Redis is away
listeners are told to read again every few seconds, and once more when it is back.
"""

import json
import threading
import time
from collections.abc import Collection
from typing import Any

import redis
import structlog

from db.bell import EVENTS_CHANNEL

_log = structlog.get_logger()

TICK_S = 5.0
_RETRY_S = 2.0
TICK = {"type": "tick"}


class Listener:
    """What one stream has not been told yet."""

    def __init__(self, station_ids: Collection[int] | None) -> None:
        self._stations = None if station_ids is None else frozenset(station_ids)
        self._changed = threading.Condition()
        self._pending: dict[tuple[str, int | None], dict[str, Any]] = {}

    def offer(self, event: dict[str, Any]) -> None:
        station_id = event.get("station_id")
        if self._stations is not None and station_id not in (None, *self._stations):
            return
        with self._changed:
            self._pending[event["type"], station_id] = event
            self._changed.notify()

    def take(self, timeout_s: float) -> list[dict[str, Any]]:
        """Everything new, waiting for it at most so long; empty where there was nothing."""
        with self._changed:
            self._changed.wait_for(lambda: self._pending, timeout_s)
            taken = list(self._pending.values())
            self._pending.clear()
        return taken


class EventHub:
    """Starts its thread with the first listener, because a server may fork before that."""

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()
        self._thread: threading.Thread | None = None
        self.connected = threading.Event()

    def listen(self, station_ids: Collection[int] | None, most: int) -> Listener | None:
        """A new listener for the events of some stations (None: of all); None: too many."""
        with self._lock:
            if len(self._listeners) >= most:
                return None
            listener = Listener(station_ids)
            self._listeners.add(listener)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="events", daemon=True)
                self._thread.start()
        return listener

    def leave(self, listener: Listener) -> None:
        with self._lock:
            self._listeners.discard(listener)

    @property
    def listeners(self) -> int:
        with self._lock:
            return len(self._listeners)

    def tell(self, event: dict[str, Any]) -> None:
        """Hand an event to the listeners of this process."""
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener.offer(event)

    def _run(self) -> None:
        while True:
            try:
                self._subscribe()
            except (redis.RedisError, OSError) as error:
                if self.connected.is_set():
                    _log.warning("dashboards.events_unheard", error=str(error))
                self.connected.clear()
            next_tick = time.monotonic() + TICK_S
            self.tell(TICK)
            while not self._reachable():
                time.sleep(_RETRY_S)
                if time.monotonic() >= next_tick:
                    self.tell(TICK)
                    next_tick = time.monotonic() + TICK_S

    def _client(self) -> "redis.Redis":
        return redis.Redis.from_url(
            self._redis_url, socket_connect_timeout=1, socket_timeout=5, health_check_interval=10
        )

    def _reachable(self) -> bool:
        try:
            with self._client() as client:
                return bool(client.ping())
        except (redis.RedisError, OSError):
            return False

    def _subscribe(self) -> None:
        with self._client() as client, client.pubsub(ignore_subscribe_messages=True) as pubsub:
            pubsub.subscribe(EVENTS_CHANNEL)
            self.connected.set()
            # What was told before the subscription stood has been missed.
            self.tell(TICK)
            while True:
                message = pubsub.get_message(timeout=1.0)
                if message is not None:
                    self._take_in(message["data"])

    def _take_in(self, data: bytes) -> None:
        try:
            event = json.loads(data)
        except ValueError:
            _log.warning("dashboards.event_unreadable", size_bytes=len(data))
            return
        if isinstance(event, dict) and isinstance(event.get("type"), str):
            self.tell(event)
