"""Parts and lots, made when a frame first names them."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db.base import utc_now
from db.models import Lot, Part


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


def _insert_new(session: Session, table: Any, rows: list[dict[str, Any]]) -> None:
    """Insert what another transaction has not made meanwhile. Rows in one order everywhere."""
    assert isinstance(table, Table)
    if session.get_bind().dialect.name == "sqlite":
        session.execute(sqlite.insert(table).values(rows).on_conflict_do_nothing())
    else:
        session.execute(postgresql.insert(table).values(rows).on_conflict_do_nothing())
