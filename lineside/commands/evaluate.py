"""`lineside evaluate`: measure a model against labelled images."""

import json
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm


@click.command()
@click.option("--model", required=True, help="Name of a shipped model, or a model folder.")
@click.option("--data", required=True, help="Folder; for --format drawn: surfaces or shelves.")
@click.option(
    "--format",
    "form",
    required=True,
    type=click.Choice(["mask-pairs", "coco", "drawn"]),
    help="mask-pairs: images/NAME.jpg and masks/NAME.png (255 = defect), the folder itself or "
    "sub-folders named by class. coco: annotations.json. drawn: fresh drawn images.",
)
@click.option("--classes", help="Only these of the model's classes, comma-separated.")
@click.option("--limit", type=click.IntRange(1), help="At most so many images (drawn: 500).")
@click.option("--seed", type=click.IntRange(0), help="Of drawn images; a fixed one if left out.")
@click.option("--engine", type=click.Choice(["openvino", "torch", "classical"]))
@click.option("--device", default="cpu", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def command(
    model: str,
    data: str,
    form: str,
    classes: str | None,
    limit: int | None,
    seed: int | None,
    engine: str | None,
    device: str,
    as_json: bool,
) -> None:
    """Measure a model: pixel F1, precision, recall, IoU; COCO mask AP where instances are known.

    Pixels of all images are pooled. A set of mask pairs is compared with the union of the
    chosen classes. Progress goes to standard error.
    """
    from inspection.model_folder import ModelFolderError, find_model, load_model_folder
    from workers import engines, evaluation, labelled_images
    from workers.engines.thresholds import Thresholds

    try:
        folder = load_model_folder(find_model(model))
        detector = engines.load(
            folder, device=device, engine=engine, least_score=evaluation.LEAST_SCORE
        )
        fixed = labelled_images.EVALUATION_SEED if seed is None else seed
        images = {
            "mask-pairs": lambda: labelled_images.mask_pairs(Path(data), limit),
            "coco": lambda: labelled_images.coco(Path(data), limit),
            "drawn": lambda: labelled_images.drawn(data, limit or 500, fixed),
        }[form]()
        chosen = [name.strip() for name in classes.split(",")] if classes else None
        with tqdm(desc="evaluating", unit="image", total=limit) as bar:
            report = evaluation.evaluate(
                detector, Thresholds.of(folder, None), images, chosen, lambda _: bar.update()
            )
    except (
        ModelFolderError,
        engines.EngineUnavailableError,
        labelled_images.LabelledDataError,
        ValueError,
    ) as error:
        raise click.ClickException(str(error)) from error
    report = {"model": folder.name, "version": folder.version, "format": form} | report
    click.echo(json.dumps(report) if as_json else _table(report))


def _table(report: dict[str, Any]) -> str:
    pixel = report["pixel"]
    lines = [
        f"{report['model']} {report['version']}, {report['images']} images",
        "pixels: "
        + ", ".join(f"{name} {pixel[name]:.3f}" for name in ("f1", "precision", "recall", "miou")),
    ]
    if report["mask_ap"] is not None:
        lines.append(f"mask AP {report['mask_ap']:.3f}, AP50 {report['mask_ap50']:.3f}")
    for name, figures in report["per_class"].items():
        shown = ", ".join(f"{k} {v:.3f}" for k, v in figures.items() if v is not None)
        lines.append(f"  {name}: {shown}")
    return "\n".join(lines)
