"""What is wrong with a recipe, in words: pydantic's errors with line, key, value and what to do."""

import difflib
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from inspection.recipe import Recipe
from inspection.recipes.nodes import Path, dotted


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and where. `key` is empty where it is the whole file."""

    line: int
    key: str
    value: str
    expected: str

    def __str__(self) -> str:
        where = f" {self.key}:" if self.key else ""
        got = f" got {self.value}," if self.value else ""
        return f"{self.line}:{where}{got} expected {self.expected}"


def closest(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'crack'?`, or nothing where none is like it."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {found[0]!r}?" if found else ""


def problems_of(
    error: ValidationError, lines: Mapping[Path, int], root: type[BaseModel] = Recipe
) -> list[Problem]:
    """The problems of a recipe that did not validate, in the order of their lines.

    Args:
        root: what the file holds, where it is no recipe.
    """
    problems = []
    for entry in error.errors(include_url=False):
        # A key that is not allowed in a mapping ends in "[key]".
        path = tuple(part for part in entry["loc"] if part != "[key]")
        context = entry.get("ctx", {})
        kind = entry["type"]
        value = _shown(entry["input"])
        if kind == "extra_forbidden":
            known = _known_keys(path[:-1], root)
            value = "an unknown key"
            expected = f"one of {', '.join(known)}{closest(str(path[-1]), known)}"
        elif kind == "literal_error":
            known = [word.strip("'") for word in _words(str(context.get("expected", "")))]
            expected = f"one of {', '.join(known)}{closest(str(entry['input']), known)}"
        elif kind == "missing":
            value, expected = "nothing", f"the key {path[-1]}"
        else:
            expected = _expected(entry["msg"])
        if kind == "value_error":
            value = ""  # the message has said it
        problems.append(Problem(_line(path, lines), dotted(path), value, expected))
    return sorted(problems, key=lambda problem: problem.line)


def _words(text: str) -> list[str]:
    return text.replace(" or ", ", ").split(", ")


def _line(path: Path, lines: Mapping[Path, int]) -> int:
    """The line of the key, or of what it is missing from."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list" if len(value) > 6 else str(list(value))
    if value is None:
        return "nothing"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _expected(message: str) -> str:
    for start in ("Value error, expected ", "Input should be ", "Value error, "):
        if message.startswith(start):
            return message[len(start) :]
    return message[:1].lower() + message[1:]


def _known_keys(path: Path, root: type[BaseModel]) -> list[str]:
    """The keys that may stand in the mapping at a path of a file."""
    kind: Any = root
    for part in path:
        kind = _bare(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            kind = kind.model_fields[str(part)].annotation
        else:  # dict[key, value], list[item], tuple[item, …]
            kind = get_args(kind)[-1 if get_origin(kind) is dict else 0]
    kind = _bare(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        # A recipe file may name a planogram in place of its positions.
        return [*kind.model_fields, *(["planogram"] if kind is Recipe else [])]
    return [str(key) for key in get_args(get_args(kind)[0])]


def _bare(kind: Any) -> Any:
    """Without Annotated and Optional."""
    while True:
        origin = get_origin(kind)
        if origin is Annotated:
            kind = get_args(kind)[0]
        elif origin in (Union, types.UnionType):
            kind = next(arg for arg in get_args(kind) if arg is not type(None))
        elif origin is Literal:
            return kind
        else:
            return kind
