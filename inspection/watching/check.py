"""A station's check: today's pictures and answers against its reference, figure by figure.

Two things are asked. *Can its pictures be trusted?* is the self-check: absolute bounds for focus,
light, place and dirt, which alone may put a station on hold. *Does it see something else than
before?* is drift: an effect that matters (PSI and KS) and is more than chance after all figures
were looked at together. Both are needed, since a good station is looked at every hour of a year.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from inspection.watching import drift
from inspection.watching.dirt import find_dirt
from inspection.watching.picture import LEAST_RESPONSE, UInt8

LEAST_IMAGES = 8  # fewer say nothing
PICTURE = ("focus", "brightness", "contrast", "clipped", "saturation", "colour", "noise")
ANSWERS = ("score", "findings")

# Figures of one answer or picture: an effect counts from these on, and only beyond chance.
_PSI_WATCH, _PSI_ALARM = 0.25, 0.5
_KS_WATCH, _KS_ALARM = 0.35, 0.55
_V_WATCH, _V_ALARM = 0.2, 0.4
# A picture's median must change by this much besides, as a share of the reference's or in its own
# unit: of a camera that hardly varies everything is significant, and nobody would see it.
_MATTERS: Mapping[str, tuple[float, float]] = {
    "focus": (0.15, 0.0),
    "brightness": (0.0, 10.0),
    "contrast": (0.15, 0.0),
    "clipped": (0.0, 0.02),
    "saturation": (0.0, 10.0),
    "colour": (0.0, 8.0),
    "noise": (0.25, 0.5),
}
_LEVEL = 0.001  # of p after Benjamini and Hochberg


class State(StrEnum):
    OK = "ok"
    WATCH = "watch"
    ALARM = "alarm"


_RANK = {State.OK: 0, State.WATCH: 1, State.ALARM: 2}


@dataclass(frozen=True)
class Bound:
    """From where a figure of the self-check is watched, and from where it is an alarm."""

    watch: float
    alarm: float

    def state(self, value: float) -> State:
        if value >= self.alarm:
            return State.ALARM
        return State.WATCH if value >= self.watch else State.OK


# What each value is stands at `_self_check`.
BOUNDS: Mapping[str, Bound] = {
    "focus": Bound(0.4, 0.6),  # share of the sharpness that is lost
    "brightness": Bound(20, 40),  # grey levels of the median, up or down
    "clipped": Bound(0.1, 0.3),  # share of all pixels that are black or white besides
    "shift": Bound(0.01, 0.03),  # of the longest side
    "dirt": Bound(0.004, 0.014),  # of the cells: two of 432, and six
}


@dataclass(frozen=True)
class Sample:
    """What was seen in a while: values of each figure, cells of the grid, findings by class."""

    values: Mapping[str, Sequence[float]]
    cells: UInt8 | None = None  # (n, 2, 18, 24)
    classes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """One figure: its value today and in the reference (medians), and what is to be said."""

    kind: str  # self_check | drift
    state: State
    value: float
    reference: float
    psi: float | None = None
    p: float | None = None

    def as_json(self) -> dict[str, object]:
        shown = {"kind": self.kind, "state": self.state.value}
        figures = {
            "value": self.value,
            "reference": self.reference,
            "psi": self.psi,
            "p": self.p,
        }
        return shown | {name: _rounded(value) for name, value in figures.items()}


@dataclass(frozen=True)
class Check:
    """All figures by name; those of the self-check are `focus!`, `shift!` and so on."""

    found: Mapping[str, Found]

    @property
    def state(self) -> State:
        return _worst(self.found.values())

    @property
    def self_check(self) -> State:
        """Of what may put the station on hold."""
        return _worst(each for each in self.found.values() if each.kind == "self_check")

    def alarms(self) -> list[str]:
        """Names of the self-check's figures that are an alarm."""
        return [
            name.rstrip("!")
            for name, each in self.found.items()
            if each.kind == "self_check" and each.state is State.ALARM
        ]


