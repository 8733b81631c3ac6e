"""How far a source was played: the ledger knows, so that a restart repeats and skips nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from db.base import utc_now
from db.engine import Database
from db.queries import cameras
from db.queries.cameras import CameraSpec
from services.ingest.frame import Pulse, SourceUnavailable
from services.ingest.health import Health

_log = structlog.get_logger()
_RETRY_S = 1.0
T = TypeVar("T")


class LedgerMemory:
    """Implements `sources.Memory`. Where the database is away it waits."""

    def __init__(self, database: Database, spec: CameraSpec, pulse: Pulse, health: Health) -> None:
        self._database, self._spec, self._pulse, self._health = database, spec, pulse, health

    def began_at(self) -> datetime:
        now = utc_now()
        return self._ask(lambda session: cameras.begin_play(session, self._spec.camera_id, now))

    def last_at(self) -> datetime | None:
        last = self._ask(
            lambda session: cameras.last_frame(
                session, self._spec.camera_id, self._spec.options.from_sequence
            )
        )
        return None if last is None else last.captured_at

    def taken_keys(self) -> set[str]:
        return self._ask(
            lambda session: cameras.played_keys(
                session, self._spec.camera_id, self._spec.options.from_sequence
            )
        )

    def _ask(self, question: Callable[[Session], T]) -> T:
        while True:
            try:
                with self._database.sessions.begin() as session:
                    return question(session)
            except SQLAlchemyError as error:
                _log.warning("camera.database_away", error=type(error).__name__)
                self._health.offline("the database is away")
                if self._pulse.wait(_RETRY_S):
                    raise SourceUnavailable("stopped while the database was away") from error
