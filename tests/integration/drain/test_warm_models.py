"""Models stay warm from drain to drain, within a budget."""

import json
from pathlib import Path

from inspection.model_folder import MANIFEST, find_model
from tests.integration.drain.plant import MODEL, Plant, grey
from workers.inspecting.models import Models


def test_the_model_stays_warm_from_drain_to_drain(plant: Plant) -> None:
    camera_id = plant.camera()
    for _ in range(3):
        plant.push(camera_id, grey())
        plant.runtime.drain("inspect")
    assert len(plant.loaded) == 1
    assert plant.verdicts() == ["pass"] * 3


def test_several_models_stay_warm(plant: Plant) -> None:
    first, second = plant.camera(), plant.camera(model="classical-light")
    folder = folder_with_model(plant.folder / "models", "classical-light")
    for _ in range(3):
        plant.push(first, grey(), grey())
        plant.push(second, grey())
    runtime = plant.new_runtime(models=Models(plant._load, models_dir=folder, budget_bytes=10**12))
    runtime.drain("inspect")
    assert plant.verdicts() == ["pass"] * 9
    assert len(plant.loaded) == 2


def test_models_beyond_the_budget_are_closed_oldest_first(plant: Plant) -> None:
    folder = folder_with_model(plant.folder / "models", "classical-light")
    models = Models(plant._load, models_dir=folder, budget_bytes=1)
    warm = models.get(MODEL)
    warm.memory_bytes = 2
    assert models.get("classical-light") is not warm
    assert [detector.closed for detector in plant.loaded] == [True, False]
    assert models.get(MODEL) is not warm


def test_a_model_that_was_replaced_is_loaded_anew(plant: Plant) -> None:
    folder = folder_with_model(plant.folder / "models", "classical-light")
    models = Models(plant._load, models_dir=folder, budget_bytes=10**12)
    before = models.get("classical-light")
    assert models.get("classical-light") is before
    path = folder / "classical-light" / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | {"metrics": {"f1": 1.0}}))
    after = models.get("classical-light")
    assert after.folder.version != before.folder.version
    assert [detector.closed for detector in plant.loaded] == [True, False]


def folder_with_model(folder: Path, name: str) -> Path:
    """A folder of models with one in it: the shipped classical one under another name."""
    manifest = json.loads((find_model(MODEL) / MANIFEST).read_text())
    (folder / name).mkdir(parents=True)
    (folder / name / MANIFEST).write_text(json.dumps(manifest | {"name": name, "files": {}}))
    return folder