def check(reference: Sample, today: Sample, *, answers: bool = True) -> Check:
    """Hold a sample against the reference.

    Args:
        answers: whether scores, findings and classes are compared, too; the model of another
            recipe answers otherwise, and its pictures are the same.
    """
    names = (*PICTURE, *(ANSWERS if answers else ()))
    found = _self_check(reference, today)
    found |= _drift(reference, today, names, classes=answers)
    return Check(found)


def _self_check(reference: Sample, today: Sample) -> dict[str, Found]:
    found: dict[str, Found] = {}

    def note(name: str, value: float, now: float, before: float) -> None:
        found[f"{name}!"] = Found("self_check", BOUNDS[name].state(value), now, before)

    for name in ("focus", "brightness", "clipped"):
        before, now = reference.values.get(name, ()), today.values.get(name, ())
        if min(len(before), len(now)) < LEAST_IMAGES:
            continue
        usual, median = float(np.median(before)), float(np.median(now))
        low, high = np.percentile(before, [1, 99])
        if low <= median <= high:
            # Parts differ: within what the reference itself has shown nothing is wrong.
            value = 0.0
        elif name == "focus":
            value = 1 - median / max(usual, 1e-9)
        elif name == "clipped":
            value = median - usual
        else:
            value = abs(median - usual)
        note(name, value, median, usual)
    shifts = _shifts(today)
    if len(shifts) >= LEAST_IMAGES:
        # Of each direction by itself, so that what trembles around its place has not moved.
        moved = float(np.hypot(*np.median(shifts, axis=0)))
        note("shift", moved, moved, 0.0)
    usual_cells, cells = reference.cells, today.cells
    if (
        # Cells of a camera that has moved show other things.
        ("shift!" not in found or found["shift!"].state is State.OK)
        and usual_cells is not None
        and cells is not None
        and min(len(usual_cells), len(cells)) >= LEAST_IMAGES
    ):
        share = find_dirt(usual_cells, cells).share
        note("dirt", share, share, 0.0)
    return found


def _shifts(today: Sample) -> list[tuple[float, float]]:
    columns = (today.values.get(name, ()) for name in ("shift_x", "shift_y", "response"))
    return [(x, y) for x, y, response in zip(*columns, strict=True) if response >= LEAST_RESPONSE]


def _drift(
    reference: Sample, today: Sample, names: Sequence[str], *, classes: bool
) -> dict[str, Found]:
    p_values: dict[str, float] = {}
    effects: dict[str, State] = {}
    shown: dict[str, tuple[float, float, float | None]] = {}
    for name in names:
        before, now = reference.values.get(name, ()), today.values.get(name, ())
        if min(len(before), len(now)) < LEAST_IMAGES:
            continue
        distance, p_values[name] = drift.kolmogorov_smirnov(before, now)
        index = max(drift.psi(before, now), 0.0)
        chance = drift.psi_of_chance(before, now)
        effects[name] = min(
            _effect(distance, _KS_WATCH, _KS_ALARM),
            _effect(index, max(_PSI_WATCH, chance), max(_PSI_ALARM, chance)),
            key=_RANK.__getitem__,
        )
        median, usual = float(np.median(now)), float(np.median(before))
        share, least = _MATTERS.get(name, (0.0, 0.0))
        if abs(median - usual) < max(share * abs(usual), least):
            effects[name] = State.OK
        shown[name] = (median, usual, index)
    if classes and sum(today.classes.values()) >= LEAST_IMAGES:
        v, p_values["classes"] = drift.classes_changed(reference.classes, today.classes)
        effects["classes"] = _effect(v, _V_WATCH, _V_ALARM)
        shown["classes"] = (v, 0.0, None)
    p_values = drift.adjusted(p_values)
    return {
        name: Found(
            "drift",
            effects[name] if p_values[name] <= _LEVEL else State.OK,
            value,
            usual,
            index,
            p_values[name],
        )
        for name, (value, usual, index) in shown.items()
    }


def _effect(value: float, watch: float, alarm: float) -> State:
    return Bound(watch, alarm).state(value)


def _worst(found: Iterable[Found]) -> State:
    states = [each.state for each in found]
    return max(states, key=_RANK.__getitem__, default=State.OK)


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")
