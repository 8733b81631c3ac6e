"""The bell rope: wakes workers through Redis, and never holds up or breaks who pulls it."""

from __future__ import annotations

import random
import threading
import time
from typing import Any

import structlog
from celery import Celery

from db.bell import (
    BROKER_TRANSPORT_OPTIONS,
    INSPECT_TASK,
    TRAIN_QUEUE,
    TRAIN_TASK,
    TRIAL_QUEUE,
    TRIAL_TASK,
    celery_broker_url,
)

_log = structlog.get_logger()

_COALESCE_S = 0.02  # rings of one queue that come closer together are one
_ENOUGH_RINGS = 8  # a ring that already waits will find what was committed before this one
_BACK_OFF_S = (0.2, 3.0)
# Of every other queue, which a recipe may name, the task is to inspect.
_TASK_OF = {TRIAL_QUEUE: TRIAL_TASK, TRAIN_QUEUE: TRAIN_TASK}


class Bell:
    """Rings queues from one background thread.

    A ring is sent after the commit of what it announces. While Redis is away it is kept, once
    per queue, and sent when Redis is back; the sweeper makes up for rings that are lost.
    """

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self._wanted: set[str] = set()
        self._changed = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    def ring(self, queue: str) -> None:
        """Ask for a ring of `queue`; returns at once, whatever Redis does."""
        with self._changed:
            self._wanted.add(queue)
            if self._thread is None and not self._closed:
                # Not in __init__: a server that forks its workers would leave the thread behind.
                self._thread = threading.Thread(target=self._run, name="bell", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self, timeout_s: float = 1.0) -> None:
        """Send what still is wanted, for at most `timeout_s`, and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        ringer = _Ringer(self._redis_url)
        back_off_s = _BACK_OFF_S[0]
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted or self._closed)
                queues = sorted(self._wanted)
                self._wanted.clear()
                closed = self._closed
            try:
                for queue in queues:
                    ringer.send(queue)
                back_off_s = _BACK_OFF_S[0]
            except Exception as error:  # noqa: BLE001 - outermost loop; what kombu raises is open
                _log.warning("bell.unheard", error=str(error), retry_s=round(back_off_s, 1))
                ringer.reconnect()
                with self._changed:
                    self._wanted.update(queues)
                    if not closed:
                        self._changed.wait_for(lambda: self._closed, back_off_s)
                back_off_s = min(back_off_s * 2, _BACK_OFF_S[1]) * random.uniform(0.8, 1.2)  # noqa: S311
            if closed:
                ringer.reconnect()
                return
            time.sleep(_COALESCE_S)


class _Ringer:
    """A producer's connection, used by one thread."""

    def __init__(self, redis_url: str) -> None:
        self._app = Celery(
            "lineside-bell", broker=celery_broker_url(redis_url), set_as_current=False
        )
        self._app.conf.update(
            broker_transport_options=dict(BROKER_TRANSPORT_OPTIONS),
            task_ignore_result=True,
            task_serializer="json",
            # A publish that fails raises here, and the loop above decides when to try again.
            task_publish_retry=False,
        )
        self._connection: Any = None

    def send(self, queue: str) -> None:
        if self._connection is None:
            self._connection = self._app.connection_for_write()
        declared = self._app.amqp.queues[queue](self._connection.default_channel).queue_declare()
        if declared.message_count >= _ENOUGH_RINGS:
            return
        task = _TASK_OF.get(queue, INSPECT_TASK)
        self._app.send_task(task, args=[queue], queue=queue, connection=self._connection)

    def reconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.release()
