"""Opening what is measured: labelled images, models, and the recipes that give verdicts."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

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


class BadInput(click.ClickException):
    """What was given cannot be measured: one line that names it, and exit status 2."""

    exit_code = 2


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
    from inspection.recipes.file import open_recipe

    recipe_file = open_recipe(name)
    recipe_file.check_against_model(folder.classes)
    return recipe_file.recipe


def progress_bar(said: str, total: int) -> tqdm[Any]:
    """Images done, speed and time left, on standard error; sparse where nobody watches."""
    from tqdm import tqdm

    watched = sys.stderr.isatty()
    return tqdm(desc=said, unit="image", total=total, mininterval=0.2 if watched else 15)
