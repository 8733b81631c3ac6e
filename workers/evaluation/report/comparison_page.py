"""The page of a comparison: differences with their intervals, and the images that flip."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from workers.evaluation.report import charts
from workers.evaluation.report.page import KEY, document, shown_image, table, tile
from workers.evaluation.worst import ShownImage


def write_comparison(
    out: Path,
    figures: dict[str, Any],
    shown: Sequence[tuple[ShownImage, ShownImage]],
    classes: tuple[Sequence[str], Sequence[str]],
) -> Path:
    """Write index.html and report.json into out, made if missing; gives the page's path.

    Args:
        out: the folder.
        figures: what `lineside compare --json` prints.
        shown: some of the flipped images, as A and as B sees them.
        classes: those of A and of B.
    """
    a, b = (f"{side['model']} {side['version']} {side['engine']}" for side in _sides(figures))
    title = f"{figures['a']['model']} against {figures['b']['model']}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="quiet">A is {escape(a)}, B is {escape(b)}: {figures["images"]} images of '
        f"{escape(figures['dataset']['name'])}, {figures['resamples']} resamples of the images "
        f"(seed {figures['seed']}). A difference is B minus A.</p>",
        f'<div class="tiles">{"".join(_tiles(figures))}</div>',
        "<h2>Differences</h2>",
        table(
            ["", "A", "B", "B − A", "95 % interval", "p"],
            [_row(name, each) for name, each in figures["differences"].items()],
        ),
        f'<div class="plots"><figure>{_forest(figures)}<figcaption><b>Differences with their '
        "95 % intervals</b>Where an interval crosses the dotted line the two may well be alike."
        "</figcaption></figure></div>",
        "<h2>Verdicts</h2>",
        table(
            ["images", "only A right", "only B right", "p (McNemar, exact)"],
            [
                [name, str(each["only_a_right"]), str(each["only_b_right"]), f"{each['p']:.3g}"]
                for name, each in figures["verdicts"].items()
            ],
        ),
        *_flips(figures, shown, classes),
    ]
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    path = out / "index.html"
    path.write_text(document(title, parts), encoding="utf-8")
    return path


def _sides(figures: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    return figures["a"], figures["b"]


def _tiles(figures: dict[str, Any]) -> Iterable[str]:
    for name, each in figures["differences"].items():
        note = f"A {each['a']:.3f}, B {each['b']:.3f}, p {each['p']:.2g}"
        yield tile(name.replace("_", " ").replace(".", " "), f"{each['difference']:+.3f}", note)


def _row(name: str, each: dict[str, Any]) -> list[str]:
    low, high = each["ci95"] or (float("nan"), float("nan"))
    return [
        name,
        f"{each['a']:.4f}",
        f"{each['b']:.4f}",
        f"{each['difference']:+.4f}",
        f"{low:+.4f} to {high:+.4f}",
        f"{each['p']:.3g}",
    ]


def _forest(figures: dict[str, Any]) -> str:
    known = [(name, each) for name, each in figures["differences"].items() if each["ci95"]]
    rows = [(name, each["difference"], *each["ci95"]) for name, each in known]
    return charts.svg("forest", "Differences with their intervals", charts.intervals(rows))


def _flips(
    figures: dict[str, Any],
    shown: Sequence[tuple[ShownImage, ShownImage]],
    classes: tuple[Sequence[str], Sequence[str]],
) -> Iterable[str]:
    yield f"<h2>Verdicts that flip: {len(figures['flips'])}</h2>"
    if not figures["flips"]:
        yield '<p class="quiet">None.</p>'
        return
    if shown:
        yield f'<p class="quiet">The first {len(shown)}, as A and as B sees them.<br>{KEY}</p>'
        pictures = "".join(
            shown_image(one, names, f"{side}: {one.name}, {one.kind}")
            for pair in shown
            for side, one, names in zip("AB", pair, classes, strict=True)
        )
        yield f'<div class="pictures">{pictures}</div>'
    yield table(
        ["image", "is", "A", "B"],
        [
            [each["image"], "defective" if each["defective"] else "clean", each["a"], each["b"]]
            for each in figures["flips"]
        ],
    )
