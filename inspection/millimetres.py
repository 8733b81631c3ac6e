"""Measurements of one mask in millimetres, by a station's calibration.

Under one scale s a length is s·l, and by the law of propagation of uncertainty (GUM, JCGM
100:2008, 5.1.2, independent input quantities)

    u²(L) = (s·u(l))² + (l·u(s))²        u²(A) = (s²·u(a))² + (2·s·a·u(s))²

With a lens or a plane not the image but the points of the centreline and of both edges are mapped,
and s is the scale where they lie.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from inspection.calibration import Calibration
from inspection.measure import MaskMeasurement, widths
from inspection.tracing import Trace

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measured:
    """A value with its standard uncertainty (k = 1), in the same unit."""

    value: float
    uncertainty: float


def in_px(mask: MaskMeasurement) -> dict[str, Measured]:
    """What a mask measures, by the names that recipes use: lengths in px, the area in px²."""
    return {
        "length": Measured(mask.length_px, mask.u_length_px),
        "max_width": Measured(mask.max_width_px, mask.u_max_width_px),
        "width_p95": Measured(mask.width_p95_px, mask.u_width_p95_px),
        "mean_width": Measured(mask.mean_width_px, mask.u_mean_width_px),
        "area": Measured(float(mask.area_px), mask.u_area_px),
    }


def in_mm(
    traced: Trace, mask: MaskMeasurement, origin_xy: tuple[int, int], calibration: Calibration
) -> dict[str, Measured]:
    """The same in mm and mm².

    Args:
        traced, mask: of the same mask.
        origin_xy: where the mask's array lies in the image, px.
    """
    pixels = in_px(mask)
    values: Mapping[str, float]
    if calibration.is_scale:
        scale = calibration.mm_per_px
        values = {name: each.value * scale ** _power(name) for name, each in pixels.items()}
    else:
        values = _mapped(traced, np.array(origin_xy, np.float64), calibration)
    return {
        name: _propagated(values[name], pixels[name], calibration.u_relative, _power(name))
        for name in pixels
    }


def _power(name: str) -> int:
    return 2 if name == "area" else 1


def _propagated(value_mm: float, pixels: Measured, u_relative: float, power: int) -> Measured:
    local = value_mm / pixels.value
    u = float(np.hypot(local * pixels.uncertainty, power * value_mm * u_relative))
    return Measured(float(value_mm), u)


def _mapped(traced: Trace, origin_xy: _Floats, calibration: Calibration) -> Mapping[str, float]:
    way = traced.way_xy + origin_xy
    inner = way[1:-1]
    half = traced.across * traced.widths_px[:, None] / 2
    count = len(inner)
    points = np.concatenate([way, inner - half, inner + half])
    mapped = calibration.to_mm(points)
    way_mm, left, right = mapped[: count + 2], mapped[count + 2 : -count], mapped[-count:]
    # The way leaves out how a thin end winds; what it is short by is short in mm too.
    straight_px, straight_mm = _lengths(np.diff(way, axis=0)), _lengths(np.diff(way_mm, axis=0))
    length = float(straight_mm.sum()) * traced.length_px / float(straight_px.sum())
    # What lies across in the image lies aslant on the plane: the width is what stands upright on
    # the line there.
    along, along_px = way_mm[2:] - way_mm[:-2], _lengths(way[2:] - way[:-2])
    over = right - left
    along_mm = _lengths(along)
    local = np.abs(along[:, 0] * over[:, 1] - along[:, 1] * over[:, 0]) / along_mm
    mean_width, p95, widest = widths(local, traced.steps_px * along_mm / along_px)
    area = traced.area_px * _area_scale(traced, origin_xy, calibration)
    if not traced.slender:
        mean_width = area / length
        p95 = widest = max(widest, mean_width)
    return {
        "length": length,
        "max_width": widest,
        "width_p95": p95,
        "mean_width": mean_width,
        "area": area,
    }


def _area_scale(traced: Trace, origin_xy: _Floats, calibration: Calibration) -> float:
    """Mean mm² per px² over the mask: exact to second order by its mean and covariance.

    The points of a symmetric cubature (Julier and Uhlmann's unscented transform without a weight
    on the centre): mean ± √2 σ along both axes.
    """
    spread, axes = np.linalg.eigh(traced.covariance)
    away = (axes * np.sqrt(2 * np.maximum(spread, 0.0))).T
    centre = traced.centre_xy + origin_xy
    points = centre + np.concatenate([away, -away])
    beside = np.array([[0.5, 0.0], [-0.5, 0.0], [0.0, 0.5], [0.0, -0.5]])
    mapped = calibration.to_mm((points[:, None] + beside).reshape(-1, 2)).reshape(-1, 4, 2)
    in_x, in_y = mapped[:, 0] - mapped[:, 1], mapped[:, 2] - mapped[:, 3]
    return float(np.abs(in_x[:, 0] * in_y[:, 1] - in_x[:, 1] * in_y[:, 0]).mean())


def _lengths(vectors: _Floats) -> _Floats:
    return cast(_Floats, np.hypot(vectors[:, 0], vectors[:, 1]))
