"""A control chart of a line or station: counts, changes and rules put together."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import reduce
from operator import add
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from db.models import Shift, Station
from db.queries.first_pass import FirstPass
from db.queries.quality import Stretch, Tally, defects, edges_by_count, tallies
from db.queries.quality_markers import Change, changes
from db.queries.quality_parts import first_pass_by
from db.queries.quality_spans import By, Span, edges, steps
from inspection import spc
from inspection.nelson import ATTRIBUTE_RULES, Signal

# The newest so many, where a subgroup is a number of images.
_GROUPS = 60
# A change that lies so many subgroups before a pattern is named with it: where limits do not begin
# anew, it is the last thing that was done before.
_NEAR = 5


class Charted(StrEnum):
    """What is charted."""

    IMAGES = "images"  # p: the share of inspected images that failed
    DEFECTS = "defects"  # u: findings that failed, for each inspected image
    PARTS = "parts"  # p: the share of parts that were not good in their first pass


@dataclass(frozen=True)
class Asked:
    """What chart is wanted.

    Attributes:
        size: inspected images in a subgroup, where subgroups are counted.
        phases: whether limits begin anew where something changed.
        laney: whether limits follow how much the rate moves by itself.
        first_pass: whether parts are counted although others are charted.
    """

    span: Span
    by: By
    charted: Charted = Charted.IMAGES
    size: int = 50
    phases: bool = True
    laney: bool = False
    rules: Collection[int] = ATTRIBUTE_RULES
    first_pass: bool = True


@dataclass(frozen=True)
class Point:
    """One subgroup: what was counted of how many."""

    since: datetime
    until: datetime
    count: int
    size: int
    tally: Tally
    first_pass: FirstPass
    classes: Mapping[str, int]


@dataclass(frozen=True)
class Told:
    """A signal, with the changes that fall into its pattern or just before it."""

    signal: Signal
    since: datetime
    until: datetime
    changes: Sequence[Change]


@dataclass(frozen=True)
class Step:
    """What a change did to the rate: the mean before and after, and how likely by chance."""

    at: datetime
    changes: Sequence[Change]
    before: float | None
    after: float | None
    p_value: float | None


@dataclass(frozen=True)
class QualityChart:
    """The whole page's figures; `chart` has one point for each of `points`."""

    asked: Asked
    points: Sequence[Point]
    chart: spc.Chart
    changes: Sequence[Change]
    told: Sequence[Told]
    steps: Sequence[Step]
    total: Tally
    first_pass: FirstPass | None
    pareto: Sequence[tuple[str, int]]


def load_chart(
    session: Session,
    stations: Sequence[Station],
    shifts: Sequence[Shift],
    zone: ZoneInfo,
    now: datetime,
    asked: Asked,
) -> QualityChart:
    """Read and judge a chart: about a dozen queries, however many points."""
    ids = [station.id for station in stations]
    changed = [] if not ids else changes(session, ids, (asked.span.start, asked.span.end))
    stretches = _stretches(session, ids, shifts, zone, now, asked, changed)
    counted = tallies(session, ids, stretches)
    classes = defects(session, ids, stretches)
    with_parts = asked.first_pass or asked.charted is Charted.PARTS
    parts = first_pass_by(session, ids, stretches) if with_parts else [{} for _ in stretches]
    points = [
        _point(asked.charted, stretch, found)
        for stretch, found in zip(stretches, zip(counted, classes, parts, strict=True), strict=True)
    ]
    pareto: Counter[str] = Counter()
    for point in points:
        pareto.update(point.classes)
    drawn = [point for point in points if point.size]
    begins = [bisect_left([point.since for point in drawn], change.at) for change in changed]
    chart = spc.chart(
        spc.ChartKind.U if asked.charted is Charted.DEFECTS else spc.ChartKind.P,
        [point.count for point in drawn],
        [point.size for point in drawn],
        begins if asked.phases else (),
        rules=asked.rules,
        laney=asked.laney,
    )
    return QualityChart(
        asked=asked,
        points=drawn,
        chart=chart,
        changes=changed,
        told=_told(chart, drawn, changed),
        steps=_steps(chart.kind, drawn, changed),
        total=reduce(add, (point.tally for point in points), Tally()),
        first_pass=_summed([point.first_pass for point in points]) if with_parts else None,
        pareto=sorted(pareto.items(), key=lambda one: (-one[1], one[0])),
    )


