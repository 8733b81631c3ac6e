"""A control chart as paths and places in one SVG picture. Words and colours are the template's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import floor, log10
from zoneinfo import ZoneInfo

import numpy as np
from flask_babel import gettext as _

from dashboards.formats import decimal, written
from db.queries.quality_charts import Point, QualityChart
from db.queries.quality_markers import Change
from inspection.spc import Floats

WIDTH, HEIGHT = 1000.0, 330.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 58.0, 12.0, 26.0, 34.0
_LABELS = 9
# Of the limits of very small subgroups no more is drawn than this many times the highest point.
_ROOM = 1.6


@dataclass(frozen=True)
class Dot:
    """A point: `rules` that it breaks, and whether enough was expected for rules about runs."""

    index: int
    x: float
    y: float
    rules: Sequence[int]


@dataclass(frozen=True)
class Mark:
    """Changes that fall between two points, numbered as in the list of changes."""

    number: int
    x: float
    changes: Sequence[Change]


@dataclass(frozen=True)
class Tick:
    at: float
    text: str


@dataclass(frozen=True)
class Drawing:
    """Everything in the coordinates of a view box of `WIDTH` x `HEIGHT`."""

    line: str
    centre: str
    limits: str
    band: str
    dots: Sequence[Dot]
    marks: Sequence[Mark]
    across: Sequence[Tick]
    up: Sequence[Tick]
    floor_y: float = HEIGHT - _BOTTOM
    left: float = _LEFT
    right: float = WIDTH - _RIGHT
    top: float = _TOP


def draw(shown: QualityChart, zone: ZoneInfo, *, percent: bool) -> Drawing:
    """Place the points of a chart, evenly from left to right as control charts have them."""
    chart, points = shown.chart, shown.points
    count = max(len(points), 1)
    step = (WIDTH - _LEFT - _RIGHT) / count
    top = _top(chart.values, chart.upper)

    def x(place: float) -> float:
        return round(_LEFT + (place + 0.5) * step, 1)

    def y(value: float) -> float:
        share = min(max(value / top, 0.0), 1.0)
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _BOTTOM - _TOP), 1)

    lines, centres, limits, band = [], [], [], []
    for phase in chart.phases:
        places = range(phase.first, phase.end)
        lines.append(_through([(x(n), y(chart.values[n])) for n in places]))
        edge = [(x(n - 0.5), x(n + 0.5)) for n in places]
        upper = _stairs(edge, [y(chart.upper[n]) for n in places])
        lower = _stairs(edge, [y(chart.lower[n]) for n in places])
        centres.append(_through(_stairs(edge, [y(phase.centre)] * len(edge))))
        limits += [_through(upper), _through(lower)]
        band.append(_through(upper + lower[::-1]) + "Z")
    rules = chart.rules_at()
    dots = [Dot(n, x(n), y(chart.values[n]), rules.get(n, ())) for n in range(len(points))]
    return Drawing(
        line="".join(lines),
        centre="".join(centres),
        limits="".join(limits),
        band="".join(band),
        dots=dots,
        marks=_marks(shown, x),
        across=_across(points, x, zone),
        up=[Tick(y(value), _written(value, percent)) for value in _ticks(top)],
    )


def _top(values: Floats, upper: Floats) -> float:
    if not len(values):
        return 1.0
    highest = float(values.max())
    finite = float(np.percentile(upper, 90))
    wanted = max(highest * 1.08, min(finite * 1.08, max(highest, 1e-9) * _ROOM))
    return wanted if wanted > 0 else 1.0


def _through(places: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in places) if places else ""


def _stairs(
    edges: Sequence[tuple[float, float]], heights: Sequence[float]
) -> list[tuple[float, float]]:
    """Level over each subgroup; steps that lie on one height are one line."""
    found: list[tuple[float, float]] = []
    for (left, right), height in zip(edges, heights, strict=True):
        if found and found[-1][1] == height:
            found[-1] = (right, height)
        else:
            found += [(left, height), (right, height)]
    return found


def _marks(shown: QualityChart, x: Callable[[float], float]) -> list[Mark]:
    found = []
    moments = sorted({change.at for change in shown.changes})
    for number, at in enumerate(moments, start=1):
        place = sum(point.since < at for point in shown.points)
        here = [change for change in shown.changes if change.at == at]
        found.append(Mark(number, x(place - 0.5), here))
    return found


def _across(points: Sequence[Point], x: Callable[[float], float], zone: ZoneInfo) -> list[Tick]:
    if not points:
        return []
    every = max(-(-len(points) // _LABELS), 1)
    long = (points[-1].until - points[0].since).days >= 2
    found: list[Tick] = []
    day: date | None = None
    for n in range(0, len(points), every):
        at: datetime = points[n].since.astimezone(zone)
        # The day is said where it begins; between them the clock is enough.
        told = written(at, _("d MMM")) if at.date() != day and (long or day) else f"{at:%H:%M}"
        if at.date() != day and long and (at.hour or at.minute) and every < 4:
            told = written(at, _("d MMM HH:mm"))
        day = at.date()
        found.append(Tick(x(n), told))
    return found


def _ticks(top: float) -> list[float]:
    """About four round numbers from zero up."""
    rough = top / 4
    power = 10.0 ** floor(log10(rough))
    step = next(power * one for one in (1, 2, 2.5, 5, 10) if power * one >= rough * 0.999)
    return [n * step for n in range(int(top / step) + 1)]


def _written(value: float, percent: bool) -> str:
    if percent:
        return decimal(f"{value * 100:.3g} %")
    return decimal(f"{value:.3g}")
