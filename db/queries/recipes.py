"""Recipe versions: drafted, activated at a station, retired; never edited in place."""

import hashlib
import json

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, selectinload

from db.access import EVERYTHING, acting, current
from db.base import utc_now
from db.errors import NotFound
from db.models import RecipeActivation, RecipeRow, RecipeVersion, Station
from db.paging import Page, flush_new, page_of_entities
from db.queries.recipe_owners import lines_of_draft, require_edit
from db.queries.stations import get_station
from inspection.recipe import Recipe

DRAFT, ACTIVE, RETIRED = "draft", "active", "retired"


def list_recipes(session: Session, *, after: int | None, limit: int) -> Page[RecipeRow]:
    """Recipes with all their versions."""
    statement = select(RecipeRow).options(selectinload(RecipeRow.versions))
    return page_of_entities(session, RecipeRow, statement, RecipeRow.id, after=after, limit=limit)


def get_recipe(session: Session, name: str) -> RecipeRow:
    """A recipe by its name, with all its versions.

    Raises:
        NotFound: there is none.
    """
    statement = (
        select(RecipeRow).where(RecipeRow.name == name).options(selectinload(RecipeRow.versions))
    )
    recipe = session.scalars(statement).one_or_none()
    if recipe is None:
        raise NotFound("recipe", name)
    return recipe


def get_version(session: Session, version_id: int) -> RecipeVersion:
    """A recipe version with its recipe.

    Raises:
        NotFound: there is none.
    """
    statement = (
        select(RecipeVersion)
        .where(RecipeVersion.id == version_id)
        .options(selectinload(RecipeVersion.recipe))
    )
    version = session.scalars(statement).one_or_none()
    if version is None:
        raise NotFound("recipe version", version_id)
    return version


def draft(session: Session, recipe: Recipe) -> tuple[RecipeVersion, bool]:
    """Write a recipe as the next version of its name; says whether it is a new one.

    What the newest version says already is no new version.

    Raises:
        UsedElsewhere: it is of other lines than those of who asks, too.
        Conflict: somebody else drafted the same version number at the same moment.
    """
    body = recipe.model_dump(mode="json")
    sha256 = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    row = session.scalars(
        select(RecipeRow).where(RecipeRow.name == recipe.name).with_for_update()
    ).one_or_none()
    if row is None:
        row = RecipeRow(name=recipe.name, drafted_lines=lines_of_draft())
        session.add(row)
        flush_new(session, "recipe", recipe.name)
    newest = session.scalars(
        select(RecipeVersion)
        .where(RecipeVersion.recipe_id == row.id)
        .order_by(RecipeVersion.version.desc())
        .limit(1)
        .options(selectinload(RecipeVersion.recipe))
    ).one_or_none()
    if newest is not None and newest.sha256 == sha256:
        return newest, False
    if newest is not None:
        require_edit(session, row.id, recipe.name)
    version = RecipeVersion(
        recipe_id=row.id,
        version=newest.version + 1 if newest else 1,
        state=DRAFT,
        body=body,
        model=recipe.engine_key,
        sha256=sha256,
    )
    version.recipe = row
    session.add(version)
    flush_new(session, "recipe version", f"{recipe.name} {version.version}")
    return version, True


def activate(session: Session, station_ref: str, version_id: int) -> Station:
    """Make a version the one that a station inspects by, from the next acquisition on.

    What waits already is judged by the version it was acquired under. A version that no station
    uses any more is retired; activating it again is how one rolls back.

    Raises:
        NotFound: there is no such station or version.
    """
    station = get_station(session, station_ref)
    session.execute(
        select(Station.id).where(Station.id == station.id).with_for_update(key_share=True)
    )
    session.refresh(station, ["recipe_version_id"])
    version = get_version(session, version_id)
    before = station.recipe_version_id
    version.state, version.activated_at = ACTIVE, utc_now()
    station.recipe_version_id = version.id
    if before != version.id:
        access = current()
        session.add(
            RecipeActivation(
                station_id=station.id,
                recipe_version_id=version.id,
                activated_at=version.activated_at,
                activated_by=access.actor.name if access and access.actor else "",
            )
        )
    session.flush()
    if before is not None and before != version.id:
        _retire_unused(session, before)
    return station


def _retire_unused(session: Session, version_id: int) -> None:
    # Stations of other lines, too, which who asks may not see.
    with acting(EVERYTHING):
        users = session.scalar(
            select(func.count()).select_from(Station).where(Station.recipe_version_id == version_id)
        )
    if not users:
        session.execute(
            update(RecipeVersion).where(RecipeVersion.id == version_id).values(state=RETIRED)
        )
