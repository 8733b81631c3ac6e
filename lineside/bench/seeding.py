"""A plant with a long past, written straight into the tables: what pages are timed on."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Table, insert, text
from sqlalchemy.orm import Session

from db.base import Base
from db.engine import Database
from db.models import (
    Acquisition,
    Camera,
    Discrepancy,
    DiscrepancyEvent,
    Finding,
    Inspection,
    Line,
    MeasurementRow,
    ModelVersion,
    Part,
    PartArrival,
    RecipeRow,
    RecipeVersion,
    Shift,
    Site,
    Station,
)
from inspection.recipe import Recipe

LINE_STATIONS, SHELF_STATIONS = 8, 2
# Between two frames of a station.
INTERVAL_S = 30.0
SHELF_POSITIONS = 10
OPEN_DISCREPANCIES, CLOSED_DISCREPANCIES = 3, 60
_BATCH = 2000
_SIZE_HW = (1080, 1920)
# A stroke of 200 px at the upper left, in COCO's compressed form.
_MASK: dict[str, object] = {"size": list(_SIZE_HW), "counts": "0d0Pn18X1"}

Row = dict[str, Any]
Report = Callable[[int, int], None]


def seed(database: Database, inspections: int, now: datetime, report: Report) -> None:
    """Write a site with ten stations and their past into empty tables.

    Verdicts are those of a good day (one image in twenty fails), the newest frame of every
    station is seconds old, and each part comes by once. No image is stored.

    Args:
        inspections: how many, over all stations.
        now: the newest frame's time.
        report: called with what is written and what shall be.
    """
    each = inspections // (LINE_STATIONS + SHELF_STATIONS)
    with database.sessions.begin() as session:
        stations = _places(session, each)
    written = 0
    for place in stations:
        rows = _past(place, each, written + 1, now)
        while batch := list(islice(rows, _BATCH)):
            with database.engine.begin() as connection:
                _write(connection, batch)
            written += len(batch)
            report(written, each * len(stations))
        with database.sessions.begin() as session:
            _discrepancies(session, place, written - each + 1, each, now)
    if database.engine.dialect.name == "postgresql":
        # Its own housekeeping would have done so long before a plant had such a past.
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as outside:
            outside.execute(text("VACUUM ANALYZE"))


def _places(session: Session, frames: int) -> list[tuple[Station, Camera, int, bool]]:
    """Stations with their camera, the version of their model, and whether they are shelves."""
    site = _add(session, Site(key="seeded", name="Seeded plant", timezone="Europe/Berlin"))
    for number, start in enumerate((6, 14, 22)):
        times = {"starts_at": time(start), "ends_at": time((start + 8) % 24)}
        _add(session, Shift(site_id=site.id, name=("Early", "Late", "Night")[number], **times))
    model = _add(
        session,
        ModelVersion(name="surface-starter", version="seeded", engine="openvino", manifest={}),
    )
    lines = [
        _add(session, Line(site_id=site.id, key="seeded-line", name="Line 1")),
        _add(session, Line(site_id=site.id, key="seeded-aisle", name="Aisle 1", kind="shelf")),
    ]
    found = []
    for number in range(LINE_STATIONS + SHELF_STATIONS):
        shelf = number >= LINE_STATIONS
        recipe = _recipe(shelf, number)
        row = _add(session, RecipeRow(name=recipe.name))
        version = RecipeVersion(
            recipe_id=row.id,
            version=1,
            state="active",
            body=recipe.model_dump(mode="json"),
            model=recipe.model,
            sha256=f"{number:064x}",
        )
        _add(session, version)
        key = f"seeded-{'bay' if shelf else 'station'}-{number + 1}"
        station = Station(
            line_id=lines[shelf].id,
            key=key,
            name=f"{'Bay' if shelf else 'Station'} {number + 1}",
            recipe_version_id=version.id,
        )
        _add(session, station)
        camera = Camera(
            station_id=station.id,
            key=f"{key}-camera",
            name="Camera",
            kind="push",
            state="online",
            state_reason="frames arrive",
            interval_s=INTERVAL_S,
            next_sequence=frames + 1,
            folded_sequence=frames,
        )
        found.append((station, _add(session, camera), model.id, shelf))
    return found


def _recipe(shelf: bool, number: int) -> Recipe:
    if not shelf:
        limits = {"crack": {"limits": {"length_px": {"fail": 200}}}}
        return Recipe.model_validate(
            {"name": f"seeded-{number}", "model": "surface-starter", "classes": limits}
        )
    positions = [
        {
            "name": f"A{place + 1}",
            "fixture": "shelf A",
            "product": f"product-{place}",
            "facings": 3,
            "box": [place * 0.1, 0.2, place * 0.1 + 0.09, 0.8],
        }
        for place in range(SHELF_POSITIONS)
    ]
    return Recipe.model_validate(
        {"name": f"seeded-{number}", "model": "shelf-starter", "positions": positions}
    )


def _past(
    place: tuple[Station, Camera, int, bool], count: int, first_id: int, now: datetime
) -> Iterator[list[tuple[Table, Row]]]:
    """Of each frame, oldest first, its rows."""
    station, camera, model_id, shelf = place
    rng = random.Random(first_id)  # noqa: S311 - a draw of verdicts
    for number in range(count):
        key = first_id + number
        at = now - timedelta(seconds=INTERVAL_S * (count - number - 1) + 1)
        verdict = rng.choices(("pass", "fail", "warn", "not_inspected"), (91, 5, 3, 1))[0]
        rows: list[tuple[Table, Row]] = []
        if not shelf:
            rows.append((_table(Part), {"id": key, "serial": f"SN-{key}"}))
        common = {
            "station_id": station.id,
            "camera_id": camera.id,
            "recipe_version_id": station.recipe_version_id,
            "captured_at": at,
        }
        acquisition = {
            "id": key,
            "sequence": number + 1,
            "queue": "inspect",
            "received_at": at,
            "image_bytes": 0,
            "state": "done",
            "attempts": 1,
            "part_id": None if shelf else key,
        }
        inspection = {
            "id": key,
            "acquisition_id": key,
            "model_version_id": model_id,
            "image_width_px": _SIZE_HW[1],
            "image_height_px": _SIZE_HW[0],
            "verdict": verdict,
            "reason": "superseded" if verdict == "not_inspected" else None,
            "detail": f"crack {rng.randint(201, 400)} px > 200 px" if verdict == "fail" else None,
            "engine_ms": 24.0,
            "created_at": at,
        }
        rows += [
            (_table(Acquisition), common | acquisition),
            (_table(Inspection), common | inspection),
        ]
        if not shelf:
            arrival = {"part_id": key, "station_id": station.id, "first_at": at}
            rows.append((_table(PartArrival), arrival))
        if shelf and verdict != "not_inspected":
            rows += [(_table(MeasurementRow), row) for row in _facings(key, rng, verdict)]
        elif verdict in ("fail", "warn"):
            rows += _finding(key, rng, verdict)
        yield rows


def _facings(key: int, rng: random.Random, verdict: str) -> Iterator[Row]:
    empty = rng.randrange(SHELF_POSITIONS) if verdict == "fail" else None
    for place in range(SHELF_POSITIONS):
        yield {
            "inspection_id": key,
            "name": "facings",
            "place": f"A{place + 1}",
            "value": 0.0 if place == empty else 3.0,
            "unit": "1",
            "fail_limit": 1.0,
            "verdict": "fail" if place == empty else "pass",
        }


def _finding(key: int, rng: random.Random, verdict: str) -> Iterator[tuple[Table, Row]]:
    class_name = rng.choice(("crack", "crack", "scratch", "pit", "stain"))
    yield (
        _table(Finding),
        {
            "id": key,
            "inspection_id": key,
            "class_name": class_name,
            "score": round(rng.uniform(0.5, 0.99), 3),
            "x0": 10.0,
            "y0": 10.0,
            "x1": 20.0,
            "y1": 210.0,
            "mask_rle": _MASK,
            "verdict": verdict,
            "place": "upper left",
        },
    )
    for name, value in (("length", 200), ("mean_width", 4), ("max_width", 7), ("area", 800)):
        row = {
            "inspection_id": key,
            "finding_id": key,
            "name": name,
            "place": "upper left",
            "value": value * rng.uniform(0.8, 1.4),
            "unit": "px2" if name == "area" else "px",
            "uncertainty": 0.5,
            "verdict": verdict if name == "length" else None,
        }
        yield _table(MeasurementRow), row


def _write(connection: Connection, frames: list[list[tuple[Table, Row]]]) -> None:
    by_table: dict[Table, list[Row]] = {}
    for rows in frames:
        for table, row in rows:
            by_table.setdefault(table, []).append(row)
    for table in Base.metadata.sorted_tables:
        if fresh := by_table.get(table):
            connection.execute(insert(table), fresh)


def _discrepancies(
    session: Session,
    place: tuple[Station, Camera, int, bool],
    first_id: int,
    count: int,
    now: datetime,
) -> None:
    station, shelf = place[0], place[3]
    for number in range(OPEN_DISCREPANCIES + CLOSED_DISCREPANCIES):
        is_open = number < OPEN_DISCREPANCIES
        at = now - timedelta(minutes=7 * number + 1)
        key = first_id + count - 1 - min(number, count - 1)
        row = Discrepancy(
            station_id=station.id,
            kind="out_of_stock" if shelf else "crack",
            place=f"A{number + 1}" if shelf else f"cell {number}",
            severity="fail",
            state="open" if is_open else "resolved",
            detail="crack 230 px > 200 px",
            opened_at=at,
            last_seen_at=at,
            closed_at=None if is_open else at + timedelta(minutes=5),
            first_inspection_id=key,
            last_inspection_id=key,
        )
        _add(session, row)
        _add(session, DiscrepancyEvent(discrepancy_id=row.id, action="opened", at=at))


def _table(model: type[Base]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table


def _add(session: Session, row: Any) -> Any:
    session.add(row)
    session.flush()
    return row
