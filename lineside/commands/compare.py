"""`lineside compare`: two models on the same images, and how sure their difference is."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import click

from lineside.measurement import Measurement, bad_input_named, data_options
from lineside.measuring import progress_bar

# Flipped images in a report; each is shown twice.
_SHOWN = 8


@click.command()
@click.argument("model_a", metavar="A")
@click.argument("model_b", metavar="B")
@data_options
@click.option("--engine-a", help="Of A's folder; the best that is installed if left out.")
@click.option("--engine-b", help="Of B's folder; with A and B the same folder, two engines of it.")
@click.option("--resamples", type=click.IntRange(100), default=2000, show_default=True)
@click.option(
    "--bootstrap-seed", type=click.IntRange(0), default=0, show_default=True, help="Of resampling."
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write DIR/index.html: the differences and the images whose verdict flips.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def command(
    given: Measurement,
    model_a: str,
    model_b: str,
    engine_a: str | None,
    engine_b: str | None,
    resamples: int,
    bootstrap_seed: int,
    report: Path | None,
    as_json: bool,
) -> None:
    """Compare models A and B: names of shipped models, or model folders.

    The difference of each figure is given with a 95 % interval and a p, by a paired bootstrap
    over the images; verdicts by McNemar's test. Images whose verdict flips are listed.

    \b
    Exit status:
      0  compared
      2  wrong options, or a model, recipe or data set that cannot be used as it is
    """
    from workers import engines, evaluation
    from workers.evaluation.comparison import compare
    from workers.evaluation.report import check_charts, write_comparison
    from workers.evaluation.worst import EveryImage

    with bad_input_named():
        if report is not None:
            check_charts()
        opened = [given.open_model(name) for name in (model_a, model_b)]
        folders = [folder for folder, _ in opened]
        sets = [given.open_data(folder.classes) for folder in folders]
        # A figure that means one thing for A and another for B compares nothing.
        by_class = all(each.by_class for each in sets)
        options = [given.options(folder, recipe, by_class) for folder, recipe in opened]

        def detector_of(side: int) -> engines.Detector:
            return engines.load(
                folders[side],
                device=given.device,
                engine=(engine_a, engine_b)[side],
                least_score=evaluation.LEAST_SCORE,
            )

        passes = []
        for side, name in enumerate("AB"):
            detector = detector_of(side)
            with progress_bar(name, sets[side].total) as bar:
                passes.append(
                    evaluation.run(
                        detector, sets[side].images(), options[side], partial(_step, bar)
                    )
                )
            detector.close()
        with progress_bar("resampling", resamples) as bar:
            figures = compare(
                *passes, resamples=resamples, seed=bootstrap_seed, progress=partial(_step, bar)
            )
        dataset = sets[0].dataset
        figures = {
            side: {"model": folder.name, "version": folder.version, "engine": engine or "best"}
            for side, folder, engine in zip("ab", folders, (engine_a, engine_b), strict=True)
        } | {
            "dataset": {
                "name": sets[0].name,
                "sha256": dataset.sha256 if dataset else None,
                "limited": given.limit is not None,
            },
            **figures,
        }
        if report is not None:
            flipped = {each["image"] for each in figures["flips"][:_SHOWN]}
            numbers = [n for n, each in enumerate(passes[0].results) if each.name in flipped]
            views = []
            for side in range(2):
                detector, kept = detector_of(side), EveryImage()
                evaluation.run(detector, sets[side].images(numbers), options[side], keeper=kept)
                detector.close()
                views.append(kept.images)
            page = write_comparison(
                report,
                figures,
                list(zip(*views, strict=True)),
                (passes[0].classes, passes[1].classes),
            )
            click.echo(f"report: {page}", err=True)
    click.echo(json.dumps(figures) if as_json else table(figures))


def _step(bar: Any, _: int) -> None:
    bar.update()


def table(figures: dict[str, Any]) -> str:
    """The differences for people."""
    a, b = figures["a"], figures["b"]
    lines = [
        f"A {a['model']} {a['version']} ({a['engine']}), B {b['model']} {b['version']} "
        f"({b['engine']}), {figures['images']} images",
        f"{'':24}{'A':>8}{'B':>9}{'B - A':>10}   95 % interval         p",
    ]
    for name, each in figures["differences"].items():
        low, high = each["ci95"] or (float("nan"), float("nan"))
        lines.append(
            f"{name:24}{each['a']:8.4f} {each['b']:8.4f}  {each['difference']:+8.4f}   "
            f"{low:+.4f} to {high:+.4f}   {each['p']:.3g}"
        )
    for name, each in figures["verdicts"].items():
        lines.append(
            f"verdicts, {name} images: only A right {each['only_a_right']}, "
            f"only B right {each['only_b_right']}, p {each['p']:.3g}"
        )
    lines.append(f"verdicts that flip: {len(figures['flips'])}")
    for flip in figures["flips"]:
        kind = "defective" if flip["defective"] else "clean"
        lines.append(f"  {flip['image']} ({kind}): {flip['a']} → {flip['b']}")
    return "\n".join(lines)
