"""Whose a recipe is: who may write its next version.

Every engineer reads every recipe. One of some lines writes versions of those that are active at
these lines' stations alone, and of drafts of their own; another one they copy under a new name.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, cast

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from db.access import current
from db.errors import Conflict
from db.models import RecipeRow, RecipeVersion, Station


class UsedElsewhere(Conflict):
    """A recipe that is not only of the lines of who asks. Nothing was written."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "recipe",
            f"{name!r} is active at stations of other lines, or a draft of somebody who sees more;"
            " expected one of your own lines, or a new name",
        )
        self.name = name


def editable(session: Session, recipe_ids: Collection[int]) -> set[int]:
    """Those of the recipes of which who asks may write the next version."""
    access = current()
    if access is None or access.lines is None:
        return set(recipe_ids)
    # Of the tables: of the classes only what is theirs would be seen.
    station, version = _table(Station), _table(RecipeVersion)
    active_at: dict[int, set[int]] = {}
    for recipe_id, line_id in session.execute(
        select(version.c.recipe_id, station.c.line_id)
        .join(station, station.c.recipe_version_id == version.c.id)
        .where(version.c.recipe_id.in_(recipe_ids))
        .distinct()
    ):
        active_at.setdefault(recipe_id, set()).add(line_id)
    # Where a recipe is active counts; else, of which lines whoever began it was.
    of_lines: dict[int, set[int] | None] = {
        recipe_id: None if lines is None else set(lines)
        for recipe_id, lines in session.execute(
            select(RecipeRow.id, RecipeRow.drafted_lines).where(RecipeRow.id.in_(recipe_ids))
        )
    }
    of_lines.update(active_at)
    return {
        recipe_id
        for recipe_id, lines in of_lines.items()
        if lines is not None and lines <= access.lines
    }


def require_edit(session: Session, recipe_id: int, name: str) -> None:
    """Raises UsedElsewhere unless who asks may write the recipe's next version."""
    if recipe_id not in editable(session, [recipe_id]):
        raise UsedElsewhere(name)


def lines_of_draft() -> list[int] | None:
    """The lines of who drafts a recipe that is new; None: of somebody who sees all of them."""
    access = current()
    return None if access is None or access.lines is None else sorted(access.lines)


def _table(entity: Any) -> Table:
    return cast(Table, entity.__table__)
