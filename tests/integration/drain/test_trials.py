"""A recipe tried on stored images by a worker, on both databases."""

from sqlalchemy import select

from db.bell import INSPECT_QUEUE, TRIAL_QUEUE
from db.models import Acquisition, Inspection, RecipeTrial
from db.queries import recipe_trials
from inspection.recipe import Recipe
from services.sweeper.loop import sweep
from tests.factories import make_recipe_version, recipe_body
from tests.integration.drain.plant import FINE, MODEL, RAISE, Plant, grey
from workers.inspecting.trials import try_step


def ask(plant: Plant, acquisition_ids: list[int], *, model: str = MODEL) -> int:
    """A trial of a recipe by which everything dark warns; the trial's id."""
    rules = {"defect": {"limits": {"count": {"warn": 0}}}}
    with plant.database.sessions.begin() as session:
        version = make_recipe_version(session, body=recipe_body(model=model, classes=rules))
        Recipe.model_validate(version.body)
        station_id = session.get_one(Acquisition, acquisition_ids[0]).station_id
        return recipe_trials.ask(session, version.id, station_id, acquisition_ids, "Ada").id


def trial(plant: Plant, trial_id: int) -> RecipeTrial:
    with plant.database.reads() as session:
        return session.get_one(RecipeTrial, trial_id)


def inspected(plant: Plant, *darks: bool) -> list[int]:
    ids = plant.push(plant.camera(), *[grey(FINE + n, dark=d) for n, d in enumerate(darks)])
    plant.runtime.drain(INSPECT_QUEUE)
    return ids


def test_it_gives_verdicts_and_no_inspections(plant: Plant) -> None:
    ids = inspected(plant, True, False, True)
    trial_id = ask(plant, ids)
    while try_step(plant.runtime):
        pass
    done = trial(plant, trial_id)
    assert done.state == "done"
    found = recipe_trials.results_of(done)
    assert [found[id_][0] for id_ in ids] == ["warn", "pass", "warn"]
    assert plant.verdicts() == ["fail", "pass", "fail"]
    with plant.database.reads() as session:
        assert len(session.scalars(select(Inspection)).all()) == 3
    assert try_step(plant.runtime) is False


def test_it_takes_one_image_at_a_time_while_the_line_has_work(plant: Plant) -> None:
    trial_id = ask(plant, inspected(plant, True, False, True))
    plant.push(plant.camera(), grey())
    assert try_step(plant.runtime) is True
    assert len(trial(plant, trial_id).results) == 1
    plant.runtime.drain(INSPECT_QUEUE)
    assert try_step(plant.runtime) is False
    assert len(trial(plant, trial_id).results) == 3


def test_what_has_no_image_any_more_is_told_and_not_tried_for_ever(plant: Plant) -> None:
    ids = inspected(plant, True, True)
    with plant.database.sessions.begin() as session:
        session.get_one(Acquisition, ids[0]).image_key = None
    trial_id = ask(plant, ids)
    assert try_step(plant.runtime) is False
    found = recipe_trials.results_of(trial(plant, trial_id))
    assert found[ids[0]] == ("not_inspected", "the image was not kept")
    assert found[ids[1]][0] == "warn"


def test_a_model_that_is_missing_and_an_engine_that_raises_end_it_with_the_reason(
    plant: Plant,
) -> None:
    ids = inspected(plant, True)
    raising = plant.push(plant.camera(), grey(RAISE))
    unknown, broken = ask(plant, ids, model="nowhere"), ask(plant, raising)
    while try_step(plant.runtime):
        pass
    assert (trial(plant, unknown).state, trial(plant, broken).state) == ("failed", "failed")
    assert "nowhere" in trial(plant, unknown).reason
    assert "boom" in trial(plant, broken).reason


def test_the_sweeper_rings_for_it_until_it_is_done(plant: Plant) -> None:
    rung: list[str] = []
    ids = inspected(plant, True)
    sweep(plant.database, rung.append)
    assert rung == []
    ask(plant, ids)
    sweep(plant.database, rung.append)
    assert rung == [TRIAL_QUEUE]
    try_step(plant.runtime)
    sweep(plant.database, rung.append)
    assert rung == [TRIAL_QUEUE]
