"""What `lineside evaluate` and `lineside compare` share: their options and what these open."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from tqdm import tqdm

    from inspection.model_folder import ModelFolder
    from inspection.recipe import Recipe
    from workers.labelled_images import LabelledSet

# A value in a mask, or a range of them.
_VALUE = re.compile(r"\d+(-\d+)?")
FORMATS = ("coco", "labelme", "yolo-seg", "mask-pairs", "drawn")
DRAWN_IMAGES = 500
Command = TypeVar("Command", bound=Callable[..., Any])


class BadInput(click.ClickException):
    """What was given cannot be measured: one line that names it, and exit status 2."""

    exit_code = 2


def data_options(command: Command) -> Command:
    """The options that say which images, which classes and which verdicts."""
    for option in reversed(
        [
            click.option(
                "--data", required=True, help="A labelled set; drawn:surfaces or drawn:shelves."
            ),
            click.option(
                "--format",
                "form",
                type=click.Choice(FORMATS),
                help="Of the set; recognised by what lies there if left out. drawn: fresh drawn "
                "images, --data is surfaces or shelves.",
            ),
            click.option("--classes", help="Only these of the model's classes, comma-separated."),
            click.option(
                "--map",
                "mapping",
                multiple=True,
                metavar="THEIRS=OURS",
                help="A class of the set is this class of the model; `THEIRS=` leaves it out, so "
                "that it counts neither way; `*=OURS` is every class not known otherwise, and "
                "`VALUE=OURS` or `LOW-HIGH=OURS` the class of a value in mask pairs.",
            ),
            click.option(
                "--union",
                is_flag=True,
                help="Compare pixels as defect or background even where the classes are known.",
            ),
            click.option("--recipe", "recipe_name", help="Verdicts by this recipe (file or name)."),
            click.option(
                "--mm-per-px",
                type=click.FloatRange(min=0, min_open=True),
                help="The images' scale: for limits in mm, and for sizes in mm.",
            ),
            click.option(
                "--fail-on",
                type=click.Choice(["warn", "fail"]),
                default="warn",
                show_default=True,
                help="The mildest verdict that rejects an image.",
            ),
            click.option(
                "--limit",
                type=click.IntRange(1),
                help=f"At most so many images, evenly over the set (drawn: {DRAWN_IMAGES}).",
            ),
            click.option(
                "--seed", type=click.IntRange(0), help="Of drawn images; a fixed one if left out."
            ),
            click.option("--device", default="cpu", show_default=True),
        ]
    ):
        command = option(command)
    return command


def open_data(
    data: str,
    form: str | None,
    model_classes: Sequence[str],
    mapping: Sequence[str],
    limit: int | None,
    seed: int | None,
    union: bool,
) -> LabelledSet:
    """The labelled images of the options.

    Raises:
        DatasetError, LabelledDataError: see there; both name what is wrong.
    """
    from inspection.datasets import open_dataset
    from inspection.datasets.opening import recognise
    from workers import labelled_images

    if form == "drawn" or (form is None and data.startswith("drawn:")):
        fixed = labelled_images.EVALUATION_SEED if seed is None else seed
        kind = data.removeprefix("drawn:")
        return labelled_images.drawn_set(kind, limit or DRAWN_IMAGES, fixed)
    path = Path(data)
    if form is None and path.exists():
        form = recognise(path)
    names = read_mapping(mapping)
    values = [name for name in names if _VALUE.fullmatch(name)] if form == "mask-pairs" else []
    classes = [f"{value}={names[value] or _unnamed(value)}" for value in values]
    for value in values:
        if not names.pop(value):
            names[_unnamed(value)] = ""
    return labelled_images.open_set(
        open_dataset(path, form, classes or None),
        model_classes,
        names,
        limit,
        union=union,
        form=form or "",
    )


def _unnamed(value: str) -> str:
    return f"value {value}"


def read_mapping(mapping: Sequence[str]) -> dict[str, str]:
    """`THEIRS=OURS` as pairs. Raises BadInput."""
    pairs = {}
    for given in mapping:
        theirs, equals, ours = given.rpartition("=")
        if not equals or not theirs:
            raise BadInput(f"--map {given!r}: expected THEIRS=OURS, or THEIRS= to leave it out")
        pairs[theirs.strip()] = ours.strip()
    return pairs


def open_model(name: str) -> ModelFolder:
    """A model by its name or folder, perhaps with how it is run: `NAME?tile=1024+128&join=6`.

    Raises:
        ModelFolderError: there is none, or it cannot be run like that.
    """
    from pydantic import ValidationError

    from db.settings import StorageSettings
    from inspection.inference import split_inference
    from inspection.model_folder import ModelFolderError, find_model, load_model_folder

    models_dir = StorageSettings().models_dir
    try:
        model, inference = split_inference(name)
    except ValidationError as error:
        raise ModelFolderError(name, error.errors()[0]["msg"]) from error
    folder = load_model_folder(find_model(model, [models_dir] if models_dir else []))
    return folder.run_by(inference)


def open_recipe_for(name: str, folder: ModelFolder) -> Recipe:
    """A recipe, checked against the classes of the model that is measured.

    Raises:
        RecipeError: it cannot be read, or names a class that the model lacks.
    """
    from inspection.recipe_file import open_recipe

    recipe_file = open_recipe(name)
    recipe_file.check_against_model(folder.classes)
    return recipe_file.recipe


def progress_bar(said: str, total: int) -> tqdm[Any]:
    """Images done, speed and time left, on standard error; sparse where nobody watches."""
    from tqdm import tqdm

    watched = sys.stderr.isatty()
    return tqdm(desc=said, unit="image", total=total, mininterval=0.2 if watched else 15)


def chosen_classes(given: str | None) -> tuple[str, ...] | None:
    """`--classes` as a tuple."""
    return tuple(name.strip() for name in given.split(",")) if given else None
