"""The newest inspections of a station whose images are stored, as another recipe judges them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.base import utc_now
from db.models import (
    Acquisition,
    Calibration,
    Finding,
    Inspection,
    MeasurementRow,
    RecipeVersion,
)
from db.queries.calibrations import current_scales, to_domain
from inspection.judgement import Measurement
from inspection.recipe import Recipe
from inspection.rejudging import StoredFinding, StoredResult
from inspection.verdicts import Verdict

# So far back images are looked for: where fewer of the newest are stored, retention has the rest.
_LOOKED_AT = 1000


@dataclass(frozen=True)
class Tried:
    """A stored inspection with what it was judged by."""

    inspection_id: int
    acquisition_id: int
    captured_at: datetime
    verdict: str
    detail: str
    version_id: int
    result: StoredResult


def newest_stored(session: Session, station_id: int, *, limit: int = 100) -> list[Tried]:
    """The newest first. What was not inspected is left out: there is nothing to hold it against.

    What was measured before the station had a scale is measured by the one that counts now.
    """
    newest = (
        select(Inspection.id)
        .where(Inspection.station_id == station_id)
        .order_by(Inspection.id.desc())
        .limit(_LOOKED_AT)
        .subquery()
    )
    rows = session.execute(
        select(
            Inspection.id,
            Inspection.acquisition_id,
            Inspection.captured_at,
            Inspection.verdict,
            Inspection.detail,
            Inspection.recipe_version_id,
            Inspection.calibration_id,
            Inspection.image_width_px,
            Inspection.image_height_px,
        )
        .join(newest, newest.c.id == Inspection.id)
        .join(Acquisition, Acquisition.id == Inspection.acquisition_id)
        .where(
            Acquisition.image_key.is_not(None),
            Inspection.verdict != Verdict.NOT_INSPECTED.value,
            Inspection.image_width_px.is_not(None),
        )
        .order_by(Inspection.id.desc())
        .limit(limit)
    ).all()
    ids = [row.id for row in rows]
    measurements = _measurements(session, ids)
    findings = _findings(session, ids, measurements)
    made = {
        row.id: to_domain(row)
        for row in session.scalars(
            select(Calibration).where(Calibration.id.in_({row.calibration_id for row in rows}))
        )
    }
    now = current_scales(session, [station_id], utc_now()).get(station_id)
    return [
        Tried(
            row.id,
            row.acquisition_id,
            row.captured_at,
            row.verdict,
            row.detail or "",
            row.recipe_version_id,
            StoredResult(
                size_wh=(row.image_width_px, row.image_height_px),
                captured_at=row.captured_at,
                findings=tuple(findings.get(row.id, ())),
                counted=frozenset(
                    each.place
                    for each in measurements.get((row.id, None), ())
                    if each.name == "facings"
                ),
                calibration=made.get(row.calibration_id) or (now.calibration if now else None),
            ),
        )
        for row in rows
    ]


def recipes_by_version(session: Session, version_ids: set[int]) -> dict[int, Recipe]:
    """The recipes of versions. One of an older Lineside that does not read any more is left out."""
    found = {}
    rows = session.execute(
        select(RecipeVersion.id, RecipeVersion.body).where(RecipeVersion.id.in_(version_ids))
    )
    for id_, body in rows:
        try:
            found[id_] = Recipe.model_validate(body)
        except ValueError:
            continue
    return found


def _measurements(
    session: Session, ids: Sequence[int]
) -> dict[tuple[int, int | None], list[Measurement]]:
    found: dict[tuple[int, int | None], list[Measurement]] = {}
    rows = session.execute(
        select(
            MeasurementRow.inspection_id,
            MeasurementRow.finding_id,
            MeasurementRow.name,
            MeasurementRow.value,
            MeasurementRow.unit,
            MeasurementRow.place,
            MeasurementRow.uncertainty,
        )
        .where(MeasurementRow.inspection_id.in_(ids))
        .order_by(MeasurementRow.id)
    )
    for inspection_id, finding_id, name, value, unit, place, uncertainty in rows:
        found.setdefault((inspection_id, finding_id), []).append(
            Measurement(name, value, unit, place=place, uncertainty=uncertainty)
        )
    return found


def _findings(
    session: Session,
    ids: Sequence[int],
    measurements: dict[tuple[int, int | None], list[Measurement]],
) -> dict[int, list[StoredFinding]]:
    found: dict[int, list[StoredFinding]] = {}
    rows = session.execute(
        select(
            Finding.id,
            Finding.inspection_id,
            Finding.class_name,
            Finding.score,
            Finding.x0,
            Finding.y0,
            Finding.x1,
            Finding.y1,
            Finding.place,
            Finding.mask_rle,
        )
        .where(Finding.inspection_id.in_(ids))
        .order_by(Finding.id)
    )
    for id_, inspection_id, class_name, score, x0, y0, x1, y1, place, mask_rle in rows:
        found.setdefault(inspection_id, []).append(
            StoredFinding(
                class_name,
                score,
                (x0, y0, x1, y1),
                place,
                mask_rle,
                tuple(measurements.get((inspection_id, id_), ())),
            )
        )
    return found
