from pathlib import Path

import pytest

from inspection.model_folder import ModelFolder
from tests.integration.drain.plant import MODEL, BrightnessDetector
from tests.integration.drain.test_warm_models import folder_with_model
from workers.inspecting.models import Models


class Loads:
    def __init__(self) -> None:
        self.made: list[BrightnessDetector] = []
        self.names: list[str] = []

    def __call__(self, folder: ModelFolder) -> BrightnessDetector:
        self.names.append(folder.name)
        self.made.append(BrightnessDetector(folder.classes))
        return self.made[-1]


@pytest.fixture
def load() -> Loads:
    return Loads()


def models(load: Loads, tmp_path: Path, *, budget_bytes: int = 10**12) -> Models:
    for name in ("second", "third"):
        folder_with_model(tmp_path, name)
    return Models(load, models_dir=tmp_path, budget_bytes=budget_bytes)


def wait_until_loaded(made: Models) -> None:
    thread = made._beside._thread
    if thread is not None:
        thread.join(20)


def test_what_is_prepared_is_taken_and_loaded_once(load: Loads, tmp_path: Path) -> None:
    made = models(load, tmp_path)
    # Nothing is warm yet: the first claim loads for itself.
    made.prepare(["second"])
    assert load.names == []
    made.get(MODEL)
    made.prepare([MODEL, "second"])
    wait_until_loaded(made)
    assert made.get("second").folder.name == "second"
    assert load.names == [MODEL, "second"]
    assert made.loading() == frozenset()


def test_one_model_more_than_the_budget_and_no_second_one(load: Loads, tmp_path: Path) -> None:
    made = models(load, tmp_path, budget_bytes=1)
    made.get(MODEL).memory_bytes = 5
    # What may be needed is not worth it, what is needed is.
    made.prepare([MODEL], maybe=["second"])
    assert load.names == [MODEL]
    made.prepare(["second", "third"])
    made.prepare(["second", "third"])
    wait_until_loaded(made)
    assert load.names == [MODEL, "second"]
    # The one that runs is closed only when the new one is taken.
    assert not load.made[0].closed
    made.get("second")
    assert load.made[0].closed


def test_what_may_be_needed_is_kept_while_it_fits(load: Loads, tmp_path: Path) -> None:
    made = models(load, tmp_path)
    made.get(MODEL)
    made.prepare([MODEL], maybe=["second", "third"])
    wait_until_loaded(made)
    made.get(MODEL)
    made.prepare([MODEL], maybe=["second", "third"])
    wait_until_loaded(made)
    assert load.names == [MODEL, "second", "third"]
    # Nobody wants the third any more.
    made.prepare([MODEL], maybe=["second"])
    assert load.made[2].closed
    assert not load.made[1].closed


def test_what_may_be_needed_gives_its_place_to_what_is(load: Loads, tmp_path: Path) -> None:
    made = models(load, tmp_path)
    made.get(MODEL)
    made.prepare([MODEL], maybe=["second"])
    wait_until_loaded(made)
    # Loaded, and nobody has taken it: it must not stand in the way.
    made.prepare([MODEL, "third"], maybe=["second"])
    wait_until_loaded(made)
    assert load.names == [MODEL, "second", "third"]
    assert made.get("third").folder.name == "third"
    assert len(load.made) == 3
