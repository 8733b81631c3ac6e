"""First-pass yield by stretches of time: `first_pass`, for charts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, literal, select, text, true, tuple_
from sqlalchemy.orm import Session, aliased

from db.models import Acquisition, Inspection
from db.queries.first_pass import FIRST_PASS, FirstPass
from db.queries.quality import Stretch, id_rows, stretch_rows
from inspection.verdicts import Verdict

_NOT_GOOD = (Verdict.FAIL, Verdict.NOT_INSPECTED)
_Key = tuple[int, int | None]  # station, part


def first_pass_by(
    session: Session, station_ids: Collection[int], stretches: Sequence[Stretch]
) -> list[dict[int, FirstPass]]:
    """Parts that came to each station for the first time in each stretch, and the good ones.

    By the rules of `db.queries.first_pass.first_pass_in`: a part counts where its first frame was
    taken, and all its frames there within ten minutes after that one decide.

    Args:
        stretches: one after the other, without gaps and overlaps.
    """
    found: list[dict[int, FirstPass]] = [{} for _ in stretches]
    if not station_ids or not stretches:
        return found
    came = _came(session, station_ids, stretches)
    if not came:
        return found
    stations = {station_id for _, station_id in came}
    in_flight = _in_flight(session, stretches)
    starts = [since for since, _ in stretches]
    bad: dict[tuple[int, int], set[_Key]] = {}
    for station_id, part_id, n in _not_good(session, stations, stretches, starts):
        if (station_id, part_id) not in in_flight:
            bad.setdefault((n, station_id), set()).add((station_id, part_id))
    waiting: dict[tuple[int, int], int] = {}
    for (station_id, _), first in in_flight.items():
        place = (bisect_right(starts, first) - 1, station_id)
        waiting[place] = waiting.get(place, 0) + 1
    for (n, station_id), number in came.items():
        parts = number - waiting.get((n, station_id), 0)
        if parts:
            found[n][station_id] = FirstPass(parts, parts - len(bad.get((n, station_id), ())))
    return found


def _is_first() -> ColumnElement[bool]:
    """That no earlier frame of the part was taken at the station."""
    earlier = aliased(Acquisition)
    before = (
        select(literal(1))
        .where(
            earlier.part_id == Acquisition.part_id,
            earlier.station_id == Acquisition.station_id,
            tuple_(earlier.captured_at, earlier.id)
            < tuple_(Acquisition.captured_at, Acquisition.id),
        )
        .limit(1)
        .correlate(Acquisition)
        .scalar_subquery()
    )
    # A look into the index for each frame, whatever the database thinks it knows of the tables: as
    # NOT EXISTS a fresh PostgreSQL joins all there is, once for each stretch.
    return func.coalesce(before, 0) == 0


def _came(
    session: Session, station_ids: Collection[int], stretches: Sequence[Stretch]
) -> dict[tuple[int, int], int]:
    span, station = stretch_rows(stretches), id_rows(station_ids)
    number = (
        select(func.count())
        .select_from(Acquisition)
        .where(
            Acquisition.station_id == station.c.id,
            Acquisition.part_id.is_not(None),
            Acquisition.captured_at >= span.c.since,
            Acquisition.captured_at < span.c.until,
            _is_first(),
        )
        .correlate(span, station)
        .scalar_subquery()
    )
    rows = session.execute(
        select(span.c.n, station.c.id, number).select_from(span.join(station, true()))
    )
    return {(n, station_id): count for n, station_id, count in rows if count}


def _in_flight(session: Session, stretches: Sequence[Stretch]) -> dict[_Key, datetime]:
    rows = session.execute(
        select(Acquisition.station_id, Acquisition.part_id, Acquisition.captured_at).where(
            # In the words of the partial index of what waits, which is little.
            text("acquisition.state <> 'done'"),
            (Acquisition.part_id + 0).is_not(None),
            Acquisition.captured_at >= stretches[0][0],
            Acquisition.captured_at < stretches[-1][1],
            _is_first(),
        )
    )
    return {(station_id, part_id): at for station_id, part_id, at in rows}


def _not_good(
    session: Session,
    station_ids: Collection[int],
    stretches: Sequence[Stretch],
    starts: Sequence[datetime],
) -> list[tuple[int, int | None, int]]:
    """Stations and parts that failed in their first pass, with the stretch these came in."""
    earlier = aliased(Acquisition)
    first_at = (
        select(func.min(earlier.captured_at))
        .where(earlier.part_id == Acquisition.part_id, earlier.station_id == Inspection.station_id)
        .correlate(Acquisition, Inspection)
        .scalar_subquery()
    )
    begin, end = stretches[0][0], stretches[-1][1]
    rows = session.execute(
        select(Inspection.station_id, Acquisition.part_id, Inspection.captured_at, first_at)
        .join(Acquisition, Acquisition.id == Inspection.acquisition_id)
        .where(
            Inspection.station_id.in_(station_ids),
            Inspection.verdict.in_(_NOT_GOOD),
            Inspection.captured_at >= begin,
            Inspection.captured_at < end + FIRST_PASS,
            Acquisition.part_id.is_not(None),
        )
    )
    return [
        (station_id, part_id, bisect_right(starts, first) - 1)
        for station_id, part_id, captured_at, first in rows
        if begin <= first < end and captured_at - first <= FIRST_PASS
    ]
