"""Parts and lots, made when a frame first names them; and when a part first came where."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db.base import utc_now
from db.models import Lot, Part, PartArrival


def lot_ids(session: Session, codes: Collection[str]) -> dict[str, int]:
    """Ids by code; lots that are not there yet are made."""
    if not codes:
        return {}
    found = select(Lot.code, Lot.id).where(Lot.code.in_(codes))
    ids = dict(session.execute(found).all())
    missing = sorted(set(codes) - set(ids))
    if missing:
        now = utc_now()
        _insert_new(session, Lot.__table__, [{"code": code, "created_at": now} for code in missing])
        ids = dict(session.execute(found).all())
    return ids


def part_ids(session: Session, lots_by_serial: dict[str, int | None]) -> dict[str, int]:
    """Ids by serial number; parts that are not there yet are made, in the lots given."""
    if not lots_by_serial:
        return {}
    found = select(Part.serial, Part.id).where(Part.serial.in_(lots_by_serial))
    ids = dict(session.execute(found).all())
    missing = sorted(set(lots_by_serial) - set(ids))
    if missing:
        now = utc_now()
        rows = [
            {"serial": serial, "lot_id": lots_by_serial[serial], "created_at": now}
            for serial in missing
        ]
        _insert_new(session, Part.__table__, rows)
        ids = dict(session.execute(found).all())
    return ids


def note_arrivals(session: Session, frames: Iterable[tuple[int, int, datetime]]) -> None:
    """Write when parts first came to stations; a frame that was taken earlier moves it back.

    Args:
        frames: part, station and when it was taken; of a part as many as there are.
    """
    first: dict[tuple[int, int], datetime] = {}
    for part_id, station_id, captured_at in frames:
        known = first.setdefault((part_id, station_id), captured_at)
        first[part_id, station_id] = min(known, captured_at)
    if not first:
        return
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    statement = dialect.insert(PartArrival)
    earlier = statement.excluded.first_at
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["part_id", "station_id"],
            set_={"first_at": earlier},
            where=PartArrival.first_at > earlier,
        ),
        # In one order everywhere, so that two cameras never wait for each other.
        [
            {"part_id": part_id, "station_id": station_id, "first_at": at}
            for (part_id, station_id), at in sorted(first.items())
        ],
    )


def _insert_new(session: Session, table: Any, rows: list[dict[str, Any]]) -> None:
    """Insert what another transaction has not made meanwhile. Rows in one order everywhere."""
    assert isinstance(table, Table)
    if session.get_bind().dialect.name == "sqlite":
        session.execute(sqlite.insert(table).values(rows).on_conflict_do_nothing())
    else:
        session.execute(postgresql.insert(table).values(rows).on_conflict_do_nothing())
