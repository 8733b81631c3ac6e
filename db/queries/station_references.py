"""What a camera's pictures and its model's answers looked like when all was well.

A reference is made by a person from a span in which all was well, or by itself from the first
thirty good pictures of a recipe version, and then says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.base import utc_now
from db.errors import Conflict
from db.models import (
    Acquisition,
    Camera,
    Finding,
    ImageStatistic,
    Inspection,
    Station,
    StationReference,
)
from inspection.verdicts import Verdict
from inspection.watching.check import Sample
from inspection.watching.dirt import unpack

FIRST_IMAGES = 30  # good ones, of which a reference is made by itself
LEAST_OF_REFERENCE = 12
_MOST_OF_REFERENCE = 200
_MOST_INSPECTIONS = 500  # whose findings are counted in one sample

Watched = tuple[ImageStatistic, Inspection]


def current_references(session: Session, camera_ids: Sequence[int]) -> dict[int, StationReference]:
    """The reference of each camera that has one."""
    found = session.scalars(
        select(StationReference).where(
            StationReference.camera_id.in_(camera_ids), StationReference.ended_at.is_(None)
        )
    )
    return {reference.camera_id: reference for reference in found}


def make_reference(
    session: Session, camera: Camera, since: datetime, until: datetime, by: str
) -> StationReference:
    """Say that all was well in a span: its pictures are from now on the reference.

    Raises:
        Conflict: fewer than twelve pictures of it were watched, or none is stored any more.
    """
    watched = _watched(session, camera.id, since, until)
    if len(watched) < LEAST_OF_REFERENCE:
        raise Conflict(
            "reference",
            f"in this span {len(watched)} pictures were watched, and {LEAST_OF_REFERENCE} are"
            " the least",
        )
    return _make(session, camera, watched, by)


def make_due_references(session: Session) -> list[StationReference]:
    """Make a reference by itself where a version has thirty good pictures and none of its own."""
    made: list[StationReference] = []
    rows = session.execute(
        select(Camera, Station.recipe_version_id)
        .join(Station, Station.id == Camera.station_id)
        .where(Station.recipe_version_id.is_not(None))
    ).all()
    standing = current_references(session, [camera.id for camera, _ in rows])
    for camera, version_id in rows:
        before = standing.get(camera.id)
        if before is not None and before.recipe_version_id == version_id:
            continue
        watched = session.execute(
            select(ImageStatistic, Inspection)
            .join(Inspection, Inspection.id == ImageStatistic.inspection_id)
            .where(
                ImageStatistic.camera_id == camera.id,
                Inspection.recipe_version_id == version_id,
                Inspection.verdict == Verdict.PASS.value,
            )
            .order_by(ImageStatistic.captured_at)
            .limit(FIRST_IMAGES)
        ).all()
        if len(watched) == FIRST_IMAGES:
            try:
                made.append(_make(session, camera, [(row[0], row[1]) for row in watched], ""))
            except Conflict:
                continue  # none of its pictures is stored any more
    return made


def sample_of(
    session: Session, camera_id: int, since: datetime, until: datetime, *, newest: int | None = None
) -> Sample:
    """What a camera showed and its model answered in a span, of its `newest` pictures alone."""
    watched = _watched(session, camera_id, since, until)
    if newest is not None:
        watched = watched[-newest:]
    return _sample(session, watched)


def sample_from_json(statistics: Mapping[str, object]) -> Sample:
    """A reference's `statistics` as a sample."""
    values = cast(dict[str, list[float]], statistics.get("values", {}))
    cells = str(statistics.get("cells", ""))
    classes = cast(dict[str, int], statistics.get("classes", {}))
    return Sample(values, unpack(cells) if cells else None, classes)


def _watched(session: Session, camera_id: int, since: datetime, until: datetime) -> list[Watched]:
    rows = session.execute(
        select(ImageStatistic, Inspection)
        .join(Inspection, Inspection.id == ImageStatistic.inspection_id)
        .where(
            ImageStatistic.camera_id == camera_id,
            ImageStatistic.captured_at > since,
            ImageStatistic.captured_at <= until,
        )
        .order_by(ImageStatistic.captured_at)
    )
    return [(statistic, inspection) for statistic, inspection in rows if statistic.values]


def _make(
    session: Session, camera: Camera, watched: Sequence[Watched], by: str
) -> StationReference:
    watched = watched[:: -(-len(watched) // _MOST_OF_REFERENCE)]
    focus = np.array([statistic.values["focus"] for statistic, _ in watched])
    # The picture that is shown is the most usual one of those that are stored still.
    image_key = None
    for place in np.argsort(np.abs(focus - np.median(focus)), kind="stable"):
        inspection = watched[int(place)][1]
        image_key = session.get_one(Acquisition, inspection.acquisition_id).image_key
        if image_key is not None:
            break
    if image_key is None:
        raise Conflict("reference", "of this span no picture is stored any more")
    sample = _sample(session, watched)
    now = utc_now()
    for before in current_references(session, [camera.id]).values():
        before.ended_at = now
        session.flush()
    reference = StationReference(
        camera_id=camera.id,
        recipe_version_id=watched[-1][1].recipe_version_id,
        made_at=now,
        made_by=by[:100],
        since=watched[0][0].captured_at,
        until=watched[-1][0].captured_at,
        images=len(watched),
        image_key=image_key,
        statistics={
            "values": {name: list(values) for name, values in sample.values.items()},
            "cells": "".join(statistic.cells for statistic, _ in watched),
            "classes": dict(sample.classes),
        },
    )
    session.add(reference)
    session.flush()
    return reference


def _sample(session: Session, watched: Sequence[Watched]) -> Sample:
    names = {name for statistic, _ in watched for name in statistic.values}
    values: dict[str, Sequence[float]] = {}
    for name in names:
        column = [statistic.values[name] for statistic, _ in watched if name in statistic.values]
        values[name] = column
    answers, classes = _answers(session, watched)
    cells = "".join(statistic.cells for statistic, _ in watched)
    return Sample(values | answers, unpack(cells) if cells else None, classes)


def _answers(
    session: Session, watched: Sequence[Watched]
) -> tuple[dict[str, Sequence[float]], dict[str, int]]:
    """Scores, findings an image and classes of the looked-at inspections of the same span."""
    if not watched:
        return {}, {}
    camera_id = watched[0][0].camera_id
    inspections = session.scalars(
        select(Inspection.id)
        .where(
            Inspection.station_id == watched[0][1].station_id,
            Inspection.camera_id == camera_id,
            Inspection.captured_at >= watched[0][0].captured_at,
            Inspection.captured_at <= watched[-1][0].captured_at,
            Inspection.verdict != Verdict.NOT_INSPECTED.value,
        )
        .order_by(Inspection.captured_at.desc())
        .limit(_MOST_INSPECTIONS)
    ).all()
    rows = session.execute(
        select(Finding.inspection_id, Finding.score, Finding.class_name)
        .where(Finding.inspection_id.in_(inspections))
        .order_by(Finding.id)
    ).all()
    of_each = dict.fromkeys(inspections, 0.0)
    classes: dict[str, int] = {}
    for inspection_id, _, class_name in rows:
        of_each[inspection_id] += 1
        classes[class_name] = classes.get(class_name, 0) + 1
    scores = [round(score, 4) for _, score, _ in rows][-_MOST_INSPECTIONS:]
    return {"score": scores, "findings": list(of_each.values())}, classes
