"""`lineside planogram`: what belongs where, from a picture of the full shelf."""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from inspection.shelves.planogram_learning import Item


# Pictures up to so many times the model's input are looked at whole.
_WHOLE = 1.5


class _Grid(click.ParamType[tuple[int, int]]):
    """Rows and columns, such as 4x6."""

    name = "ROWSxCOLS"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        match = re.fullmatch(r"([1-9]\d?)[x×]([1-9]\d?)", str(value))
        if match is None:
            self.fail(f"{value!r} is no grid; expected such as 4x6", param, ctx)
        return int(match[1]), int(match[2])


class _Boxes(click.ParamType[tuple[tuple[float, float, float, float], ...]]):
    """Items as x0,y0,x1,y1 in px, one after the other, with semicolons between them."""

    name = "BOXES"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[tuple[float, float, float, float], ...]:
        boxes = []
        for text in str(value).split(";"):
            try:
                x0, y0, x1, y1 = (float(edge) for edge in text.split(","))
            except ValueError:
                self.fail(f"{text!r} is no box; expected x0,y0,x1,y1 in px", param, ctx)
            if not (0 <= x0 < x1 and 0 <= y0 < y1):
                self.fail(f"{text!r}: expected x0 < x1 and y0 < y1, none below 0", param, ctx)
            boxes.append((x0, y0, x1, y1))
        return tuple(boxes)


@click.group()
def command() -> None:
    """What belongs where on a shelf, as a YAML file that recipes name."""


