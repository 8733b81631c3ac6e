"""A figure over time as places in one SVG picture. Words and colours are the template's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from flask_babel import gettext as _

from dashboards.formats import decimal, written
from dashboards.learn.curves import Tick, round_numbers

WIDTH, HEIGHT = 640.0, 200.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 56.0, 12.0, 12.0, 28.0
_LABELS = 5
_LEAST_RANGE = 0.01  # of a figure that is always nought, too


@dataclass(frozen=True)
class Value:
    """One point: between `low` and `high` where that is known; `state` is ok, watch or alarm."""

    at: datetime
    value: float
    state: str = "ok"
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Dot:
    x: float
    y: float
    state: str
    told: str


@dataclass(frozen=True)
class Series:
    """Everything in the coordinates of a view box of `WIDTH` x `HEIGHT`."""

    line: str
    bars: str  # from low to high of each point
    dots: Sequence[Dot]
    usual_y: float | None  # where the reference lies
    up: Sequence[Tick]
    across: Sequence[Tick]
    width: float = WIDTH
    height: float = HEIGHT
    left: float = _LEFT
    right: float = WIDTH - _RIGHT
    floor_y: float = HEIGHT - _BOTTOM


def draw_series(
    values: Sequence[Value], zone: ZoneInfo, *, usual: float | None = None, percent: bool = False
) -> Series:
    """Place points, of which there is at least one, evenly in their order."""
    all_y = [each.high if each.high is not None else each.value for each in values]
    all_y += [each.low if each.low is not None else each.value for each in values]
    all_y += [usual] if usual is not None else []
    low = min(0.0, *all_y)
    ticks = round_numbers(low, max(*all_y, low + _LEAST_RANGE))
    top = ticks[-1]
    step = (WIDTH - _LEFT - _RIGHT) / len(values)

    def x(place: int) -> float:
        return round(_LEFT + (place + 0.5) * step, 1)

    def y(value: float) -> float:
        share = (value - low) / (top - low)
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)

    places = [(x(n), y(each.value)) for n, each in enumerate(values)]
    bars = "".join(
        f"M{x(n):g} {y(each.low):g}V{y(each.high):g}"
        for n, each in enumerate(values)
        if each.low is not None and each.high is not None
    )
    every = -(-len(values) // _LABELS)
    pattern = _("d MMM HH:mm")
    return Series(
        line="M" + "L".join(f"{across:g} {up:g}" for across, up in places),
        bars=bars,
        dots=[
            Dot(
                *places[n],
                each.state,
                f"{written(each.at.astimezone(zone), pattern)}: {_number(each.value, percent)}",
            )
            for n, each in enumerate(values)
        ],
        usual_y=None if usual is None else y(usual),
        up=[Tick(y(value), _number(value, percent)) for value in ticks],
        across=[
            Tick(x(n), written(values[n].at.astimezone(zone), pattern))
            for n in range(0, len(values), every)
        ],
    )


def _number(value: float, percent: bool) -> str:
    return decimal(f"{value * 100:.3g} %" if percent else f"{value:.3g}")
