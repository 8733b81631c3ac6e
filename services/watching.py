"""A chore of the sweeper: references that are due, checks by the hour, holds where asked for."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import structlog

from db.base import utc_now
from db.engine import Database
from db.queries import station_checks, station_references

_log = structlog.get_logger()


class SelfCheck(StrEnum):
    """What becomes of a self-check that alarms."""

    OFF = "off"  # nothing is checked
    WARN = "warn"  # it stands on the charts
    HOLD = "hold"  # where it lasts, the station goes on hold


def run_once(database: Database, self_check: SelfCheck, *, now: datetime | None = None) -> None:
    """Make what is due. Safe to run twice: the second finds it made."""
    if self_check is SelfCheck.OFF:
        return
    now = now or utc_now()
    with database.sessions.begin() as session:
        made = [each.camera_id for each in station_references.make_due_references(session)]
    if made:
        _log.info("watching.references", camera_ids=made)
    with database.sessions.begin() as session:
        station_checks.run_checks(session, now)
    if self_check is SelfCheck.HOLD:
        with database.sessions.begin() as session:
            held = [
                (hold.station_id, hold.reason)
                for hold in station_checks.put_untrusted_on_hold(session, now)
            ]
        for station_id, reason in held:
            _log.error("station.on_hold", station_id=station_id, reason=reason)
