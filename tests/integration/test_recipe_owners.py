"""An engineer of one line edits what is theirs alone; another's recipe is read, and copied."""

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from dashboards import DashboardValues, create_app
from db.access import Access, Actor, ActorKind, Role, acting
from db.engine import Database
from db.frames import open_store
from db.models import RecipeVersion, Station
from db.queries import recipes
from db.queries.people import Grant
from db.queries.recipe_owners import UsedElsewhere, editable
from inspection.recipe import Recipe
from tests import factories
from tests.signed_in import SignedInClient, sign_in
from tests.unit.dashboards.conftest import SAME_SITE, ToldEvents


class Plant:
    """Two lines with a station each, and a recipe at one, at the other, and at both."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.sessions.begin() as session:
            site = factories.make_site(session)
            lines = [factories.make_line(session, site, key=key) for key in ("mine", "other")]
            self.mine, self.other = (line.id for line in lines)
            self.station_keys = []
            for line in lines:
                self.station_keys.append(factories.make_station(session, line).key)
                factories.make_station(session, line, key=f"{line.key}-2")
            for name, stations in (
                ("here", self.station_keys[:1]),
                ("there", self.station_keys[1:]),
                ("both", ["mine-2", "other-2"]),
                ("nowhere", []),
            ):
                version, _ = recipes.draft(session, recipe(name))
                for key in stations:
                    recipes.activate(session, key, version.id)

    def draft(self, name: str, limit: float, *lines: int) -> bool:
        """Write a recipe's next version as somebody of these lines; says whether it is new."""
        actor = Actor(ActorKind.PERSON, None, "Emil")
        access = Access(actor, frozenset(lines) if lines else None)
        with acting(access), self.database.sessions.begin() as session:
            return recipes.draft(session, recipe(name, limit))[1]

    def versions(self) -> int:
        with self.database.reads() as session:
            return session.scalar(select(func.count(RecipeVersion.id))) or 0


def recipe(name: str, limit: float = 3.0) -> Recipe:
    return Recipe.model_validate(factories.recipe_body(name=name, description=f"{limit}"))


@pytest.fixture
def plant(any_database: Database) -> Plant:
    return Plant(any_database)


@pytest.fixture
def client(plant: Plant, tmp_path: Path) -> SignedInClient:
    store, redis = open_store(str(tmp_path / "frames")), "redis://127.0.0.1:1/0"
    app: Flask = create_app(
        DashboardValues(plant.database, store, ToldEvents(), redis, b"secret" * 6)
    )
    return sign_in(app, Grant(Role.ENGINEER, line_id=plant.mine), name="Emil")


def test_who_sees_some_lines_drafts_what_is_theirs_alone(plant: Plant) -> None:
    assert plant.draft("here", 4, plant.mine)
    for name in ("there", "both", "nowhere"):
        before = plant.versions()
        with pytest.raises(UsedElsewhere, match=name):
            plant.draft(name, 4, plant.mine)
        assert plant.versions() == before
        # What it says already is no new version, and nobody else's business.
        assert not plant.draft(name, 3.0, plant.mine)
    for name in ("there", "both"):
        assert plant.draft(name, 5, plant.mine, plant.other)
    assert plant.draft("nowhere", 5)


def test_a_draft_is_of_the_lines_of_who_began_it_until_it_is_active(plant: Plant) -> None:
    assert plant.draft("new", 1, plant.mine)
    assert plant.draft("new", 2, plant.mine)
    assert plant.draft("new", 3, plant.mine, plant.other)
    with pytest.raises(UsedElsewhere):
        plant.draft("new", 4, plant.other)
    with plant.database.sessions.begin() as session:
        newest = session.scalars(select(RecipeVersion).order_by(RecipeVersion.id.desc())).first()
        assert newest is not None
        recipes.activate(session, plant.station_keys[1], newest.id)
    assert plant.draft("new", 5, plant.other)
    with pytest.raises(UsedElsewhere):
        plant.draft("new", 6, plant.mine)


def test_pages_show_what_is_of_others_and_do_not_edit_it(
    client: SignedInClient, plant: Plant
) -> None:
    before = plant.versions()
    for name in ("there", "both", "nowhere"):
        for page in ("edit", "regions", "planogram"):
            path = f"/lab/recipes/{name}/{page}"
            assert client.get(path).status_code == 403, path
            assert client.post(path, headers=SAME_SITE).status_code == 403, path
        learnt = client.post(f"/lab/recipes/{name}/planogram/learn", headers=SAME_SITE)
        assert learnt.status_code == 403
        shown = client.get(f"/lab/recipes/{name}")
        assert shown.status_code == 200
        assert f"/lab/recipes/{name}/edit" not in shown.text
        assert f"start=copy:{name}" in shown.text
    for page in ("edit", "regions", "planogram"):
        assert client.get(f"/lab/recipes/here/{page}").status_code == 200, page
    listed = client.get("/lab/recipes").text
    assert "/lab/recipes/here/edit" in listed
    assert "/lab/recipes/there/edit" not in listed
    assert plant.versions() == before
    copied = client.post(
        "/lab/recipes/new", data={"name": "there 2", "start": "copy:there"}, headers=SAME_SITE
    )
    assert copied.headers["Location"] == "/lab/recipes/there%202/edit"
    assert client.get(copied.headers["Location"]).status_code == 200


def test_everybody_else_edits_everything(plant: Plant) -> None:
    with plant.database.reads() as session:
        ids = set(session.scalars(select(RecipeVersion.recipe_id)))
        assert editable(session, ids) == ids
        assert session.scalars(select(Station)).first() is not None