def _stretches(
    session: Session,
    ids: Sequence[int],
    shifts: Sequence[Shift],
    zone: ZoneInfo,
    now: datetime,
    asked: Asked,
    changed: Sequence[Change],
) -> list[Stretch]:
    if asked.by is By.COUNT:
        end = min(asked.span.end, now)
        if not ids or end <= asked.span.start:
            return []
        whole = (asked.span.start, end)
        grid = edges_by_count(session, ids, whole, asked.size, groups=_GROUPS)
    else:
        grid = edges(asked.span, asked.by, shifts, zone, now)
    # A change ends the subgroup that it falls into: no subgroup mixes two ways of judging.
    cuts = {one.at for one in changed if grid[0] < one.at < grid[-1]} if grid else set()
    return steps(sorted({*grid, *cuts}))


def _point(
    charted: Charted,
    stretch: Stretch,
    found: tuple[Mapping[int, Tally], Mapping[str, int], Mapping[int, FirstPass]],
) -> Point:
    by_station, classes, parts = found
    tally = reduce(add, by_station.values(), Tally())
    first_pass = _summed(parts.values())
    if charted is Charted.PARTS:
        count, size = first_pass.parts - first_pass.good, first_pass.parts
    elif charted is Charted.DEFECTS:
        count, size = sum(classes.values()), tally.inspected
    else:
        count, size = tally.failed, tally.inspected
    return Point(*stretch, count, size, tally, first_pass, classes)


def _summed(parts: Collection[FirstPass]) -> FirstPass:
    return FirstPass(sum(one.parts for one in parts), sum(one.good for one in parts))


def _told(chart: spc.Chart, points: Sequence[Point], changed: Sequence[Change]) -> list[Told]:
    """The newest first. A run that goes on is told once, where it was complete first."""
    found: list[Told] = []
    seen: dict[tuple[int, int], int] = {}
    for signal in chart.signals:
        key = (signal.rule, signal.side)
        goes_on = signal.rule != 1 and seen.get(key) == signal.index - 1
        seen[key] = signal.index
        if goes_on:
            continue
        begin = points[max(signal.first - _NEAR, 0)].since
        until = points[signal.index].until
        near = [change for change in changed if begin <= change.at < until]
        found.append(Told(signal, points[signal.first].since, until, near))
    return found[::-1]


def _steps(kind: spc.ChartKind, points: Sequence[Point], changed: Sequence[Change]) -> list[Step]:
    """Each moment of change with the rates up to the neighbouring ones, the newest first."""
    moments = sorted({change.at for change in changed})
    found = []
    for place, at in enumerate(moments):
        begin = moments[place - 1] if place else None
        end = moments[place + 1] if place + 1 < len(moments) else None
        before = _counted(points, begin, at)
        after = _counted(points, at, end)
        p_value = spc.difference_p(kind, before, after) if before[1] and after[1] else None
        found.append(
            Step(
                at,
                [change for change in changed if change.at == at],
                before[0] / before[1] if before[1] else None,
                after[0] / after[1] if after[1] else None,
                p_value,
            )
        )
    return found[::-1]


def _counted(
    points: Sequence[Point], since: datetime | None, until: datetime | None
) -> tuple[int, int]:
    here = [
        point
        for point in points
        if (since is None or point.since >= since) and (until is None or point.until <= until)
    ]
    return sum(point.count for point in here), sum(point.size for point in here)
