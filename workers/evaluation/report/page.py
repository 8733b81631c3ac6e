"""The report's page: text, tables, plots and pictures in one file that needs nothing else."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from workers.evaluation.options import Evaluation
from workers.evaluation.report.pictures import picture
from workers.evaluation.report.plots import Plot, plots_of
from workers.evaluation.worst import ShownImage, WorstImages

KEY = (
    '<span class="key"><i class="truth"></i>true</span>'
    '<span class="key"><i class="found"></i>found</span>'
)
_KINDS = {
    "escape": ("Escapes", "Defective images that pass, most defective pixels first."),
    "false_call": ("False calls", "Images without a defect that are rejected, best score first."),
    "worst_iou": ("Worst overlap", "Defective images that are rejected, least overlap first."),
}


class ChartsMissingError(Exception):
    """The library that draws the plots is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "--report needs matplotlib, which is not installed: pip install 'lineside[evaluate]'"
        )


def check_charts() -> None:
    """Say before a long run that its report could not be drawn. Raises ChartsMissingError."""
    if importlib.util.find_spec("matplotlib") is None:
        raise ChartsMissingError


def write_report(
    out: Path, figures: dict[str, Any], evaluation: Evaluation, worst: WorstImages
) -> Path:
    """Write index.html and report.json into out, made if missing; gives the page's path.

    Args:
        out: the folder.
        figures: what `lineside evaluate --json` prints.
        evaluation: the pass behind it.
        worst: the images to show.
    """
    title = f"{figures['model']} on {figures['dataset']['name']}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="quiet">{escape(_described(figures))}</p>',
        f'<div class="tiles">{"".join(_tiles(figures))}</div>',
        *_tables(figures),
        "<h2>Plots</h2>",
        f'<div class="plots">{"".join(_plot(plot) for plot in plots_of(evaluation))}</div>',
        *_pictures(worst, evaluation.classes),
    ]
    page = document(title, parts)
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    path = out / "index.html"
    path.write_text(page, encoding="utf-8")
    return path


def document(title: str, parts: Iterable[str]) -> str:
    """A whole page around its parts."""
    style = (resources.files(__package__) / "report.css").read_text(encoding="utf-8")
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )


def _described(figures: dict[str, Any]) -> str:
    dataset = figures["dataset"]
    digest = f", set {dataset['sha256'][:12]}" if dataset["sha256"] else ""
    part = " (a part of the set)" if dataset["limited"] else ""
    compared = {
        "by class": "Classes are compared with classes.",
        "union": "Pixels are compared as defect or background.",
    }[figures["compared"]]
    return (
        f"Version {figures['version']}, {figures['images']} images{part}, "
        f"{figures['format']}{digest}. {compared}"
    )


def tile(name: str, value: str, note: str = "") -> str:
    """One figure in large type."""
    return (
        f'<div class="tile">{escape(name)}<b>{escape(value)}</b><span>{escape(note)}</span></div>'
    )


def _tiles(figures: dict[str, Any]) -> Iterable[str]:
    pixel, image, found = figures["pixel"], figures["image"], figures["detection"]
    if figures["mask_ap"] is not None:
        yield tile("Mask AP50", share(figures["mask_ap50"]), f"AP {share(figures['mask_ap'])}")
        yield tile("Box AP50", share(figures["box_ap50"]), f"AP {share(figures['box_ap'])}")
    yield tile(
        "Pixel F1",
        share(pixel["f1"]),
        f"best {share(pixel['best_f1'])} at {number(pixel['best_threshold'])}",
    )
    yield tile("Mean IoU", share(pixel["miou"]), f"boundary IoU {share(pixel['boundary_iou'])}")
    for name, key, of in (
        ("Escape rate", "escape", "defective"),
        ("False-call rate", "false_call", "clean"),
    ):
        if image[f"{key}_rate"] is not None:
            low, high = image[f"{key}_ci95"]
            note = f"{100 * low:.1f} to {100 * high:.1f} % (95 %), {image[of]} {of}"
            yield tile(name, f"{100 * image[f'{key}_rate']:.1f} %", note)
    if figures["count"] is not None:
        yield tile(
            "Count error",
            number(figures["count"]["mae"]),
            f"RMSE {number(figures['count']['rmse'])}",
        )
    if found["a90"] is not None:
        bound = number(found["a90_95"]) if found["a90_95"] is not None else "none"
        yield tile("a90", f"{found['a90']:.3g} {found['unit']}", f"a90/95: {bound}")
    else:
        yield tile("a90", "–", found["reason"] or "")
    if figures["reliability"] is not None:
        yield tile("Calibration error", share(figures["reliability"]["ece"]), "ECE, 10 bins")


