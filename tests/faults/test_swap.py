"""A worker that dies while one model takes the place of another."""

from collections.abc import Callable

from sqlalchemy import func, select

from db.models import Acquisition, Inspection, ModelVersion, RecipeVersion, Station
from db.queries import recipes
from inspection.recipe import Recipe
from tests.faults.plant import FRAMES, Plant

NEW = "classical-edges"


def swap(plant: Plant) -> None:
    """Activate the next version with another model at every station, as a promotion does."""
    with plant.database.sessions.begin() as session:
        for station in session.scalars(select(Station)).all():
            before = session.get_one(RecipeVersion, station.recipe_version_id or 0)
            recipe = Recipe.model_validate(before.body | {"model": NEW})
            version, _ = recipes.draft(session, recipe)
            recipes.activate(session, str(station.id), version.id)


def test_killed_in_the_middle_of_a_swap(new_plant: Callable[..., Plant]) -> None:
    plant = new_plant()
    plant.start_sweeper()
    worker = plant.start_ready_worker()
    plant.push(FRAMES // 2 - 1)
    plant.wait_for(lambda: plant.count("done") > 10, "the old model judges")
    swap(plant)
    plant.push(FRAMES // 2)
    for kill in range(2):
        plant.wait_for(lambda: plant.count("claimed") > 0, f"in mid-batch for kill {kill}")
        for child in worker.children():
            child.kill()
    plant.assert_clean(FRAMES)
    with plant.database.reads() as session:
        judged = session.execute(
            select(RecipeVersion.model, ModelVersion.name, func.count())
            .select_from(Inspection)
            .join(Acquisition, Acquisition.id == Inspection.acquisition_id)
            .join(RecipeVersion, RecipeVersion.id == Acquisition.recipe_version_id)
            .join(ModelVersion, ModelVersion.id == Inspection.model_version_id)
            .group_by(RecipeVersion.model, ModelVersion.name)
        ).all()
    # None is judged by another model than that of its own recipe version.
    assert {(asked, ran) for asked, ran, _ in judged} == {
        ("classical-threshold", "classical-threshold"),
        (NEW, NEW),
    }
    assert sum(count for _, _, count in judged) == FRAMES
