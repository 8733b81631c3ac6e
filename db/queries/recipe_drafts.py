"""Editing recipes: each save is the next version, and nobody's is lost to somebody else's."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from db.errors import DomainError, NotFound
from db.models import RecipeActivation, RecipeRow, RecipeVersion, Station
from db.queries import recipes
from inspection.recipe import Recipe

_VERSIONS_SHOWN = 200


class DraftedMeanwhile(DomainError):
    """Somebody saved another version after this edit was begun. Nothing was written."""

    def __init__(self, newest: RecipeVersion) -> None:
        super().__init__(f"version {newest.version} of {newest.recipe.name} was saved meanwhile")
        self.newest = newest


@dataclass(frozen=True)
class ListedRecipe:
    """A recipe, its newest version, and where which version is active."""

    name: str
    versions: int
    newest: RecipeVersion
    active_at: tuple[tuple[Station, int], ...]  # station and number of the version


def save_draft(session: Session, recipe: Recipe, base_id: int | None) -> tuple[RecipeVersion, bool]:
    """Write an edited recipe as its next version; says whether it is a new one.

    Args:
        base_id: the newest version when the edit began; None for a recipe that is new.

    Raises:
        DraftedMeanwhile: there is a newer one by now, or the name is taken.
    """
    row = session.scalars(
        select(RecipeRow).where(RecipeRow.name == recipe.name).with_for_update()
    ).one_or_none()
    newest = newest_version(session, row.id) if row is not None else None
    if newest is not None and newest.id != base_id:
        # The caller rolls back, and still has to show what theirs is.
        error = DraftedMeanwhile(newest)
        for each in (newest.recipe, newest):
            session.expunge(each)
        raise error
    return recipes.draft(session, recipe)


def newest_version(session: Session, recipe_id: int) -> RecipeVersion | None:
    return session.scalars(
        select(RecipeVersion)
        .where(RecipeVersion.recipe_id == recipe_id)
        .order_by(RecipeVersion.version.desc())
        .limit(1)
        .options(selectinload(RecipeVersion.recipe))
    ).one_or_none()


def newest_named(session: Session, name: str) -> RecipeVersion:
    """The newest version of a recipe. Raises NotFound."""
    row_id = session.scalar(select(RecipeRow.id).where(RecipeRow.name == name))
    newest = newest_version(session, row_id) if row_id is not None else None
    if newest is None:
        raise NotFound("recipe", name)
    return newest


def list_with_use(session: Session) -> list[ListedRecipe]:
    """All recipes by name, in three queries."""
    found: dict[int, list[RecipeVersion]] = {}
    statement = select(RecipeVersion).options(selectinload(RecipeVersion.recipe))
    for version in session.scalars(statement.order_by(RecipeVersion.version)):
        found.setdefault(version.recipe_id, []).append(version)
    using = stations_using(session, [each.id for some in found.values() for each in some])
    listed = [
        ListedRecipe(
            some[-1].recipe.name,
            len(some),
            some[-1],
            tuple((at, each.version) for each in some for at in using.get(each.id, ())),
        )
        for some in found.values()
    ]
    return sorted(listed, key=lambda each: each.name)


def versions_of(session: Session, name: str) -> list[RecipeVersion]:
    """The newest versions of a recipe, the newest first. Raises NotFound."""
    newest = newest_named(session, name)
    return list(
        session.scalars(
            select(RecipeVersion)
            .where(RecipeVersion.recipe_id == newest.recipe_id)
            .order_by(RecipeVersion.version.desc())
            .limit(_VERSIONS_SHOWN)
            .options(selectinload(RecipeVersion.recipe))
        )
    )


def stations_using(session: Session, version_ids: list[int]) -> dict[int, list[Station]]:
    """The stations at which versions are active, by version; only those that one may see."""
    found: dict[int, list[Station]] = {}
    statement = select(Station).where(Station.recipe_version_id.in_(version_ids))
    for station in session.scalars(statement.order_by(Station.key)):
        found.setdefault(station.recipe_version_id or 0, []).append(station)
    return found


def activations(session: Session, station_id: int, *, limit: int = 20) -> list[RecipeActivation]:
    """What became active at a station, the newest first."""
    return list(
        session.scalars(
            select(RecipeActivation)
            .where(RecipeActivation.station_id == station_id)
            .order_by(RecipeActivation.id.desc())
            .limit(limit)
            .options(selectinload(RecipeActivation.version).selectinload(RecipeVersion.recipe))
        )
    )


def version_before(session: Session, station: Station) -> RecipeVersion | None:
    """What a station would be rolled back to: what was active there before.

    Where that was before activations were written down, the version of the same recipe that was
    active last.
    """
    for each in activations(session, station.id):
        if each.recipe_version_id != station.recipe_version_id:
            return each.version
    if station.recipe_version_id is None:
        return None
    now = recipes.get_version(session, station.recipe_version_id)
    return session.scalars(
        select(RecipeVersion)
        .where(
            RecipeVersion.recipe_id == now.recipe_id,
            RecipeVersion.id != now.id,
            RecipeVersion.activated_at.is_not(None),
        )
        .order_by(RecipeVersion.activated_at.desc())
        .limit(1)
        .options(selectinload(RecipeVersion.recipe))
    ).one_or_none()
