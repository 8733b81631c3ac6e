"""A new model is loaded beside the old one, and judging switches between two claims."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from db.models import Acquisition, Inspection, ModelVersion, RecipeVersion, Station
from db.queries.model_wants import wanted_models
from inspection.model_folder import ModelFolder
from tests.factories import make_recipe_version
from tests.integration.drain.plant import MODEL, BrightnessDetector, Plant, grey
from tests.integration.drain.test_warm_models import folder_with_model
from workers.inspecting.models import Models
from workers.inspecting.runtime import Runtime

NEW = "classical-light"


class SlowToLoad:
    """Engines that load when the test says so."""

    def __init__(self) -> None:
        self.asked, self.may = threading.Event(), threading.Event()
        self.made: dict[str, BrightnessDetector] = {}

    def __call__(self, folder: ModelFolder) -> BrightnessDetector:
        if folder.name == NEW:
            self.asked.set()
            assert self.may.wait(20)
        self.made[folder.name] = BrightnessDetector(folder.classes)
        return self.made[folder.name]


@pytest.fixture
def load() -> SlowToLoad:
    return SlowToLoad()


@pytest.fixture
def runtime(plant: Plant, load: SlowToLoad) -> Iterator[Runtime]:
    models = folder_with_model(plant.folder / "models", NEW)
    made = plant.new_runtime(models=Models(load, models_dir=models, budget_bytes=10**12))
    yield made
    load.may.set()
    made.models.close()


def activate_new(plant: Plant, camera_id: int) -> None:
    """What a promotion does to the station of a camera."""
    with plant.database.sessions.begin() as session:
        station = session.scalars(select(Station).join(Station.cameras)).first()
        assert station is not None
        before = session.get_one(RecipeVersion, station.recipe_version_id or 0)
        after = make_recipe_version(session, body=before.body | {"model": NEW})
        station.recipe_version_id = after.id


def judged_by(plant: Plant) -> list[tuple[str, str]]:
    """Model that the recipe asked for and model that judged, by acquisition."""
    with plant.database.reads() as session:
        rows: list[Any] = list(
            session.execute(
                select(RecipeVersion.model, ModelVersion.name)
                .select_from(Acquisition)
                .join(Inspection, Inspection.acquisition_id == Acquisition.id)
                .join(RecipeVersion, RecipeVersion.id == Acquisition.recipe_version_id)
                .join(ModelVersion, ModelVersion.id == Inspection.model_version_id)
                .order_by(Inspection.id)
            )
        )
        return [(asked, ran) for asked, ran in rows]


def test_the_old_model_goes_on_while_the_new_one_loads(
    plant: Plant, runtime: Runtime, load: SlowToLoad
) -> None:
    camera = plant.camera()
    plant.push(camera, grey())
    runtime.drain("inspect")
    plant.push(camera, *[grey() for _ in range(3)])
    activate_new(plant, camera)
    plant.push(camera, *[grey() for _ in range(6)])
    draining = threading.Thread(target=runtime.drain, args=["inspect"])
    draining.start()
    try:
        assert load.asked.wait(20)
        # What waits for the old one is judged although the new one is still loading.
        for _ in range(400):
            if len(judged_by(plant)) == 4:
                break
            draining.join(0.05)
        assert judged_by(plant) == [(MODEL, MODEL)] * 4
    finally:
        load.may.set()
        draining.join(30)
    assert not draining.is_alive()
    assert judged_by(plant) == [(MODEL, MODEL)] * 4 + [(NEW, NEW)] * 6
    assert plant.verdicts() == ["pass"] * 10
    # The old one is still warm: going back loads nothing.
    assert not load.made[MODEL].closed


def test_a_model_that_cannot_be_loaded_beside_is_named_and_harms_no_other(
    plant: Plant, runtime: Runtime
) -> None:
    camera = plant.camera()
    plant.push(camera, grey())
    runtime.drain("inspect")
    (runtime.models.models_dir / NEW / "model.json").write_text("{")  # type: ignore[operator]
    plant.push(camera, grey())
    activate_new(plant, camera)
    plant.push(camera, grey())
    runtime.drain("inspect")
    assert plant.verdicts() == ["pass", "pass", "model_missing"]


def test_what_is_active_is_needed(plant: Plant) -> None:
    camera = plant.camera()
    with plant.database.reads() as session:
        assert wanted_models(session).needed == (MODEL,)
    activate_new(plant, camera)
    with plant.database.reads() as session:
        assert wanted_models(session).needed == (NEW,)