def _tables(figures: dict[str, Any]) -> Iterable[str]:
    for title, rows in (("By class", figures["per_class"]), ("By size", figures["per_size"])):
        if rows:
            names = list(dict.fromkeys(name for row in rows.values() for name in row))
            yield f"<h2>{title}</h2>"
            yield table(
                ["", *(name.replace("_", " ") for name in names)],
                [[key, *(number(row.get(name)) for name in names)] for key, row in rows.items()],
            )
    if figures["instances"] is not None:
        yield "<h2>What is taken for what</h2>"
        yield (
            '<p class="quiet">Rows are true, columns found, at the operating thresholds and an '
            "IoU of at least 0.5.</p>"
        )
        yield _confusion(figures["classes"], figures["instances"]["confusion"])


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column names its rows."""
    cells = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(
        f"<tr><th>{escape(row[0])}</th>"
        + "".join(f"<td>{escape(c)}</td>" for c in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        '<div class="table" tabindex="0"><table>'
        f"<thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _confusion(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in ("", *classes, "missed"))
    rows = []
    for name, row in zip((*classes, "false"), counts, strict=True):
        total = max(1, sum(row))
        cells = "".join(
            f'<td class="shaded" style="--share:{value / total:.2f}">{value}</td>'
            for value in (row if name in classes else row[:-1])
        )
        rows.append(f"<tr><th>{escape(name)}</th>{cells}</tr>")
    return (
        f'<div class="table" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _plot(plot: Plot) -> str:
    return (
        f"<figure>{plot.svg}<figcaption><b>{escape(plot.title)}</b>{escape(plot.caption)}"
        "</figcaption></figure>"
    )


def _pictures(worst: WorstImages, classes: Sequence[str]) -> Iterable[str]:
    for kind, (title, said) in _KINDS.items():
        images = worst.of(kind)
        if images:
            yield f"<h2>{title}</h2>"
            yield f'<p class="quiet">{said}<br>{KEY}</p>'
            shown = "".join(shown_image(image, classes) for image in images)
            yield f'<div class="pictures">{shown}</div>'


def shown_image(shown: ShownImage, classes: Sequence[str], heading: str = "") -> str:
    """An image with what is true and found in it, and a line that says so."""
    right, wrong, missed, _ = (int(value) for value in shown.result.union)
    names: dict[str, int] = {}
    for class_id in shown.kept.class_ids.tolist():
        names[classes[class_id]] = names.get(classes[class_id], 0) + 1
    found = ", ".join(f"{count} {name}" for name, count in names.items()) or "nothing"
    caption = f"found: {found}; best score {shown.result.top_score:.2f}"
    if right + missed:
        caption += f"; IoU {right / (right + wrong + missed):.2f}"
    return (
        f'<figure><img src="{picture(shown)}" alt="{escape(shown.name)}">'
        f"<figcaption><b>{escape(heading or shown.name)}</b>{escape(caption)}</figcaption></figure>"
    )


def share(value: float | None) -> str:
    """A share with three digits behind the point."""
    return "–" if value is None else f"{value:.3f}"


def number(value: Any) -> str:
    """A figure in a table."""
    if value is None:
        return "–"
    if isinstance(value, int | str):
        return str(value)
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.3g}"
