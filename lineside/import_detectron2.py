"""`lineside models import-detectron2`: a checkpoint of Detectron2 becomes a model folder."""

from pathlib import Path

import click


@click.command("import-detectron2")
@click.argument("config")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--classes", required=True, help="Names, comma-separated, in the checkpoint's order.")
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--input",
    "input_px",
    type=click.IntRange(64, 4096),
    default=1024,
    show_default=True,
    help="Side of the square that an image is fitted into, px.",
)
@click.option("--licence", default="unstated", show_default=True, help="Of the weights.")
def command(
    config: str, checkpoint: Path, classes: str, out: Path, input_px: int, licence: str
) -> None:
    """Make a model folder of a Detectron2 CONFIG (.yaml) and CHECKPOINT.

    The checkpoint is a .pth, a .pkl of Detectron2's model zoo, or a .safetensors; nothing but
    tensors is read from it. Detectron2 is not needed, neither for this nor to run the folder.
    """
    from pydantic import ValidationError

    from workers.networks.detectron2_import import import_detectron2
    from workers.networks.errors import NetworkError

    names = [name.strip() for name in classes.split(",")]
    try:
        folder = import_detectron2(
            config,
            checkpoint,
            names,
            out,
            input_px=input_px,
            licence=licence,
            say=lambda line: click.echo(line, err=True),
        )
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise click.UsageError(f"{where}: {problem['msg']}, got {problem['input']!r}") from error
    except (NetworkError, FileNotFoundError) as error:
        raise click.UsageError(str(error)) from error
    click.echo(f"{folder.name} {folder.version} in {folder.path}")
