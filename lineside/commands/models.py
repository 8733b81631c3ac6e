"""`lineside models`: which models there are."""

import json
from pathlib import Path

import click

from lineside import import_detectron2


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
    from lineside.measuring import open_model

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


command.add_command(import_detectron2.command)
