"""Live events to the screens, through Redis pub/sub. A lost event is never a lost fact."""

import json
import threading
import time
from typing import Any

import redis
import structlog

from db.bell import EVENTS_CHANNEL

_log = structlog.get_logger()

_TIMEOUT_S = 0.5
_PAUSE_S = 5.0


class Events:
    """Publishes after commits, from any thread, and never fails or holds up whoever calls.

    While Redis is away, events are dropped without trying: screens read again when they return.
    """

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self._lock = threading.Lock()
        self._client: redis.Redis | None = None
        self._paused_until = 0.0

    def publish(self, *events: dict[str, Any]) -> bool:
        """Tell them, in one round trip; False where they could not be told."""
        with self._lock:
            if time.monotonic() < self._paused_until:
                return False
            if self._client is None:
                # Not in __init__: a server that forks its workers must not share a socket.
                self._client = redis.Redis.from_url(
                    self._redis_url,
                    socket_timeout=_TIMEOUT_S,
                    socket_connect_timeout=_TIMEOUT_S,
                )
            client = self._client
        try:
            with client.pipeline(transaction=False) as pipeline:
                for event in events:
                    pipeline.publish(EVENTS_CHANNEL, json.dumps(event))
                pipeline.execute()
        except (redis.RedisError, OSError) as error:
            _log.warning("events.unheard", error=str(error), retry_s=_PAUSE_S)
            with self._lock:
                self._paused_until = time.monotonic() + _PAUSE_S
            return False
        return True

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None
