"""Plots as SVG for a page: they take its text colour, its font and its light or dark colours."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# Stand-ins that matplotlib draws with and the page's own colours take the place of.
INK, FAINT = "#010203", "#010204"
SERIES = tuple(f"#0102{0x10 + place:02x}" for place in range(8))
_SIZE_IN = (4.2, 3.1)


def svg(name: str, label: str, draw: Callable[[Any], None]) -> str:
    """One plot as an `svg` element.

    Args:
        name: unique on the page; ids inside are made from it.
        label: what a reader of screens says of it.
        draw: draws on matplotlib axes.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": name,
        "font.size": 10,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": FAINT,
        "xtick.color": INK,
        "ytick.color": INK,
        "grid.color": FAINT,
        "grid.alpha": 0.35,
        "axes.grid": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "legend.frameon": False,
        "legend.fontsize": 9,
        "lines.linewidth": 2,
    }
    with rc_context(settings):
        figure = Figure(figsize=_SIZE_IN, layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        draw(axes)
        handles, names = axes.get_legend_handles_labels()
        if len(names) > 1:
            # Below the axes, where it hides no data.
            figure.legend(handles, names, loc="outside lower center", ncols=3)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return _for_page(text.getvalue(), label)


def _for_page(drawn: str, label: str) -> str:
    drawn = drawn[drawn.index("<svg") :]
    # Its style sheet is for a file of its own; here it would be the whole page's.
    drawn = re.sub(r"<style[^>]*>.*?</style>", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r"<metadata>.*?</metadata>", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r"font: (\d+)px [^;\"]+", r"font-size: \1px", drawn)
    drawn = drawn.replace(INK, "currentColor").replace(FAINT, "var(--faint)")
    for place, colour in enumerate(SERIES):
        drawn = drawn.replace(colour, f"var(--series-{place})")
    # Without a width of its own a plot fills its place.
    start, rest = drawn.split(">", 1)
    start = re.sub(r'\s(width|height)="[^"]*"', "", start)
    return start.replace("<svg ", f'<svg class="plot" role="img" aria-label="{label}" ', 1) + (
        ">" + rest
    )


def lines(
    x: Floats,
    series: Sequence[tuple[str, Floats]],
    *,
    labels: tuple[str, str],
    unit_square: bool = True,
    marked: tuple[float, str] | None = None,
) -> Callable[[Any], None]:
    """Lines over one axis; `marked` is a place on it with its name."""

    def draw(axes: Any) -> None:
        for place, (name, values) in enumerate(series):
            style = ("-", "--", "-.", ":")[place % 4]
            axes.plot(x, values, style, color=SERIES[place % len(SERIES)], label=name)
        if marked is not None:
            axes.axvline(marked[0], color=INK, linewidth=1, linestyle=":")
            axes.annotate(
                marked[1], (marked[0], 0.02), xytext=(4, 0), textcoords="offset points", fontsize=9
            )
        if unit_square:
            axes.set(xlim=(0, 1), ylim=(0, 1.02))
        axes.set(xlabel=labels[0], ylabel=labels[1])

    return draw


def detection(
    sizes: Floats,
    hits: npt.NDArray[np.bool_],
    curve: tuple[Floats, Floats] | None,
    bound: tuple[Floats, Floats] | None,
    marks: Sequence[tuple[float, str]],
    unit: str,
) -> Callable[[Any], None]:
    """Shares detected by size, in groups of equal number, with the fitted curve and its bound."""

    def draw(axes: Any) -> None:
        order = np.argsort(sizes)
        for group in np.array_split(order, max(1, min(10, len(order) // 8))):
            axes.plot(np.exp(np.log(sizes[group]).mean()), hits[group].mean(), "o", color=SERIES[0])
        axes.plot([], [], "o", color=SERIES[0], label="observed, in groups")
        if curve is not None:
            axes.plot(*curve, "-", color=SERIES[1], label="fitted")
        if bound is not None:
            axes.plot(*bound, "--", color=SERIES[1], linewidth=1.5, label="95 % bound")
        for place, name in marks:
            axes.axvline(place, color=INK, linewidth=1, linestyle=":")
            axes.annotate(
                name, (place, 0.04), xytext=(4, 0), textcoords="offset points", fontsize=9
            )
        low, high = sizes.min(), max([sizes.max(), *(place for place, _ in marks)])
        axes.set(xlim=(low / 1.15, high * 1.15), ylim=(0, 1.02), ylabel="share detected")
        axes.set(xscale="log", xlabel=f"length of the defect, {unit}")
        ticks = [t for t in _nice_ticks() if low / 1.15 <= t <= high * 1.15]
        axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
        axes.minorticks_off()

    return draw


def stacked(
    edges: Floats,
    parts: Sequence[tuple[str, npt.NDArray[np.int64]]],
    labels: tuple[str, str],
    log_x: bool = False,
) -> Callable[[Any], None]:
    """A histogram whose bars are made of parts; parts differ in hatching as well as in colour."""

    def draw(axes: Any) -> None:
        base = np.zeros(len(edges) - 1)
        for place, (name, number) in enumerate(parts):
            axes.bar(
                edges[:-1],
                number,
                np.diff(edges),
                bottom=base,
                align="edge",
                color=SERIES[place],
                edgecolor=FAINT,
                linewidth=0.5,
                hatch=("", "///")[place % 2],
                label=name,
            )
            base = base + number
        if log_x:
            axes.set_xscale("log")
            ticks = [t for t in _nice_ticks() if edges[0] <= t <= edges[-1]]
            axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
            axes.minorticks_off()
        axes.set(xlabel=labels[0], ylabel=labels[1], xlim=(edges[0], edges[-1]))

    return draw


def reliability(confidence: Floats, right: Floats, findings: Floats) -> Callable[[Any], None]:
    """Share that is right over the mean score; larger points stand for more findings."""

    def draw(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], ":", color=INK, linewidth=1, label="score kept")
        known = findings > 0
        size = 15 + 200 * np.sqrt(findings[known] / findings.max())
        axes.plot(
            confidence[known], right[known], "-", color=SERIES[0], linewidth=1.5, label="observed"
        )
        axes.scatter(confidence[known], right[known], size, color=SERIES[0], alpha=0.8)
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="score", ylabel="share that is right")

    return draw


def scatter_counts(
    true: npt.NDArray[np.int64], found: npt.NDArray[np.int64]
) -> Callable[[Any], None]:
    """Found against true instances of each image; larger points stand for more images."""

    def draw(axes: Any) -> None:
        pairs, number = np.unique(np.stack([true, found]), axis=1, return_counts=True)
        top = max(1, int(pairs.max(initial=0)))
        axes.plot([0, top], [0, top], ":", color=INK, linewidth=1)
        size = 15 + 250 * np.sqrt(number / number.max(initial=1))
        axes.scatter(*pairs, size, color=SERIES[0], alpha=0.75)
        axes.set(xlabel="true in an image", ylabel="found", xlim=(-0.5, top + 0.5))
        axes.set(ylim=(-0.5, top + 0.5))
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.yaxis.get_major_locator().set_params(integer=True)

    return draw


def _nice_ticks() -> list[float]:
    return [step * 10.0**power for power in range(-3, 6) for step in (1, 2, 5)]


def intervals(rows: Sequence[tuple[str, float, float, float]]) -> Callable[[Any], None]:
    """Named values with the lower and upper end of their intervals, one below the other."""

    def draw(axes: Any) -> None:
        axes.axvline(0, color=INK, linewidth=1, linestyle=":")
        for place, (_, value, low, high) in enumerate(reversed(rows)):
            axes.plot([low, high], [place, place], "-", color=SERIES[0])
            axes.plot([value], [place], "o", color=SERIES[0])
        axes.set_yticks(range(len(rows)), [name for name, *_ in reversed(rows)])
        axes.set(xlabel="B − A", ylim=(-0.6, len(rows) - 0.4))

    return draw
