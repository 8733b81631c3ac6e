"""Every ORM statement of a session sees only the lines of who asks (`db.access.current`).

One place for all queries, so that none can forget it: where a request may see some lines only,
each SELECT, UPDATE and DELETE gets a condition for every table that belongs to a place. What
belongs to no place (products, recipes, models) is seen by everybody who may ask for it at all.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Table, or_, select
from sqlalchemy.orm import InstrumentedAttribute, ORMExecuteState, with_loader_criteria

from db.access import current
from db.models import (
    Acquisition,
    Alert,
    AlertChannel,
    AlertRule,
    AlertWatch,
    Annotation,
    ApiToken,
    AuditEntry,
    Calibration,
    Camera,
    CameraMinute,
    CameraShot,
    CameraStateRow,
    DatasetSnapshot,
    Delivery,
    Device,
    Discrepancy,
    DiscrepancyEvent,
    GateFlip,
    GateRun,
    ImageStatistic,
    Inspection,
    LabelledImage,
    Line,
    PartArrival,
    Promotion,
    Reading,
    RecipeActivation,
    RecipeTrial,
    Review,
    ReviewDay,
    ReviewItem,
    ReviewSampling,
    Shadow,
    ShadowResult,
    Shift,
    Site,
    SnapshotStation,
    Station,
    StationCheck,
    StationHold,
    StationReference,
    TrainingRun,
)

# Tables reached by their station, and by their discrepancy. What hangs on an inspection (findings,
# measurements, dispositions) is read through it.
_OF_STATION: tuple[Any, ...] = (
    Acquisition,
    Calibration,
    Camera,
    Discrepancy,
    GateRun,
    Inspection,
    LabelledImage,
    PartArrival,
    Promotion,
    RecipeActivation,
    RecipeTrial,
    ReviewDay,
    ReviewItem,
    ReviewSampling,
    Shadow,
    StationHold,
)
_OF_CAMERA: tuple[Any, ...] = (
    CameraMinute,
    CameraShot,
    CameraStateRow,
    ImageStatistic,
    StationCheck,
    StationReference,
)
_OF_DISCREPANCY: tuple[Any, ...] = (Alert, AlertWatch, DiscrepancyEvent)


def restrict(statement: ORMExecuteState) -> None:
    """Add the conditions to a statement: the listener of every session (`db.engine.connect`)."""
    access = current()
    if access is None or access.lines is None or statement.is_column_load:
        return
    # What a relationship loads later carries the conditions of the statement that began it.
    if statement.is_relationship_load:
        return
    if statement.is_select or statement.is_update or statement.is_delete:
        statement.statement = statement.statement.options(*_conditions(access.lines, access.sites))


@lru_cache(maxsize=256)
def _conditions(lines: frozenset[int], sites: frozenset[int]) -> tuple[Any, ...]:
    # Of the tables, not of the classes: else these too would be restricted, without end.
    station, camera, line = _table(Station), _table(Camera), _table(Line)
    discrepancy, alert = _table(Discrepancy), _table(Alert)
    inspection = _table(Inspection)
    stations = select(station.c.id).where(station.c.line_id.in_(lines))
    of_lines = select(line.c.site_id).where(line.c.id.in_(lines))

    def of_site(column: InstrumentedAttribute[int]) -> ColumnElement[bool]:
        return or_(column.in_(of_lines), column.in_(sites)) if sites else column.in_(of_lines)

    cameras = select(camera.c.id).where(camera.c.station_id.in_(stations))
    discrepancies = select(discrepancy.c.id).where(discrepancy.c.station_id.in_(stations))
    alerts = select(alert.c.id).where(alert.c.discrepancy_id.in_(discrepancies))
    inspections = select(inspection.c.id).where(inspection.c.station_id.in_(stations))
    pairs: list[tuple[Any, ColumnElement[bool]]] = [
        (Line, Line.id.in_(lines)),
        (Site, of_site(Site.id)),
        (Shift, of_site(Shift.site_id)),
        (Station, Station.line_id.in_(lines)),
        (Device, Device.line_id.in_(lines)),
        (Review, Review.inspection_id.in_(inspections)),
    ]
    # What learns hangs on a station by one step more.
    pairs += [
        (entity, column.in_(select(parent.c.id).where(parent.c.station_id.in_(stations))))
        for entity, column, parent in (
            (Annotation, Annotation.image_id, _table(LabelledImage)),
            (GateFlip, GateFlip.gate_run_id, _table(GateRun)),
            (Reading, Reading.review_item_id, _table(ReviewItem)),
            (ShadowResult, ShadowResult.shadow_id, _table(Shadow)),
        )
    ]
    # A snapshot with a picture of another line is not theirs, nor is a run that learnt from it.
    of_snapshot = _table(SnapshotStation)
    foreign = select(of_snapshot.c.snapshot_id).where(of_snapshot.c.station_id.not_in(stations))
    pairs += [
        (DatasetSnapshot, DatasetSnapshot.id.not_in(foreign)),
        (TrainingRun, TrainingRun.snapshot_id.not_in(foreign)),
    ]
    # Those for everything, or for a site of which somebody sees a part, are not theirs.
    pairs += [
        (AlertRule, or_(_whole(AlertRule, lines, sites), AlertRule.station_id.in_(stations))),
        (AlertChannel, _whole(AlertChannel, lines, sites)),
        (Delivery, Delivery.alert_id.in_(alerts)),
        (ApiToken, or_(_whole(ApiToken, lines, sites), ApiToken.station_id.in_(stations))),
        (AuditEntry, _whole(AuditEntry, lines, sites)),
    ]
    pairs += [(entity, entity.station_id.in_(stations)) for entity in _OF_STATION]
    pairs += [(entity, entity.camera_id.in_(cameras)) for entity in _OF_CAMERA]
    pairs += [(entity, entity.discrepancy_id.in_(discrepancies)) for entity in _OF_DISCREPANCY]
    return tuple(
        with_loader_criteria(entity, condition, include_aliases=True) for entity, condition in pairs
    )


def _whole(entity: Any, lines: frozenset[int], sites: frozenset[int]) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = or_(entity.line_id.in_(lines), entity.site_id.in_(sites))
    return condition


def _table(entity: Any) -> Table:
    table: Table = entity.__table__
    return table
