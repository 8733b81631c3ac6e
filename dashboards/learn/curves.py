"""A curve of a training run as a path in an SVG picture. Words and colours are the template's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import Any

from dashboards.formats import decimal

WIDTH, HEIGHT = 640.0, 220.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 56.0, 12.0, 12.0, 28.0


@dataclass(frozen=True)
class Tick:
    at: float
    text: str


@dataclass(frozen=True)
class CurvePicture:
    """Everything in the coordinates of a view box of `WIDTH` x `HEIGHT`."""

    name: str
    line: str
    dots: Sequence[tuple[float, float]]  # where there are few points
    up: Sequence[Tick]
    across: Sequence[Tick]
    last: str
    width: float = WIDTH
    height: float = HEIGHT
    left: float = _LEFT
    right: float = WIDTH - _RIGHT
    top: float = _TOP
    floor_y: float = HEIGHT - _BOTTOM


def draw_curve(curve: Mapping[str, Any]) -> CurvePicture:
    """Place a curve's points (step, value), of which there is at least one, by their steps."""
    points = [(float(step), float(value)) for step, value in curve["points"]]
    last_step = max(points[-1][0], 1.0)
    low = min(0.0, *(value for _, value in points), 0.0)
    ticks = round_numbers(low, max(max(value for _, value in points), low + 1e-6))
    top = ticks[-1]

    def x(step: float) -> float:
        return round(_LEFT + step / last_step * (WIDTH - _LEFT - _RIGHT), 1)

    def y(value: float) -> float:
        share = (value - low) / (top - low)
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)

    places = [(x(step), y(value)) for step, value in points]
    return CurvePicture(
        name=str(curve["name"]),
        line="M" + "L".join(f"{across:g} {up:g}" for across, up in places),
        dots=places if len(places) <= 20 else (),
        up=[Tick(y(value), decimal(f"{value:.3g}")) for value in ticks],
        across=[Tick(x(share * last_step), f"{share * last_step:.0f}") for share in (0, 0.5, 1)],
        last=decimal(f"{points[-1][1]:.3g}"),
    )


def round_numbers(low: float, high: float) -> list[float]:
    """About four round numbers from low to at least high."""
    rough = (high - low) / 3
    power = 10.0 ** floor(log10(rough))
    step = next(power * one for one in (1, 2, 2.5, 5, 10) if power * one >= rough * 0.999)
    found = [low]
    while found[-1] < high - 1e-9:
        found.append(found[-1] + step)
    return found
