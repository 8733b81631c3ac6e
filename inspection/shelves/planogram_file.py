"""Planograms as YAML files: what `lineside planogram learn` writes, people edit and recipes name.

Beside the file may lie the keypoints of the picture that it was made from (`keypoints: FILE`), by
which a camera that was moved finds the shelf again. Errors name file, line, key, value and what
was expected, as those of a recipe do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from inspection.recipe import Position
from inspection.recipes import nodes as recipe_nodes
from inspection.recipes.problems import Problem, problems_of
from inspection.shelves.registration import Reference

KEYPOINTS_SUFFIX = ".keypoints"
_MOST_KEYPOINTS_BYTES = 200_000


class PlanogramError(Exception):
    """A planogram that cannot be used."""

    def __init__(self, source: str, problems: list[Problem]) -> None:
        self.source, self.problems = source, tuple(problems)
        super().__init__("\n".join(f"{source}:{problem}" for problem in problems))


class Planogram(BaseModel):
    """What ought to stand where on one shelf."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    fixture: str = Field("", max_length=100, description="The bay or gondola.")
    registration: Literal["none", "shift", "homography"] = Field(
        "none", description="How the shelf is found again, where the camera may move."
    )
    keypoints: str | None = Field(
        None, max_length=200, description="File beside this one, of the picture it was made from."
    )
    positions: list[Position] = Field(min_length=1, max_length=2000)

    @model_validator(mode="after")
    def _whole(self) -> Planogram:
        if self.registration != "none" and self.keypoints is None:
            raise ValueError(f"expected keypoints to go with registration {self.registration}")
        names = [position.name for position in self.positions]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"expected unique position names, got {twice[0]!r} twice")
        return self


@dataclass(frozen=True, slots=True)
class PlanogramFile:
    """A planogram with the keypoints that lie beside it, as text."""

    planogram: Planogram
    source: str
    reference: str | None

    def shelf(self) -> dict[str, Any]:
        """What it says of the recipe's `shelf`."""
        if self.reference is None:
            return {}
        return {"registration": self.planogram.registration, "reference": self.reference}


def open_planogram(path: Path) -> PlanogramFile:
    """Read a planogram and the keypoints beside it. Raises PlanogramError."""
    source = str(path)
    text = _read(path, source, "a planogram file")
    try:
        document = recipe_nodes.read(text)
    except recipe_nodes.NotAllowed as error:
        problem = Problem(error.line, error.key, error.value, error.expected)
        raise PlanogramError(source, [problem]) from error
    try:
        planogram = Planogram.model_validate(document.data)
    except ValidationError as error:
        raise PlanogramError(source, problems_of(error, document.lines, Planogram)) from error
    if planogram.keypoints is None:
        return PlanogramFile(planogram, source, None)
    line = document.lines.get(("keypoints",), 1)
    if Path(planogram.keypoints).name != planogram.keypoints:
        expected = "the name of a file beside this one"
        raise PlanogramError(source, [Problem(line, "keypoints", planogram.keypoints, expected)])
    beside = path.with_name(planogram.keypoints)
    reference = _read(beside, source, "a file of keypoints", line, "keypoints").strip()
    try:
        Reference.from_text(reference)
    except ValueError as error:
        expected = f"a file that `lineside planogram learn` wrote ({error})"
        problem = Problem(line, "keypoints", planogram.keypoints, expected)
        raise PlanogramError(source, [problem]) from error
    return PlanogramFile(planogram, source, reference)


def save_planogram(
    path: Path, planogram: Planogram, reference: Reference | None, comment: str = ""
) -> None:
    """Write a planogram, and the keypoints beside it where there are any. Raises OSError."""
    if reference is not None:
        beside = path.with_suffix(KEYPOINTS_SUFFIX)
        planogram = planogram.model_copy(update={"keypoints": beside.name})
        beside.write_text(reference.to_text() + "\n", encoding="ascii")
    path.write_text(as_yaml(planogram, comment), encoding="utf-8")


def as_yaml(planogram: Planogram, comment: str = "") -> str:
    """As YAML that reads back as the same, a line for each position."""
    body = planogram.model_dump(mode="json", exclude_defaults=True, exclude={"positions"})
    lines = [f"# {line}" if line else "#" for line in comment.splitlines()]
    if body:
        lines.append(yaml.safe_dump(body, sort_keys=False, allow_unicode=True).rstrip())
    lines.append("positions:")
    for position in planogram.positions:
        values = position.model_dump(mode="json", exclude_defaults=True)
        values |= {"facings": position.facings, "min_facings": position.min_facings}
        text = yaml.safe_dump(
            values, sort_keys=False, allow_unicode=True, default_flow_style=True, width=10_000
        )
        lines.append(f"  - {text.strip()}")
    return "\n".join(lines) + "\n"


def _read(path: Path, source: str, what: str, line: int = 1, key: str = "") -> str:
    try:
        with path.open("rb") as file:
            data = file.read(max(recipe_nodes.MAX_BYTES, _MOST_KEYPOINTS_BYTES) + 1)
        return data.decode("utf-8-sig")
    except OSError as error:
        why = f"{path.name}: {error.strerror or type(error).__name__}"
        raise PlanogramError(source, [Problem(line, key, why, what)]) from error
    except UnicodeDecodeError as error:
        problem = Problem(line, key, f"{path.name}: other bytes", "text in UTF-8")
        raise PlanogramError(source, [problem]) from error
