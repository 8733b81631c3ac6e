"""At which line and site something is, so that the audit log can be read line by line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import Connection, Table, select

from db.models import Alert, Camera, Discrepancy, Inspection, Line, Station

# By a column that leads to a station: the table that it names a row of, and how to go on.
_UPWARDS: dict[str, tuple[type[Any], str]] = {
    "alert_id": (Alert, "discrepancy_id"),
    "discrepancy_id": (Discrepancy, "station_id"),
    "inspection_id": (Inspection, "station_id"),
    "camera_id": (Camera, "station_id"),
}


def place_of(
    connection: Connection, kind: str | None, values: Mapping[str, Any]
) -> tuple[int | None, int | None]:
    """Site and line of a row, by its values; None where it belongs to none."""
    site_id, line_id = values.get("site_id"), values.get("line_id")
    if kind == "site":
        site_id = values.get("id")
    elif kind == "line":
        line_id = values.get("id")
    elif line_id is None and site_id is None:
        station_id = _station_of(connection, values)
        if station_id is not None:
            line_id = _look(connection, Station, "line_id", station_id)
    if line_id is not None and site_id is None:
        site_id = _look(connection, Line, "site_id", line_id)
    return site_id, line_id


def _station_of(connection: Connection, values: Mapping[str, Any]) -> int | None:
    if values.get("station_id") is not None:
        return int(values["station_id"])
    for column, (entity, onwards) in _UPWARDS.items():
        if values.get(column) is not None:
            found = _look(connection, entity, onwards, values[column])
            return _station_of(connection, {onwards: found})
    return None


def _look(connection: Connection, entity: type[Any], column: str, id_: int) -> int | None:
    table = cast(Table, entity.__table__)
    found: int | None = connection.scalar(select(table.c[column]).where(table.c.id == id_))
    return found
