"""`lineside recipe`: list, show, check and begin recipes."""

from pathlib import Path

import click


@click.group()
def command() -> None:
    """What a station inspects, as a YAML file."""


@command.command("list")
def list_() -> None:
    """List the recipes that come with Lineside."""
    from inspection.recipes.file import load_recipe, shipped_recipes

    names = shipped_recipes()
    width = max(len(name) for name in names)
    for name in names:
        click.echo(f"{name:{width}}  {load_recipe(name).description}")


@command.command()
@click.argument("name")
def show(name: str) -> None:
    """Print a shipped recipe with its comments, to change it."""
    from inspection.recipes.file import shipped_recipes, shipped_text

    if name not in shipped_recipes():
        raise click.UsageError(
            f"no shipped recipe {name!r}, expected one of {', '.join(shipped_recipes())}"
        )
    click.echo(shipped_text(name), nl=False)


@command.command()
@click.argument("model")
@click.option(
    "--scene",
    type=click.IntRange(0),
    metavar="SEED",
    help="With the positions of the drawn shelf of this seed (see `lineside draw shelves`).",
)
@click.option("--name", default="my-recipe", show_default=True, help="The recipe's name.")
def example(model: str, scene: int | None, name: str) -> None:
    """Print a recipe to begin with for MODEL, the name or the folder of a model."""
    from pydantic import ValidationError

    from db.settings import StorageSettings
    from inspection.model_folder import ModelFolderError, find_model, read_manifest
    from inspection.recipes.example import as_yaml, example_for

    try:
        folder = find_model(model, _models_dirs(StorageSettings().models_dir))
        classes = read_manifest(folder).classes
    except ModelFolderError as error:
        raise click.UsageError(str(error)) from error
    if scene is None:
        click.echo(example_for(model, classes, name), nl=False)
        return
    from inspection.drawing.shelves import ShelfScene
    from inspection.shelves.planogram import recipe_of_scene

    about = f"The drawn shelf of seed {scene}."
    try:
        recipe = recipe_of_scene(ShelfScene.from_seed(scene), name, model, about)
    except ValidationError as error:
        raise click.UsageError(f"{name!r} is no name for a recipe") from error
    comment = (
        f"Positions of the drawn shelf of seed {scene}; prices and rates of sale are made up.\n"
        "Boxes are x0, y0, x1, y1 as fractions of the image's width and height."
    )
    click.echo(as_yaml(recipe, comment), nl=False)


@command.command()
@click.argument("recipes", nargs=-1, required=True, metavar="FILE_OR_NAME...")
def check(recipes: tuple[str, ...]) -> None:
    """Check recipes: the file, its model and its classes. Exit status 1 if one is wrong."""
    from db.settings import StorageSettings
    from inspection.recipes.file import RecipeError, open_recipe

    models_dirs = _models_dirs(StorageSettings().models_dir)
    wrong = False
    for path_or_name in recipes:
        try:
            file = open_recipe(path_or_name)
            file.check_model(models_dirs)
        except RecipeError as error:
            wrong = True
            click.echo(str(error), err=True)
        else:
            recipe = file.recipe
            what = f"{len(recipe.classes)} classes, {len(recipe.positions)} positions"
            scale = "; needs a calibrated station" if recipe.needs_mm else ""
            click.echo(f"{file.source}: fine ({recipe.name}, model {recipe.model}, {what}{scale})")
    if wrong:
        raise SystemExit(1)


def _models_dirs(folder: Path | None) -> list[Path]:
    return [] if folder is None else [folder]
