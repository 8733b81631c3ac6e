"""Reading inspections."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, defer, selectinload

from db.errors import NotFound
from db.models import (
    Acquisition,
    Camera,
    Finding,
    Inspection,
    Lot,
    ModelVersion,
    Part,
    RecipeRow,
    RecipeVersion,
    Station,
)
from db.paging import Page, page_of_rows


@dataclass(frozen=True)
class InspectionFilter:
    """What to list; None everywhere lists all. Times are of the frame, `until` exclusive."""

    station_id: int | None = None
    verdict: str | None = None
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    class_name: str | None = None


@dataclass(frozen=True)
class InspectionView:
    """An inspection with the names that its ids stand for."""

    inspection: Inspection
    station_key: str
    camera_key: str
    sequence: int
    recipe_name: str
    recipe_version: int
    model_name: str | None
    model_version: str | None
    part_serial: str | None
    lot_code: str | None


def list_inspections(
    session: Session, wanted: InspectionFilter, *, after: int | None, limit: int
) -> Page[InspectionView]:
    """Newest results first, with findings and measurements but without masks."""
    statement = _with_names().options(
        selectinload(Inspection.findings).options(
            defer(Finding.mask_rle, raiseload=True), selectinload(Finding.measurements)
        ),
        selectinload(Inspection.measurements),
    )
    if wanted.station_id is not None:
        statement = statement.where(Inspection.station_id == wanted.station_id)
    if wanted.verdict is not None:
        statement = statement.where(Inspection.verdict == wanted.verdict)
    if wanted.reason is not None:
        statement = statement.where(Inspection.reason == wanted.reason)
    if wanted.since is not None:
        statement = statement.where(Inspection.captured_at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(Inspection.captured_at < wanted.until)
    if wanted.class_name is not None:
        statement = statement.where(
            Inspection.findings.any(Finding.class_name == wanted.class_name)
        )
    page = page_of_rows(
        session, statement, Inspection.id, after=after, limit=limit, newest_first=True
    )
    return Page([InspectionView(*row) for row in page.rows], page.next_after)


def get_inspection(session: Session, inspection_id: int) -> InspectionView:
    """One inspection with its findings, masks and measurements.

    Raises:
        NotFound: there is none.
    """
    view = _one(session, _with_names().where(Inspection.id == inspection_id))
    if view is None:
        raise NotFound("inspection", inspection_id)
    return view


def inspection_of(session: Session, acquisition_id: int) -> InspectionView | None:
    """The result of an acquisition, or None while there is none."""
    return _one(session, _with_names().where(Inspection.acquisition_id == acquisition_id))


def is_inspected(session: Session, acquisition_id: int) -> bool:
    """Whether an acquisition has its verdict; one look at a unique index."""
    found = session.scalar(select(Inspection.id).where(Inspection.acquisition_id == acquisition_id))
    return found is not None


def get_acquisition(session: Session, acquisition_id: int) -> Acquisition:
    """An acquisition's row of the ledger.

    Raises:
        NotFound: there is none.
    """
    acquisition = session.get(Acquisition, acquisition_id)
    if acquisition is None:
        raise NotFound("acquisition", acquisition_id)
    return acquisition


def _one(session: Session, statement: Select[*tuple[Any, ...]]) -> InspectionView | None:
    loaded = statement.options(
        selectinload(Inspection.findings).selectinload(Finding.measurements),
        selectinload(Inspection.measurements),
    )
    row = session.execute(loaded).one_or_none()
    return InspectionView(*row) if row is not None else None


def _with_names() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Inspection,
            Station.key,
            Camera.key,
            Acquisition.sequence,
            RecipeRow.name,
            RecipeVersion.version,
            ModelVersion.name,
            ModelVersion.version,
            Part.serial,
            Lot.code,
        )
        .join(Station, Station.id == Inspection.station_id)
        .join(Camera, Camera.id == Inspection.camera_id)
        .join(Acquisition, Acquisition.id == Inspection.acquisition_id)
        .join(RecipeVersion, RecipeVersion.id == Inspection.recipe_version_id)
        .join(RecipeRow, RecipeRow.id == RecipeVersion.recipe_id)
        .outerjoin(ModelVersion, ModelVersion.id == Inspection.model_version_id)
        .outerjoin(Part, Part.id == Acquisition.part_id)
        .outerjoin(Lot, Lot.id == Acquisition.lot_id)
    )
