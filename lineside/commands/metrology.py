"""`lineside metrology`: do predicted masks measure what the true ones do?"""

import json
from pathlib import Path

import click

from lineside.measuring import FORMATS, open_data, open_model, progress_bar


@click.command()
@click.option("--model", required=True, help="Name of a shipped model, or a model folder.")
@click.option("--data", required=True, help="A labelled set; drawn:surfaces are drawn on the spot.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), help="Of the set; recognised if left out."
)
@click.option("--classes", help="Only these of the model's classes, comma-separated.")
@click.option("--limit", type=click.IntRange(1), help="At most so many images, evenly chosen.")
@click.option(
    "--least-iou",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.3,
    show_default=True,
    help="Overlap from which two components are the same thing.",
)
@click.option("--device", default="cpu", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def command(
    model: str,
    data: str,
    form: str | None,
    classes: str | None,
    limit: int | None,
    least_iou: float,
    device: str,
    as_json: bool,
) -> None:
    """Compare lengths and widths of predicted masks with those of true masks.

    Both masks of an image are taken apart into connected components, which are paired by their
    overlap and measured alike. The median of the width's error says by how much a mask's edge lies
    outside (half of it: both sides) and so what `decision.mask_edge_px` of a recipe ought to be.

    \b
    Exit status:
      0  measured
      2  wrong options, or a model or data set that cannot be used as it is
    """
    from inspection.agreement import measure_agreement, pair_components
    from inspection.datasets import DatasetError
    from inspection.model_folder import ModelFolderError
    from workers import engines, labelled_images
    from workers.engines.thresholds import Thresholds
    from workers.mask_agreement import defect_masks

    try:
        folder = open_model(model)
        chosen = tuple(name.strip() for name in classes.split(",")) if classes else folder.classes
        if unknown := sorted(set(chosen) - set(folder.classes)):
            raise click.UsageError(
                f"--classes: the model has no class {unknown}; it has {list(folder.classes)}"
            )
        images = open_data(data, form, folder.classes, (), limit, None, union=True)
        detector = engines.load(folder, device=device)
        thresholds = Thresholds.of(folder, None)
        pairings = []
        with progress_bar("measuring", images.total) as bar:
            for true, predicted in defect_masks(detector, images.images(), chosen, thresholds):
                pairings.append(pair_components(true, predicted, least_iou=least_iou))
                bar.update()
        detector.close()
    except (
        DatasetError,
        labelled_images.LabelledDataError,
        ModelFolderError,
        engines.EngineUnavailableError,
    ) as error:
        raise click.UsageError(str(error)) from error
    figures = {
        "model": folder.name,
        "version": folder.version,
        "data": Path(data).name,
        "images": len(pairings),
    } | measure_agreement(pairings)
    if as_json:
        click.echo(json.dumps(figures))
        return
    click.echo(
        f"{figures['matched']} of {figures['components']} true components found in"
        f" {figures['images']} images, {figures['extra']} more that are none"
    )
    for name in ("length", "mean_width", "max_width"):
        each = figures[name]
        assert isinstance(each, dict)
        if each["median_relative_error"] is None:
            continue
        click.echo(
            f"{name.replace('_', ' '):10}  median error {each['median_relative_error']:.1%},"
            f" nine of ten within {each['p90_relative_error']:.1%},"
            f" median {each['median_error_px']:+.2f} px"
        )
