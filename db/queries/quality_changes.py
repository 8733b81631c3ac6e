"""When recipe, model, calibration or camera changed at a station, as the tables tell it.

What an image was judged by stands in its row, so a change is where two images in a row differ.
Reading every row would make a month cost what it holds; so rows are looked up at some hundred
moments, and at each moment that a table dates a change to, and searched between those that differ.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from sqlalchemy import ColumnElement, ScalarSelect, or_, select, true
from sqlalchemy.orm import Session

from db.models import Calibration, Inspection, ModelVersion, RecipeActivation
from db.queries.quality import Stretch, id_rows, stretch_rows

_PROBES = 96
# Two workers with different models take turns; after so many changes between two probes the
# rest is no news.
_MOST_BETWEEN = 4
# From a change until the first image that it judges.
_AFTER = timedelta(seconds=1)


class ChangeKind(StrEnum):
    RECIPE = "recipe"
    MODEL = "model"
    CALIBRATION = "calibration"
    CAMERA = "camera"


@dataclass(frozen=True)
class Configuration:
    """By what an image was judged."""

    recipe_version_id: int
    model_version_id: int | None
    calibration_id: int | None


@dataclass(frozen=True)
class Switch:
    """One configuration gave way to another: `at` is when the first image by the new was taken."""

    station_id: int
    at: datetime
    before: Configuration
    after: Configuration


Moment = datetime | ColumnElement[datetime]
_Seen = tuple[datetime, int, Configuration]  # captured_at, inspection


def switches(session: Session, station_ids: Collection[int], stretch: Stretch) -> list[Switch]:
    """The changes of configuration in a stretch, in the order of time."""
    if not station_ids or stretch[1] <= stretch[0]:
        return []
    found: list[Switch] = []
    for station_id, seen in _probed(session, station_ids, stretch).items():
        for left, right in pairwise(seen):
            if left[2] != right[2]:
                found += _between(session, station_id, left, right)
    return sorted(found, key=lambda one: (one.at, one.station_id))


def _probed(
    session: Session, station_ids: Collection[int], stretch: Stretch
) -> dict[int, list[_Seen]]:
    """The first image after each probe and the last one of all, by station."""
    moments = [stretch[0], *_moments(session, station_ids, stretch), stretch[1]]
    rows = stretch_rows(list(pairwise(moments)))
    station = id_rows(station_ids)

    def image(newest: bool, since: Moment, until: Moment) -> ScalarSelect[int]:
        order = (Inspection.captured_at, Inspection.id)
        return (
            select(Inspection.id)
            .where(
                Inspection.station_id == station.c.id,
                Inspection.captured_at >= since,
                Inspection.captured_at < until,
                Inspection.reason.is_(None),
            )
            .order_by(*(each.desc() for each in order) if newest else order)
            .limit(1)
            .correlate(rows, station)
            .scalar_subquery()
        )

    first = select(image(False, rows.c.since, rows.c.until)).select_from(rows.join(station, true()))
    last = select(image(True, *stretch)).select_from(station)
    ids = {id_ for statement in (first, last) for id_ in session.scalars(statement) if id_}
    by_station: defaultdict[int, list[_Seen]] = defaultdict(list)
    statement = select(*_COLUMNS, Inspection.station_id).where(Inspection.id.in_(ids))
    for id_, at, recipe, model, calibration, station_id in session.execute(statement):
        by_station[station_id].append((at, id_, Configuration(recipe, model, calibration)))
    for seen in by_station.values():
        seen.sort(key=lambda one: one[:2])
    return by_station


_COLUMNS = (
    Inspection.id,
    Inspection.captured_at,
    Inspection.recipe_version_id,
    Inspection.model_version_id,
    Inspection.calibration_id,
)


def _moments(
    session: Session, station_ids: Collection[int], stretch: Stretch
) -> Sequence[datetime]:
    since, until = stretch
    step = (until - since) / _PROBES
    moments = {since + n * step for n in range(1, _PROBES)}
    dated = (
        select(RecipeActivation.activated_at).where(
            RecipeActivation.station_id.in_(station_ids),
            RecipeActivation.activated_at >= since,
            RecipeActivation.activated_at < until,
        ),
        select(Calibration.made_at).where(
            Calibration.station_id.in_(station_ids),
            Calibration.made_at >= since,
            Calibration.made_at < until,
        ),
        select(ModelVersion.first_used_at).where(
            ModelVersion.first_used_at >= since, ModelVersion.first_used_at < until
        ),
    )
    for statement in dated:
        for at in session.scalars(statement):
            moments |= {at, min(at + _AFTER, until)}
    return sorted(moment for moment in moments if since < moment < until)


def _between(session: Session, station_id: int, left: _Seen, right: _Seen) -> Iterator[Switch]:
    """The changes after one image up to another that was judged by something else."""
    for _ in range(_MOST_BETWEEN):
        here = left[2]
        row = session.execute(
            select(*_COLUMNS)
            .where(
                Inspection.station_id == station_id,
                Inspection.captured_at >= left[0],
                Inspection.captured_at <= right[0],
                Inspection.reason.is_(None),
                or_(Inspection.captured_at > left[0], Inspection.id > left[1]),
                or_(
                    Inspection.recipe_version_id != here.recipe_version_id,
                    Inspection.model_version_id.is_distinct_from(here.model_version_id),
                    Inspection.calibration_id.is_distinct_from(here.calibration_id),
                ),
            )
            .order_by(Inspection.captured_at, Inspection.id)
            .limit(1)
        ).first()
        if row is None:
            return
        id_, at, recipe, model, calibration = row
        left = (at, id_, Configuration(recipe, model, calibration))
        yield Switch(station_id, at, here, left[2])
    if left[2] != right[2]:
        yield Switch(station_id, right[0], left[2], right[2])
