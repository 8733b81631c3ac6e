"""A run's log as a picture, and a page about the run, beside its checkpoint."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

from inspection.model_folder import ModelFolder

CURVES, PAGE = "curves.svg", "report.html"
# Points drawn of a curve; more would only make the picture slow.
POINTS = 400


def draw_curves(run: Path, folder: ModelFolder) -> str:
    """Write curves.svg and report.html from log.jsonl; gives a line for the command line."""
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text("utf-8").splitlines()]
    try:
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError:
        return f"no curves drawn: matplotlib is not installed; the figures are in {run}/log.jsonl"
    steps = [line for line in lines if "total" in line]
    checks = [line for line in lines if "metric" in line]
    figure = Figure(figsize=(8, 7), layout="constrained")
    FigureCanvasSVG(figure)
    loss, metric, rate = figure.subplots(3, 1, sharex=True)
    parts = [name for name in steps[0] if name not in ("step", "spent_s", "rate")] if steps else []
    for name in parts:
        xs, ys = smooth([(line["step"], line[name]) for line in steps if name in line])
        loss.plot(xs, ys, label=name, linewidth=2 if name == "total" else 1)
    loss.set_ylabel("loss")
    if parts:
        loss.legend(fontsize=8, ncols=4)
    metric.plot([c["step"] for c in checks], [c["metric"] for c in checks], marker="o")
    metric.set_ylabel("validation")
    rate.plot(*smooth([(line["step"], line["rate"]) for line in steps]))
    rate.set_ylabel("learning rate")
    rate.set_xlabel("step")
    figure.savefig(run / CURVES, format="svg")
    (run / PAGE).write_text(_page(run, folder, checks), encoding="utf-8")
    return f"curves and figures of the run: {run / PAGE}"


def smooth(points: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """Means over even pieces of a curve, at most `POINTS` of them."""
    piece = max(1, -(-len(points) // POINTS))
    xs, ys = [], []
    for begin in range(0, len(points), piece):
        part = points[begin : begin + piece]
        xs.append(part[-1][0])
        ys.append(sum(y for _, y in part) / len(part))
    return xs, ys


def _page(run: Path, folder: ModelFolder, checks: list[dict[str, Any]]) -> str:
    training = folder.manifest.training
    # The picture's own XML head has no place inside a page.
    picture = (run / CURVES).read_text(encoding="utf-8").partition("<svg")
    rows = "".join(f"<tr><td>{c['step']}<td>{c['metric']:.4f}" for c in checks)
    thresholds = "".join(
        f"<tr><td>{html.escape(name)}<td>{t.mask:.2f}<td>{t.score:.2f}<td>{t.area_px}"
        for name, t in folder.manifest.thresholds.items()
    )
    command = html.escape(training.command if training else "")
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{folder.name}: training</title>"
        "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;"
        "padding:0 1rem}td,th{padding:.1rem .8rem;text-align:right}svg{width:100%;height:auto}"
        "</style>"
        f"<h1>{folder.name} {folder.version}</h1><p><code>{command}</code>"
        f"<h2>Curves</h2>{picture[1]}{picture[2]}"
        f"<h2>Validation</h2><table><tr><th>step<th>figure{rows}</table>"
        "<h2>Thresholds</h2><table><tr><th>class<th>pixel<th>score<th>least area, px"
        f"{thresholds}</table></html>\n"
    )
