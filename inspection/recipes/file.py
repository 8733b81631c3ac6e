"""Recipes as YAML files: read with errors that name file, line, key, value and what was expected.

A shipped recipe is found by its name (`inspection/recipes/NAME.yaml`), any other by its path.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from pydantic import ValidationError

from inspection.model_folder import ModelFolderError, find_model, read_manifest
from inspection.recipe import Recipe
from inspection.recipes import nodes as recipe_nodes
from inspection.recipes.problems import Problem, closest, problems_of
from inspection.shelves.planogram_file import PlanogramError, open_planogram

SUFFIXES = (".yaml", ".yml")


class RecipeError(Exception):
    """A recipe that cannot be used. Attributes are of the first problem; the text has them all."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.source = source
        self.problems = tuple(problems)
        first = self.problems[0]
        self.line, self.key = first.line, first.key
        self.value, self.expected = first.value, first.expected
        super().__init__("\n".join(f"{source}:{problem}" for problem in self.problems))


@dataclass(frozen=True)
class RecipeFile:
    """A recipe and where its keys stand."""

    recipe: Recipe
    source: str
    lines: dict[recipe_nodes.Path, int]

    def error(self, path: recipe_nodes.Path, value: str, expected: str) -> RecipeError:
        """An error at a key of the file."""
        line = self.lines.get(path, 1)
        return RecipeError(self.source, [Problem(line, recipe_nodes.dotted(path), value, expected)])

    def check_against_model(self, classes: Sequence[str]) -> None:
        """See that the model knows every class of the recipe. Raises RecipeError."""
        wanted: list[tuple[recipe_nodes.Path, str]] = [
            (("classes", name), name) for name in self.recipe.classes
        ]
        wanted += [
            (("positions", number, "class_name"), position.class_name)
            for number, position in enumerate(self.recipe.positions)
        ]
        join = self.recipe.inference.join
        wanted += [
            (("inference", "join", "classes", number), name)
            for number, name in enumerate(join.classes if join else ())
        ]
        # Those that stand there by default need not be known to every model.
        wanted += [
            (("shelf", "occluders", number), name)
            for number, name in enumerate(self.recipe.shelf.occluders)
            if ("shelf", "occluders", number) in self.lines
        ]
        join = self.recipe.inference.join
        wanted += [
            (("inference", "join", "classes", number), name)
            for number, name in enumerate(join.classes if join else ())
        ]
        for path, name in wanted:
            if name not in classes:
                expected = f"a class of the model {self.recipe.model}: {', '.join(classes)}"
                # A class name that is left out stands for `item`; then its position is to blame.
                at = path if path in self.lines else path[:-1]
                raise self.error(at, name, expected + closest(name, classes))

    def check_model(self, models_dirs: Sequence[Path] = ()) -> Path:
        """See that the model is there and knows the classes; returns its folder.

        Raises:
            RecipeError: no such model, a model that cannot be read, or an unknown class.
        """
        try:
            folder = find_model(self.recipe.model, models_dirs)
            classes = read_manifest(folder).classes
        except ModelFolderError as error:
            expected = f"a model that is here ({error.reason})"
            raise self.error(("model",), self.recipe.model, expected) from error
        self.check_against_model(classes)
        return folder


def read_recipe(text: str, source: str, folder: Path | None = None) -> RecipeFile:
    """Read YAML; `source` is what errors call it. Raises RecipeError.

    Args:
        folder: where the planogram lies that the recipe may name; None where it must carry its
            own positions, since it came from elsewhere and may not have files read.
    """
    try:
        document = recipe_nodes.read(text)
    except recipe_nodes.NotAllowed as error:
        problem = Problem(error.line, error.key, error.value, error.expected)
        raise RecipeError(source, [problem]) from error
    _bring_planogram(document, source, folder)
    try:
        recipe = Recipe.model_validate(document.data)
    except ValidationError as error:
        raise RecipeError(source, problems_of(error, document.lines)) from error
    return RecipeFile(recipe, source, document.lines)


def _bring_planogram(document: recipe_nodes.Document, source: str, folder: Path | None) -> None:
    """Put the positions of the planogram that a recipe names in its place. Raises RecipeError."""
    key = "planogram"
    if key not in document.data:
        return
    line, named = document.lines[(key,)], document.data.pop(key)

    def wrong(value: str, expected: str) -> RecipeError:
        return RecipeError(source, [Problem(line, key, value, expected)])

    if folder is None:
        raise wrong(str(named), "positions: a planogram file is read beside a recipe file alone")
    if not isinstance(named, str):
        raise wrong(repr(named), "the path of a planogram file")
    if "positions" in document.data:
        raise wrong(named, f"{key} or positions, not both")
    shelf = document.data.get("shelf", {})
    if not isinstance(shelf, dict):
        return  # said better by the validation
    try:
        file = open_planogram(folder / named)
    except PlanogramError as error:
        raise RecipeError(error.source, error.problems) from error
    document.data["positions"] = [
        position.model_dump(mode="json") for position in file.planogram.positions
    ]
    document.data["shelf"] = file.shelf() | shelf
    document.lines[("positions",)] = line
    for number in range(len(file.planogram.positions)):
        document.lines[("positions", number)] = line


def parse_recipe(text: str, source: str) -> Recipe:
    """The recipe in a YAML text. Raises RecipeError."""
    return read_recipe(text, source).recipe


def open_recipe(path_or_name: str | Path) -> RecipeFile:
    """Read a file, or a shipped recipe by its name. Raises RecipeError."""
    name = str(path_or_name)
    path = Path(name)
    is_path = isinstance(path_or_name, Path) or "/" in name or path.suffix in SUFFIXES
    if not is_path and name in shipped_recipes():
        return read_recipe(shipped_text(name), f"{name} (shipped)")
    try:
        # One byte more than is allowed is enough to know.
        with path.open("rb") as file:
            data = file.read(recipe_nodes.MAX_BYTES + 1)
    except OSError as error:
        names = shipped_recipes()
        expected = f"a recipe file, or one of the shipped recipes: {', '.join(names)}"
        why = error.strerror or type(error).__name__
        problem = Problem(1, "", f"{why}", expected + closest(name, names))
        raise RecipeError(name, [problem]) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise RecipeError(name, [Problem(line, "", "other bytes", "text in UTF-8")]) from error
    return read_recipe(text, name, path.parent)


def load_recipe(path_or_name: str | Path) -> Recipe:
    """The recipe in a file, or a shipped one by its name. Raises RecipeError."""
    return open_recipe(path_or_name).recipe


def load_checked_recipe(path_or_name: str | Path, models_dirs: Sequence[Path] = ()) -> Recipe:
    """The same, where its model is here and knows its classes. Raises RecipeError."""
    file = open_recipe(path_or_name)
    file.check_model(models_dirs)
    return file.recipe


def shipped_recipes() -> list[str]:
    """Names of the recipes that come with Lineside."""
    folder = resources.files("inspection") / "recipes"
    return sorted(
        entry.name.removesuffix(".yaml")
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    )


def shipped_text(name: str) -> str:
    """The YAML of a shipped recipe, with its comments."""
    return (resources.files("inspection") / "recipes" / f"{name}.yaml").read_text("utf-8")
