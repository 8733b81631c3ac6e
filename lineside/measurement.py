"""The options that `lineside evaluate` and `lineside compare` share, as one thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Literal

import click

from inspection.inference import Inference
from lineside.measuring import (
    DRAWN_IMAGES,
    FORMATS,
    BadInput,
    open_data,
    open_model,
    open_recipe_for,
)

if TYPE_CHECKING:
    from inspection.model_folder import ModelFolder
    from inspection.recipe import Recipe
    from workers import evaluation
    from workers.labelled_images import LabelledSet


@dataclass(frozen=True, slots=True)
class Measurement:
    """On which images, of which classes, with which verdicts and how a model is measured."""

    data: str
    form: str | None
    classes: str | None
    mapping: tuple[str, ...]
    union: bool
    recipe_name: str | None
    mm_per_px: float | None
    fail_on: Literal["warn", "fail"]
    limit: int | None
    seed: int | None
    flips: bool | None
    device: str

    def open_model(self, name: str) -> tuple[ModelFolder, Recipe | None]:
        """A model, run as the recipe and the options want it, and the recipe.

        Raises:
            ModelFolderError: see `open_model`.
            RecipeError: see `open_recipe_for`.
        """
        folder = open_model(name)
        recipe = open_recipe_for(self.recipe_name, folder) if self.recipe_name else None
        if recipe is not None:
            folder = folder.run_by(recipe.inference)
        if self.flips is not None:
            folder = folder.run_by(Inference(flips="four" if self.flips else "none"))
        return folder, recipe

    def open_data(self, model_classes: Sequence[str]) -> LabelledSet:
        """The images; see `open_data`."""
        return open_data(
            self.data, self.form, model_classes, self.mapping, self.limit, self.seed, self.union
        )

    def options(
        self,
        folder: ModelFolder,
        recipe: Recipe | None,
        by_class: bool,
        max_findings: int | None = None,
    ) -> evaluation.Options:
        """How `workers.evaluation` measures."""
        from workers.engines.thresholds import Thresholds
        from workers.evaluation import Options
        from workers.evaluation.matching import MAX_FINDINGS

        names = self.classes.split(",") if self.classes else ()
        return Options(
            thresholds=Thresholds.of(folder, None),
            classes=tuple(name.strip() for name in names) or None,
            by_class=by_class,
            recipe=recipe,
            mm_per_px=self.mm_per_px,
            fail_on=self.fail_on,
            max_findings=max_findings or MAX_FINDINGS,
        )


@contextmanager
def bad_input_named() -> Iterator[None]:
    """What is wrong with a model, a recipe or data ends in one line and exit status 2."""
    from inspection.datasets import DatasetError
    from inspection.model_folder import ModelFolderError
    from inspection.recipes.file import RecipeError
    from workers.engines import EngineUnavailableError
    from workers.evaluation import UnfitError
    from workers.evaluation.report import ChartsMissingError
    from workers.labelled_images import LabelledDataError

    try:
        yield
    except (
        DatasetError,
        ModelFolderError,
        RecipeError,
        EngineUnavailableError,
        LabelledDataError,
        UnfitError,
        ChartsMissingError,
    ) as error:
        raise BadInput(str(error)) from error


def data_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of `Measurement`, gathered as the command's first argument."""

    def gathered(**given: Any) -> None:
        mine = {field.name: given.pop(field.name) for field in fields(Measurement)}
        command(Measurement(**mine), **given)

    decorated = update_wrapper(gathered, command)
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
            click.option(
                "--flips/--no-flips",
                default=None,
                help="Semantic models: the mean of four mirror images, or the image alone; as "
                "recipe and model say if left out.",
            ),
            click.option("--device", default="cpu", show_default=True),
        ]
    ):
        decorated = option(decorated)
    return decorated
