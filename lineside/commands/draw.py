"""`lineside draw`: write drawn images with their truth."""

from pathlib import Path

import click
from tqdm import tqdm


@click.command()
@click.argument("kind", type=click.Choice(["surfaces", "shelves", "dense-shelves"]))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="New folder."
)
@click.option("--count", default=100, show_default=True, type=click.IntRange(1, 1_000_000))
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@click.option("--masks", is_flag=True, help="Also write masks/NAME.png, 255 = defect or item.")
def command(kind: str, out: Path, count: int, seed: int, masks: bool) -> None:
    """Draw images with their truth: images/ and annotations.json (COCO), seeded."""
    from inspection.drawing import dense_shelves, shelves, surfaces
    from inspection.drawing.dataset import Draw, write_coco

    if (out / "annotations.json").exists():
        raise click.UsageError(f"{out} holds a data set already; give a new folder to --out.")
    draws: dict[str, Draw] = {
        "surfaces": surfaces.draw_surface,
        "shelves": shelves.draw_shelf,
        "dense-shelves": dense_shelves.draw_dense_shelf,
    }
    classes = surfaces.CLASSES if kind == "surfaces" else shelves.CLASSES
    with tqdm(total=count, desc=f"drawing {kind}", unit="image") as bar:
        path = write_coco(
            out, draws[kind], classes, count, seed, masks=masks, progress=lambda _: bar.update()
        )
    click.echo(f"{count} images, {path}")
