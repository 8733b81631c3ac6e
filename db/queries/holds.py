"""Stations on hold: nobody trusts what they say, and their frames are not inspected.

A hold begins by the station's self-check or by a person, and ends by a person's word alone. What
came while it lasted is `not_inspected: station_hold` and is not judged later by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.base import utc_now
from db.errors import Conflict, Invalid
from db.models import StationHold
from db.paging import Page, flush_new, page_of_entities

REASON_LENGTH = 300  # of the columns


def holds_of(session: Session, station_ids: Collection[int]) -> Mapping[int, StationHold]:
    """The hold of each station that is on hold."""
    if not station_ids:
        return {}
    found = session.scalars(
        select(StationHold).where(
            StationHold.station_id.in_(station_ids), StationHold.ended_at.is_(None)
        )
    )
    return {hold.station_id: hold for hold in found}


def list_holds(
    session: Session, station_id: int, *, after: int | None, limit: int
) -> Page[StationHold]:
    """Holds of a station, the newest first."""
    statement = select(StationHold).where(StationHold.station_id == station_id)
    return page_of_entities(
        session,
        StationHold,
        statement,
        StationHold.id,
        after=after,
        limit=limit,
        newest_first=True,
    )


def put_on_hold(session: Session, station_id: int, reason: str, by: str = "") -> StationHold:
    """Put a station on hold; `by` empty: its self-check does.

    What a worker has claimed already is still judged; what is claimed from the commit on is not.

    Raises:
        Invalid: no reason is given.
        Conflict: it is on hold already.
    """
    said = reason.strip()[:REASON_LENGTH]
    if not said:
        raise Invalid("reason", reason, "a reason, so that others know what to look for")
    standing = holds_of(session, [station_id]).get(station_id)
    if standing is not None:
        raise Conflict("hold", f"the station is on hold already: {standing.reason}")
    hold = StationHold(station_id=station_id, reason=said, by=by[:100])
    session.add(hold)
    flush_new(session, "hold", station_id)
    return hold


def release(session: Session, station_id: int, word: str, by: str) -> StationHold:
    """End the hold of a station, with what was done about it.

    Raises:
        Invalid: nothing is said.
        Conflict: it is not on hold.
    """
    said = word.strip()[:REASON_LENGTH]
    if not said:
        raise Invalid("word", word, "a word on what was found or done")
    hold = holds_of(session, [station_id]).get(station_id)
    if hold is None:
        raise Conflict("hold", "the station is not on hold")
    hold.ended_at, hold.ended_by, hold.word = utc_now(), by[:100], said
    session.flush()
    return hold