@command.command()
@click.argument("image", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--model", default="shelf-starter", show_default=True, help="Finds the items.")
@click.option("--class", "class_names", multiple=True, help="Only items of it; may be repeated.")
@click.option("--min-score", type=click.FloatRange(0, 1), help="Else the model's own threshold.")
@click.option(
    "--tile",
    type=click.IntRange(128, 4096),
    metavar="PX",
    help="Side of the tiles that the picture is looked at in; else as large as its shorter side.",
)
@click.option("--boxes", type=_Boxes(), help="Items given by hand, x0,y0,x1,y1 in px; … No model.")
@click.option("--grid", type=_Grid(), help="Equal positions, no model, such as 4x6.")
@click.option("--fixture", default="", help="Name of the bay.")
@click.option(
    "--registration",
    type=click.Choice(["none", "shift", "homography"]),
    default="none",
    show_default=True,
    help="How later pictures find the shelf again, where the camera may move.",
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Else to the screen.")
def learn(
    image: Path,
    model: str,
    class_names: tuple[str, ...],
    min_score: float | None,
    tile: int | None,
    boxes: tuple[tuple[float, float, float, float], ...] | None,
    grid: tuple[int, int] | None,
    fixture: str,
    registration: str,
    out: Path | None,
) -> None:
    """Write the planogram of IMAGE, a picture of the full shelf: rows, positions, facings.

    Products are placeholders; edit the file, then name it in a recipe (`planogram: FILE`). With
    --registration the picture's keypoints are put beside it; the picture itself is not kept.
    """
    from inspection.decode import ImageRefused, decode_image
    from inspection.shelves.planogram_file import Planogram, as_yaml, save_planogram
    from inspection.shelves.planogram_learning import Item, grid_positions, learn_positions
    from inspection.shelves.registration import describe
    from lineside.inspect_images import read_bytes

    if boxes is not None and grid is not None:
        raise click.UsageError("expected --boxes or --grid, got both")
    if registration != "none" and out is None:
        raise click.UsageError("--registration needs --out, beside which it puts the keypoints")
    try:
        image_rgb = decode_image(read_bytes(image))
    except OSError as error:
        raise click.UsageError(f"{image}: {error.strerror}") from error
    except ImageRefused as error:
        raise click.UsageError(f"{image}: {error.detail}") from error
    height, width = image_rgb.shape[:2]
    if grid is not None:
        positions, how = grid_positions(*grid), "a grid"
    else:
        if boxes is not None:
            items: Sequence[Item] = [
                Item((x0 / width, y0 / height, x1 / width, y1 / height)) for x0, y0, x1, y1 in boxes
            ]
            how = "boxes given by hand"
        else:
            items = _find(image_rgb, model, class_names, min_score, tile)
            how = f"the model {model}"
        positions = learn_positions(image_rgb, items)
    if not positions:
        raise click.UsageError(
            f"{image}: {model} finds no item; expected a picture of the full shelf, or --boxes"
            " or --grid, or a model that was taught these products (docs/shelves.md)"
        )
    planogram = Planogram.model_validate(
        {"fixture": fixture, "registration": "none", "positions": positions}
    )
    comment = (
        f"Learned from {image.name} by {how}. Put the products right, and a price and a rate of\n"
        "sale (rate_per_hour) if you know them: they put the worst gap first. Boxes are\n"
        "x0, y0, x1, y1 as fractions of the picture; items whose centre lies in one are counted."
    )
    facings = sum(position.facings for position in positions)
    rows = len({position.fixture for position in positions})
    if out is None:
        click.echo(as_yaml(planogram, comment), nl=False)
    else:
        reference = describe(image_rgb) if registration != "none" else None
        update = {"registration": registration, "keypoints": "-" if reference else None}
        try:
            save_planogram(out, planogram.model_copy(update=update), reference, comment)
        except OSError as error:
            raise click.UsageError(f"{out}: {error.strerror}") from error
    click.echo(f"{rows} rows, {len(positions)} positions, {facings} facings", err=True)


@command.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> None:
    """Check planogram files. Exit status 1 if one is wrong."""
    from inspection.shelves.planogram_file import PlanogramError, open_planogram

    wrong = False
    for path in files:
        try:
            planogram = open_planogram(path).planogram
        except PlanogramError as error:
            wrong = True
            click.echo(str(error), err=True)
        else:
            facings = sum(position.facings for position in planogram.positions)
            click.echo(f"{path}: fine ({len(planogram.positions)} positions, {facings} facings)")
    if wrong:
        raise SystemExit(1)


def _find(
    image_rgb: npt.NDArray[np.uint8],
    model: str,
    class_names: tuple[str, ...],
    min_score: float | None,
    tile: int | None,
) -> "list[Item]":
    """The items that a model sees in a picture, of which each counts once."""
    from db.settings import StorageSettings
    from inspection.inference import Inference, Tiling
    from inspection.model_folder import ModelFolderError, find_model, load_model_folder
    from inspection.recipe import ShelfOptions
    from inspection.shelves.counting import shared
    from inspection.shelves.planogram_learning import Item
    from workers import engines

    height, width = image_rgb.shape[:2]
    models_dir = StorageSettings().models_dir
    try:
        folder = load_model_folder(find_model(model, [models_dir] if models_dir else []))
        unknown = sorted(set(class_names) - set(folder.classes))
        if unknown:
            known = ", ".join(folder.classes)
            raise click.UsageError(f"{model} has no class {unknown[0]!r}, expected of {known}")
        if tile is None and max(width, height) > _WHOLE * (folder.manifest.input_px or math.inf):
            # Of a large picture shrunk to the model's input one item in ten is lost.
            tile = max(folder.manifest.input_px or 0, min(width, height))
        if tile is not None:
            tiling = Tiling(tile_px=tile, overlap_px=tile // 4)
            folder = folder.run_by(Inference(tiling=tiling))
        detector = engines.load(folder, least_score=min_score)
    except (ModelFolderError, engines.EngineUnavailableError) as error:
        raise click.UsageError(str(error)) from error
    wanted = set(class_names) or set(folder.classes) - set(ShelfOptions().occluders)
    (detections,) = detector.detect([image_rgb])
    detector.close()
    items: list[Item] = []
    for index in np.argsort(-detections.scores):
        x0, y0, x1, y1 = (float(edge) for edge in detections.boxes_xyxy[index])
        name = folder.classes[int(detections.class_ids[index])]
        box = (x0 / width, y0 / height, x1 / width, y1 / height)
        # What lies within a surer one is a part of it, or stands behind it.
        if name in wanted and all(shared(box, item.box) < 0.7 for item in items):
            items.append(Item(box, name))
    return items
