"""The discrepancies of some stations while inspections are folded into them.

They are read once, change in memory, and are written back in a few statements, however many
frames were folded: a claim of twenty frames may open and resolve as many.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from db.models import Discrepancy, DiscrepancyEvent, Inspection
from db.queries.inserting import insert_for_ids, insert_rows
from db.queries.outbox import NewAlert, payload_of, places_of, write_alerts
from inspection.verdicts import DiscrepancyState

UNRESOLVED = (DiscrepancyState.OPEN.value, DiscrepancyState.ACKNOWLEDGED.value)

Place = tuple[str, str]  # kind, place


@dataclass(eq=False)
class Standing:
    """A discrepancy as it stands after the frames folded so far."""

    station_id: int
    kind: str
    place: str
    severity: str
    state: str
    detail: str
    opened_at: datetime
    last_seen_at: datetime
    closed_at: datetime | None
    first_inspection_id: int
    last_inspection_id: int
    seen_count: int
    clean_count: int
    actor: str | None
    revision: int
    camera_id: int  # which saw it last: only that one can clear it
    id: int | None = None  # None: opened by this fold
    touched: bool = False  # something differs from its row
    changed: bool = False  # something that screens show

    def values(self) -> dict[str, Any]:
        return {
            "severity": self.severity,
            "state": self.state,
            "detail": self.detail,
            "last_seen_at": self.last_seen_at,
            "closed_at": self.closed_at,
            "last_inspection_id": self.last_inspection_id,
            "seen_count": self.seen_count,
            "clean_count": self.clean_count,
            "actor": self.actor,
            "revision": self.revision,
        }


class Board:
    """All unresolved discrepancies of some stations, and what happened to them here."""

    def __init__(self, session: Session, station_ids: Sequence[int]) -> None:
        self._session = session
        self._station_ids = station_ids
        self._by_station: dict[int, dict[Place, Standing]] = {id_: {} for id_ in station_ids}
        self._all: list[Standing] = []
        self._events: list[tuple[Standing, str, int, datetime]] = []
        self._alerts: list[tuple[Standing, str, dict[str, object]]] = []
        rows = session.execute(
            select(
                Discrepancy.station_id,
                Discrepancy.kind,
                Discrepancy.place,
                Discrepancy.severity,
                Discrepancy.state,
                Discrepancy.detail,
                Discrepancy.opened_at,
                Discrepancy.last_seen_at,
                Discrepancy.closed_at,
                Discrepancy.first_inspection_id,
                Discrepancy.last_inspection_id,
                Discrepancy.seen_count,
                Discrepancy.clean_count,
                Discrepancy.actor,
                Discrepancy.revision,
                Inspection.camera_id,
                Discrepancy.id,
            )
            .join(Inspection, Inspection.id == Discrepancy.last_inspection_id)
            .where(Discrepancy.station_id.in_(station_ids), Discrepancy.state.in_(UNRESOLVED))
        )
        for row in rows:
            self.add(Standing(*tuple(row)))

    def of_station(self, station_id: int) -> dict[Place, Standing]:
        """The unresolved ones; resolving takes them out."""
        return self._by_station[station_id]

    def add(self, standing: Standing) -> None:
        self._all.append(standing)
        self._by_station[standing.station_id][standing.kind, standing.place] = standing

    def take_out(self, standing: Standing) -> None:
        del self._by_station[standing.station_id][standing.kind, standing.place]

    def note(self, standing: Standing, action: str, inspection_id: int, at: datetime) -> None:
        """Put down an event, and the alert of it as things are now."""
        self._events.append((standing, action, inspection_id, at))
        self._alerts.append((standing, f"discrepancy.{action}", payload_of(standing)))

    def changed(self) -> Iterator[Standing]:
        return (standing for standing in self._all if standing.changed)

    def write(self) -> None:
        """Write what differs. Old ones first: a place may be resolved and open again in one fold,
        and only one of a place may be unresolved."""
        old = [one for one in self._all if one.touched and one.id is not None]
        if old:
            self._session.connection().execute(
                update(Discrepancy.__table__).where(  # type: ignore[arg-type]
                    Discrepancy.__table__.c.id == bindparam("row_id")
                ),
                [{"row_id": one.id} | one.values() for one in old],
            )
        new = [one for one in self._all if one.id is None]
        if new:
            ids = insert_for_ids(
                self._session,
                Discrepancy,
                [
                    {
                        "station_id": one.station_id,
                        "kind": one.kind,
                        "place": one.place,
                        "opened_at": one.opened_at,
                        "first_inspection_id": one.first_inspection_id,
                    }
                    | one.values()
                    for one in new
                ],
            )
            for one, row_id in zip(new, ids, strict=True):
                one.id = row_id
        if self._events:
            insert_rows(
                self._session,
                DiscrepancyEvent,
                [
                    {
                        "discrepancy_id": standing.id,
                        "action": action,
                        "inspection_id": inspection_id,
                        "at": at,
                    }
                    for standing, action, inspection_id, at in self._events
                ],
            )
        if self._alerts:
            places = places_of(self._session, self._station_ids)
            alerts = []
            for standing, event, payload in self._alerts:
                assert standing.id is not None
                alerts.append(NewAlert(standing.id, event, payload | places[standing.station_id]))
            write_alerts(self._session, alerts)
