"""What each stretch of time amounts to at each station, for charts and reports.

Counts are read from indexes alone, one search for each station, verdict and stretch: what a page
costs grows with what it shows, and hardly with what lies in the tables.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CTE, Integer, String, column, func, select, true, values
from sqlalchemy.orm import Session

from db.base import UtcDateTime
from db.models import Finding, Inspection
from inspection.verdicts import Verdict

INSPECTED = (Verdict.PASS, Verdict.WARN, Verdict.FAIL)

Stretch = tuple[datetime, datetime]


@dataclass(frozen=True)
class Tally:
    """Images of one stretch, by verdict."""

    passed: int = 0
    warned: int = 0
    failed: int = 0
    not_inspected: int = 0

    @property
    def inspected(self) -> int:
        return self.passed + self.warned + self.failed

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.passed + other.passed,
            self.warned + other.warned,
            self.failed + other.failed,
            self.not_inspected + other.not_inspected,
        )


def tallies(
    session: Session, station_ids: Collection[int], stretches: Sequence[Stretch]
) -> list[dict[int, Tally]]:
    """Verdicts of each stretch, by station; stations of which there is nothing are left out."""
    found: list[dict[int, Tally]] = [{} for _ in stretches]
    if not station_ids or not stretches:
        return found
    span, station, verdict = stretch_rows(stretches), id_rows(station_ids), _verdict_rows()
    number = (
        select(func.count())
        .select_from(Inspection)
        .where(
            Inspection.station_id == station.c.id,
            Inspection.verdict == verdict.c.verdict,
            Inspection.captured_at >= span.c.since,
            Inspection.captured_at < span.c.until,
        )
        .correlate(span, station, verdict)
        .scalar_subquery()
    )
    rows = session.execute(
        select(span.c.n, station.c.id, verdict.c.verdict, number).select_from(
            span.join(station, true()).join(verdict, true())
        )
    )
    counted: defaultdict[tuple[int, int], dict[str, int]] = defaultdict(dict)
    for n, station_id, name, count in rows:
        if count:
            counted[n, station_id][name] = count
    for (n, station_id), by_verdict in counted.items():
        found[n][station_id] = Tally(
            passed=by_verdict.get(Verdict.PASS, 0),
            warned=by_verdict.get(Verdict.WARN, 0),
            failed=by_verdict.get(Verdict.FAIL, 0),
            not_inspected=by_verdict.get(Verdict.NOT_INSPECTED, 0),
        )
    return found


def defects(
    session: Session, station_ids: Collection[int], stretches: Sequence[Stretch]
) -> list[dict[str, int]]:
    """How many findings of each class failed in each stretch, over all the stations."""
    found: list[dict[str, int]] = [{} for _ in stretches]
    if not station_ids or not stretches:
        return found
    span, station = stretch_rows(stretches), id_rows(station_ids)
    rows = session.execute(
        select(span.c.n, Finding.class_name, func.count())
        .select_from(span)
        .join(station, true())
        .join(
            Inspection,
            (Inspection.station_id == station.c.id)
            & (Inspection.verdict == Verdict.FAIL)
            & (Inspection.captured_at >= span.c.since)
            & (Inspection.captured_at < span.c.until),
        )
        .join(Finding, Finding.inspection_id == Inspection.id)
        .where(Finding.verdict == Verdict.FAIL)
        .group_by(span.c.n, Finding.class_name)
    )
    for n, name, count in rows:
        found[n][name] = count
    return found


def defects_by_station(
    session: Session, station_ids: Collection[int], stretch: Stretch
) -> dict[int, dict[str, int]]:
    """How many findings of each class failed in a stretch, by station."""
    found: defaultdict[int, dict[str, int]] = defaultdict(dict)
    rows = session.execute(
        select(Inspection.station_id, Finding.class_name, func.count())
        .join(Finding, Finding.inspection_id == Inspection.id)
        .where(
            Inspection.station_id.in_(station_ids),
            Inspection.verdict == Verdict.FAIL,
            Inspection.captured_at >= stretch[0],
            Inspection.captured_at < stretch[1],
            Finding.verdict == Verdict.FAIL,
        )
        .group_by(Inspection.station_id, Finding.class_name)
    )
    for station_id, name, count in rows:
        found[station_id][name] = count
    return dict(found)


def reasons(
    session: Session, station_ids: Collection[int], stretch: Stretch
) -> dict[int, dict[str, int]]:
    """Why images of a stretch were not inspected, by station."""
    found: defaultdict[int, dict[str, int]] = defaultdict(dict)
    rows = session.execute(
        select(Inspection.station_id, Inspection.reason, func.count())
        .where(
            Inspection.station_id.in_(station_ids),
            Inspection.verdict == Verdict.NOT_INSPECTED,
            Inspection.captured_at >= stretch[0],
            Inspection.captured_at < stretch[1],
        )
        .group_by(Inspection.station_id, Inspection.reason)
    )
    for station_id, reason, count in rows:
        found[station_id][reason or ""] = count
    return dict(found)


def edges_by_count(
    session: Session, station_ids: Collection[int], stretch: Stretch, size: int, *, groups: int
) -> list[datetime]:
    """Edges between subgroups of `size` inspected images, the newest `groups` of a stretch.

    Images that were taken in the same instant stay together, so that a subgroup may have some
    more than `size`; the last one may have fewer, since it is not full yet.
    """
    newest = (
        select(Inspection.captured_at)
        .where(
            Inspection.station_id.in_(station_ids),
            Inspection.verdict.in_(INSPECTED),
            Inspection.captured_at >= stretch[0],
            Inspection.captured_at < stretch[1],
        )
        .order_by(Inspection.captured_at.desc())
        .limit(size * groups)
        .subquery()
    )
    place = func.row_number().over(order_by=newest.c.captured_at).label("place")
    numbered = select(newest.c.captured_at, place).subquery()
    firsts = select(numbered.c.captured_at).where((numbered.c.place - 1) % size == 0)
    return [*sorted(set(session.scalars(firsts))), stretch[1]]


def stretch_rows(stretches: Sequence[Stretch]) -> CTE:
    """Stretches as rows (n, since, until) that a query can join."""
    columns = (column("n", Integer), column("since", UtcDateTime()), column("until", UtcDateTime()))
    rows = [(n, since, until) for n, (since, until) in enumerate(stretches)]
    return values(*columns, name="stretch").data(rows).cte("stretch")


def id_rows(ids: Collection[int]) -> CTE:
    """Ids as rows (id)."""
    return values(column("id", Integer), name="place").data([(id_,) for id_ in ids]).cte("place")


def _verdict_rows() -> CTE:
    rows: list[tuple[Any, ...]] = [(str(verdict),) for verdict in Verdict]
    return values(column("verdict", String), name="judged").data(rows).cte("judged")
