"""`lineside models`: which models there are, and the registry."""

import json
from pathlib import Path

import click

from lineside import import_detectron2
from lineside.commands import models_registry
from lineside.measuring import FORMATS, open_data, open_model


@click.group()
def command() -> None:
    """The models that recipes may name."""


@command.command("list")
@click.option(
    "--dir",
    "folders",
    multiple=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder of model folders, beside the shipped ones; may be given again.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def list_(folders: tuple[Path, ...], as_json: bool) -> None:
    """List the shipped models and those of further folders."""
    from inspection.model_folder import ModelFolderError, list_models, load_model_folder

    rows = []
    for name, path in sorted(list_models(folders).items()):
        row: dict[str, object] = {"name": name, "path": str(path)}
        try:
            model = load_model_folder(path)
        except ModelFolderError as error:
            row |= {"ok": False, "error": error.reason}
        else:
            engines = model.manifest.engines.model_dump(exclude_none=True)
            row |= {
                "ok": True,
                "version": model.version,
                "task": model.manifest.task,
                "classes": list(model.classes),
                "input_px": model.manifest.input_px,
                "engines": sorted(engines),
                "licence": model.manifest.licence,
                "metrics": model.manifest.metrics,
            }
        rows.append(row)
    if as_json:
        click.echo(json.dumps({"models": rows}))
        return
    for row in rows:
        if row["ok"]:
            classes = ", ".join(row["classes"])  # type: ignore[arg-type]
            click.echo(f"{row['name']}  {row['version']}  {classes}")
        else:
            click.echo(f"{row['name']}  unusable: {row['error']}")


@command.command()
@click.option("--instances", required=True, help="A model that tells the instances (Mask R-CNN).")
@click.option("--pixels", required=True, help="A semantic model; its classes are the other's.")
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--grow-px",
    type=click.IntRange(0, 500),
    default=8,
    show_default=True,
    help="How far a mask may reach beyond its instance's box.",
)
@click.option(
    "--without-instance",
    type=click.Choice(["drop", "keep"]),
    default="drop",
    show_default=True,
    help="Regions of the semantic model that no instance holds.",
)
def hybrid(instances: str, pixels: str, out: Path, grow_px: int, without_instance: str) -> None:
    """Write one model folder that holds two models: instances of one, pixels of the other."""
    from inspection.hybrid_folder import write_hybrid
    from inspection.model_folder import ModelFolderError

    try:
        folder = write_hybrid(
            open_model(instances),
            open_model(pixels),
            out,
            grow_px=grow_px,
            without_instance=without_instance,
        )
    except ModelFolderError as error:
        raise click.UsageError(str(error)) from error
    click.echo(f"{folder.name} {folder.version} in {folder.path}")


@command.command()
@click.argument("model")
@click.option("--precision", required=True, type=click.Choice(["fp32", "int8"]))
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--data",
    help="For int8: images of the kind that the model is for, as a data set or drawn:surfaces, "
    "drawn:shelves. Labels do not matter.",
)
@click.option("--format", "form", type=click.Choice(FORMATS), help="Of --data.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Images of --data at most, evenly over the set.",
)
def export(
    model: str, precision: str, out: Path, data: str | None, form: str | None, limit: int
) -> None:
    """Write a model folder from MODEL's weights, with its graph in another precision.

    Thresholds stay. Models for instances and for pixels; it needs torch (`lineside[train]`).

    \b
    Exit status:
      0  written
      2  wrong options, a model without weights, or packages that are missing
    """
    from lineside.measurement import bad_input_named

    if precision == "int8" and data is None:
        raise click.UsageError("int8 needs --data: images to measure the graph's numbers on")
    with bad_input_named():
        from workers.training.graph_folder import write_graph_folder

        folder = open_model(model)
        images = None
        if precision == "int8":
            assert data is not None
            labelled = open_data(data, form, folder.classes, (), limit, None, union=True)
            images = (each.image_rgb for each in labelled.images())
        written = write_graph_folder(folder, out, images)
    click.echo(f"{written.name} {written.version} ({precision}) in {written.path}")


command.add_command(import_detectron2.command)
for _each in models_registry.COMMANDS:
    command.add_command(_each)
