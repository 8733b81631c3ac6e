"""First-pass yield by stretches of time: `first_pass`, for charts."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func, select, text, true
from sqlalchemy.orm import Session

from db.models import Acquisition, PartArrival
from db.queries.first_pass import FirstPass, is_first_of_part, not_good_since
from db.queries.quality import Stretch, id_rows, stretch_rows

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
    bad: Counter[tuple[int, int]] = Counter()
    not_good = not_good_since(session, stations, stretches[0][0], stretches[-1][1])
    for (station_id, part_id), first in not_good.items():
        if (station_id, part_id) not in in_flight:
            bad[bisect_right(starts, first) - 1, station_id] += 1
    waiting = Counter(
        (bisect_right(starts, first) - 1, station_id)
        for (station_id, _), first in in_flight.items()
    )
    for (n, station_id), number in came.items():
        parts = number - waiting[n, station_id]
        if parts:
            found[n][station_id] = FirstPass(parts, parts - bad[n, station_id])
    return found


def _came(
    session: Session, station_ids: Collection[int], stretches: Sequence[Stretch]
) -> dict[tuple[int, int], int]:
    span, station = stretch_rows(stretches), id_rows(station_ids)
    number = (
        select(func.count())
        .select_from(PartArrival)
        .where(
            PartArrival.station_id == station.c.id,
            PartArrival.first_at >= span.c.since,
            PartArrival.first_at < span.c.until,
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
            is_first_of_part(),
        )
    )
    return {(station_id, part_id): at for station_id, part_id, at in rows}
