"""`lineside evaluate`: measure a model against labelled images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from lineside.measurement import Measurement, bad_input_named, data_options
from lineside.measuring import progress_bar

# Images of each kind (escapes, false calls, least overlap) in a report.
_SHOWN = 6


@click.command()
@click.option("--model", required=True, help="Name of a shipped model, or a model folder.")
@data_options
@click.option(
    "--max-findings",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Of one class in one image, for average precision; COCO's 100 is too few for a dense "
    "shelf.",
)
@click.option("--engine", help="Of those in the model folder; the best that is installed.")
@click.option(
    "--report",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write DIR/index.html: one page with every figure, plots and the worst images.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def command(
    given: Measurement,
    model: str,
    max_findings: int,
    engine: str | None,
    report: Path | None,
    as_json: bool,
) -> None:
    """Measure a model: mask and box AP, pixels, counts, escapes and false calls.

    What every figure is, and its key in the JSON, stands in docs/evaluation.md. Images pass one
    at a time, however many there are. Progress goes to standard error.

    \b
    Exit status:
      0  measured
      2  wrong options, or a model, recipe or data set that cannot be used as it is
    """
    from workers import engines, evaluation
    from workers.evaluation.report import check_charts, write_report
    from workers.evaluation.summary import summarise
    from workers.evaluation.worst import WorstImages

    with bad_input_named():
        folder, recipe = given.open_model(model)
        images = given.open_data(folder.classes)
        options = given.options(folder, recipe, images.by_class, max_findings)
        worst = WorstImages(_SHOWN) if report is not None else None
        if worst is not None:
            check_charts()
        detector = engines.load(
            folder, device=given.device, engine=engine, least_score=evaluation.LEAST_SCORE
        )
        with progress_bar("evaluating", images.total) as bar:
            done = evaluation.run(detector, images.images(), options, lambda _: bar.update(), worst)
        detector.close()
        figures = {
            "model": folder.name,
            "version": folder.version,
            "format": images.form,
            "dataset": _described(images, given.limit),
        } | summarise(done)
        if report is not None and worst is not None:
            page = write_report(report, figures, done, worst)
            click.echo(f"report: {page}", err=True)
    if not images.by_class and len(images.classes) > 1 and not given.union and not as_json:
        click.echo(
            f"The set's classes {list(images.classes)} are not all the model's: pixels are "
            "compared as defect or background (--map THEIRS=OURS joins them).",
            err=True,
        )
    click.echo(json.dumps(figures) if as_json else table(figures))


def _described(images: Any, limit: int | None) -> dict[str, Any]:
    return {
        "name": images.name,
        "sha256": images.dataset.sha256 if images.dataset else None,
        "classes": list(images.classes),
        "images": images.total,
        "limited": limit is not None,
    }


def table(report: dict[str, Any]) -> str:
    """The main figures for people."""
    pixel, image, detection = report["pixel"], report["image"], report["detection"]
    lines = [f"{report['model']} {report['version']}, {report['images']} images"]
    if report["mask_ap"] is not None:
        lines.append(
            f"mask AP {report['mask_ap']:.3f}, AP50 {report['mask_ap50']:.3f}; "
            f"box AP {report['box_ap']:.3f}, AP50 {report['box_ap50']:.3f}"
        )
    shown = ("f1", "precision", "recall", "iou", "miou", "boundary_iou", "accuracy")
    lines.append("pixels: " + _line(pixel, shown))
    if pixel["best_f1"] is not None:
        best = ("best_f1", "best_precision", "best_recall", "best_iou")
        lines.append(f"  at threshold {pixel['best_threshold']:.2f}: " + _line(pixel, best))
    if report["count"] is not None:
        lines.append(f"count: MAE {report['count']['mae']:.2f}, RMSE {report['count']['rmse']:.2f}")
    for name, rate in (("escapes", "escape"), ("false calls", "false_call")):
        if image[f"{rate}_rate"] is not None:
            low, high = image[f"{rate}_ci95"]
            of = image["defective" if rate == "escape" else "clean"]
            lines.append(
                f"{name}: {100 * image[f'{rate}_rate']:.1f} % of {of} images "
                f"(95 %: {100 * low:.1f} to {100 * high:.1f} %)"
            )
    if detection["a90"] is not None:
        bound = f"{detection['a90_95']:.3g}" if detection["a90_95"] else "none"
        lines.append(f"detection: a90 {detection['a90']:.3g} {detection['unit']}, a90/95 {bound}")
    elif detection["defects"]:
        lines.append(f"detection: no a90 ({detection['reason']})")
    if report["reliability"] is not None and report["reliability"]["ece"] is not None:
        lines.append(f"reliability: ECE {report['reliability']['ece']:.3f}")
    for name, figures in report["per_class"].items():
        lines.append(f"  {name}: " + _line(figures, tuple(figures)))
    return "\n".join(lines)


def _line(figures: dict[str, Any], names: tuple[str, ...]) -> str:
    parts = []
    for name in names:
        value = figures.get(name)
        if value is not None:
            parts.append(f"{name} {value}" if isinstance(value, int) else f"{name} {value:.3f}")
    return ", ".join(parts)
