"""Writes a camera's health to the database and tells live screens, from a thread of its own.

So a slow or absent database never holds up the frames. What could not be written is written
when the database is back.
"""

from __future__ import annotations

import json
import threading
import time

import redis
import structlog
from sqlalchemy.exc import SQLAlchemyError

from db.base import utc_now
from db.bell import EVENTS_CHANNEL
from db.engine import Database
from db.queries import camera_states, cameras
from services.ingest.health import Condition, Health, MinuteCounts
from services.ingest.pace import Pace

_log = structlog.get_logger()

_LOOK_EVERY_S = 0.25
_BEAT_EVERY_S = 5.0
_RETRY_S = 2.0


class Announcer:
    """Publishes camera states to live screens. An event that is lost is no lost fact."""

    def __init__(self, redis_url: str) -> None:
        self._client = redis.Redis.from_url(
            redis_url, socket_timeout=1, socket_connect_timeout=1, protocol=2
        )

    def camera(self, station_id: int, camera_id: int, state: str) -> None:
        event = {
            "type": "camera",
            "station_id": station_id,
            "camera_id": camera_id,
            "state": state,
        }
        try:
            self._client.publish(EVENTS_CHANNEL, json.dumps(event))
        except redis.RedisError as error:
            _log.debug("camera.event_lost", error=str(error))

    def close(self) -> None:
        self._client.close()


class Reporter:
    """Keeps a camera's row up to date: its state at once, beat and counts every few seconds."""

    def __init__(
        self,
        database: Database,
        announcer: Announcer,
        *,
        camera_id: int,
        station_id: int,
        health: Health,
        minutes: MinuteCounts,
        pace: Pace,
    ) -> None:
        self._database, self._announcer = database, announcer
        self._camera_id, self._station_id = camera_id, station_id
        self._health, self._minutes, self._pace = health, minutes, pace
        self._written: Condition | None = None
        self._next_beat_s = 0.0
        self._quiet_until_s = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="report", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self, timeout_s: float) -> None:
        """Write what is left, for at most `timeout_s`."""
        self._stop.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_EVERY_S):
            self._report(time.monotonic())
        self._next_beat_s = self._quiet_until_s = 0.0
        self._report(time.monotonic())

    def _report(self, now_s: float) -> None:
        condition = self._health.condition()
        changed = condition != self._written
        if now_s < self._quiet_until_s or not (changed or now_s >= self._next_beat_s):
            return
        counts = self._minutes.snapshot()
        try:
            with self._database.sessions.begin() as session:
                told = changed and camera_states.write_state(
                    session, self._camera_id, condition.state, condition.reason, condition.since
                )
                camera_states.write_beat(session, self._camera_id, utc_now(), self._pace.interval_s)
                cameras.add_minutes(session, self._camera_id, counts)
        except SQLAlchemyError as error:
            # Not an error's text: it holds the statement with its values.
            _log.warning("camera.report_unwritten", error=type(error).__name__)
            self._quiet_until_s = now_s + _RETRY_S
            return
        self._minutes.written(counts)
        self._written = condition
        self._next_beat_s = now_s + _BEAT_EVERY_S
        if told:
            _log.info("camera.state", state=condition.state.value, reason=condition.reason)
            self._announcer.camera(self._station_id, self._camera_id, condition.state.value)
