"""Inspections and what they hold, written in batches: the one insert path for every verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from db.models import Finding, Inspection, MeasurementRow
from db.queries.inserting import insert_for_ids, insert_rows
from inspection.judgement import Judgement, Measurement
from inspection.verdicts import Reason

_DETAIL_LENGTH = 500  # of the column


@dataclass(frozen=True)
class InspectedFrame:
    """What an inspection copies from its acquisition."""

    acquisition_id: int
    station_id: int
    camera_id: int
    sequence: int
    captured_at: datetime
    recipe_version_id: int
    image_sha256: str | None


@dataclass(frozen=True)
class NewInspection:
    """A frame with its judgement, and by what it was judged."""

    frame: InspectedFrame
    judgement: Judgement
    model_version_id: int | None = None
    calibration_id: int | None = None
    engine_ms: float | None = None


def write_not_inspected(
    session: Session, frames: Sequence[InspectedFrame], reason: Reason, detail: str
) -> dict[int, int]:
    """Give every frame the verdict `not_inspected`; returns inspection ids by acquisition id."""
    judgement = Judgement.not_inspected(reason, detail)
    return insert_inspections(session, [NewInspection(frame, judgement) for frame in frames])


def insert_inspections(session: Session, news: Sequence[NewInspection]) -> dict[int, int]:
    """Write inspections with findings and measurements; returns their ids by acquisition id.

    Three statements, however many there are. The caller has made sure, by its fence, that it may
    write them; that an acquisition has no two is the unique key's word.
    """
    if not news:
        return {}
    inspection_ids = insert_for_ids(session, Inspection, [_inspection(new) for new in news])
    ids = dict(zip([new.frame.acquisition_id for new in news], inspection_ids, strict=True))
    findings: list[dict[str, Any]] = []
    measured: list[tuple[int, Sequence[Measurement]]] = []  # by place in `findings`
    measurements: list[dict[str, Any]] = []
    for new in news:
        inspection_id = ids[new.frame.acquisition_id]
        for finding in new.judgement.findings:
            x0, y0, x1, y1 = finding.box_xyxy
            findings.append(
                {
                    "inspection_id": inspection_id,
                    "class_name": finding.class_name,
                    "score": finding.score,
                    "x0": x0,
                    "y0": y0,
                    "x1": x1,
                    "y1": y1,
                    "mask_rle": finding.mask_rle,
                    "verdict": finding.verdict.value,
                    "place": finding.place,
                }
            )
            measured.append((inspection_id, finding.measurements))
        measurements += _measurements(inspection_id, None, new.judgement.measurements)
    finding_ids = insert_for_ids(session, Finding, findings)
    for finding_id, (inspection_id, values) in zip(finding_ids, measured, strict=True):
        measurements += _measurements(inspection_id, finding_id, values)
    insert_rows(session, MeasurementRow, measurements)
    return ids


def _inspection(new: NewInspection) -> dict[str, Any]:
    frame, judgement = new.frame, new.judgement
    width_px, height_px = judgement.size_wh or (None, None)
    return {
        "acquisition_id": frame.acquisition_id,
        "station_id": frame.station_id,
        "camera_id": frame.camera_id,
        "captured_at": frame.captured_at,
        "recipe_version_id": frame.recipe_version_id,
        "model_version_id": new.model_version_id,
        "calibration_id": new.calibration_id,
        "image_sha256": frame.image_sha256,
        "image_width_px": width_px,
        "image_height_px": height_px,
        "verdict": judgement.verdict.value,
        "reason": judgement.reason.value if judgement.reason else None,
        "detail": judgement.detail[:_DETAIL_LENGTH],
        "engine_ms": new.engine_ms,
    }


def _measurements(
    inspection_id: int, finding_id: int | None, measurements: Sequence[Measurement]
) -> list[dict[str, Any]]:
    return [
        {
            "inspection_id": inspection_id,
            "finding_id": finding_id,
            "name": measurement.name,
            "place": measurement.place,
            "value": measurement.value,
            "unit": measurement.unit,
            "uncertainty": measurement.uncertainty,
            "warn_limit": measurement.warn_limit,
            "fail_limit": measurement.fail_limit,
            "verdict": measurement.verdict.value if measurement.verdict else None,
        }
        for measurement in measurements
    ]
