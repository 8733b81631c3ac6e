"""What fails in a drain takes no neighbour along."""

from typing import Any

from sqlalchemy import select

from db.models import Acquisition, Inspection
from inspection.decode import encode_png
from inspection.detections import Detections
from inspection.judge import judge
from inspection.model_folder import ModelFolder
from tests.integration.drain.plant import FINE, RAISE, BrightnessDetector, Plant, grey
from tests.servers import wait_until
from workers.inspecting.models import Models


def test_bad_images_get_their_reason_and_the_others_their_verdict(plant: Plant) -> None:
    camera_id = plant.camera()
    good = encode_png(grey())
    ids = plant.push(camera_id, good, b"", good[:200], b"GIF89a no image", grey(201), grey(202))
    with plant.database.sessions.begin() as session:
        gone = session.get_one(Acquisition, ids[4]).image_key
        swapped = session.get_one(Acquisition, ids[5])
        swapped.image_key = plant.store.put(encode_png(grey(90)), "png").key
    assert gone is not None
    plant.store.delete(gone)
    plant.runtime.drain("inspect")
    assert plant.verdicts() == [
        "pass",
        "unreadable",
        "unreadable",
        "unsupported",
        "missing_image",
        "corrupt",
    ]


def test_a_missing_model_is_a_verdict_and_others_go_on(plant: Plant) -> None:
    unknown, known = plant.camera(model="no-such-model"), plant.camera()
    plant.push(unknown, grey(), grey())
    plant.push(known, grey())
    plant.runtime.drain("inspect")
    assert plant.verdicts() == ["model_missing", "model_missing", "pass"]
    with plant.database.reads() as session:
        detail = session.scalars(select(Inspection.detail)).first()
        assert detail is not None
        assert "no-such-model" in detail


def test_an_engine_that_raises_takes_no_neighbour_along(plant: Plant) -> None:
    camera_id = plant.camera()
    plant.push(camera_id, *[grey(RAISE if n == 5 else FINE) for n in range(12)])

    def drained() -> bool:
        plant.runtime.drain("inspect")
        return plant.verdicts().count("pass") == 11

    wait_until(drained, 30, "its neighbours have their verdicts")
    assert plant.verdicts()[5] == "claimed"
    with plant.database.reads() as session:
        poison = session.scalars(select(Acquisition).where(Acquisition.state != "done")).one()
        assert poison.last_error == "engine: RuntimeError('boom')"
        assert poison.token is None


def test_second_attempts_are_alone_in_their_process(plant: Plant) -> None:
    """What an image that kills its process could take along: nothing, from its second attempt."""
    beside: list[int] = []

    def look(number: int) -> None:
        with plant.database.reads() as session:
            held = session.scalars(
                select(Acquisition.attempts).where(Acquisition.state == "claimed")
            )
            attempts = list(held)
        if max(attempts) > 1:
            beside.append(len(attempts) - 1)

    ids = plant.push(plant.camera(), *[grey() for _ in range(30)])
    with plant.database.sessions.begin() as session:
        for acquisition_id in ids[3:25:7]:
            session.get_one(Acquisition, acquisition_id).attempts = 1

    def load(folder: ModelFolder) -> BrightnessDetector:
        return BrightnessDetector(folder.classes, look)

    plant.new_runtime(models=Models(load, models_dir=None, budget_bytes=1)).drain("inspect")
    assert plant.verdicts() == ["pass"] * 30
    assert beside == [0] * 4


def test_an_engine_that_cannot_be_loaded_costs_attempts(plant: Plant) -> None:
    def broken(folder: ModelFolder) -> BrightnessDetector:
        raise MemoryError("no room for the weights")

    camera_id = plant.camera()
    plant.push(camera_id, grey())
    runtime = plant.new_runtime(models=Models(broken, models_dir=None, budget_bytes=1))
    runtime.drain("inspect")
    with plant.database.reads() as session:
        acquisition = session.scalars(select(Acquisition)).one()
        assert acquisition.attempts == 1
        assert "no room for the weights" in str(acquisition.last_error)


def test_a_judgement_that_raises_takes_no_neighbour_along(plant: Plant) -> None:
    def picky(detections: Detections, *rest: Any, **named: Any) -> Any:
        if len(detections):
            raise ArithmeticError("cannot measure this")
        return judge(detections, *rest, **named)

    plant.push(plant.camera(), grey(), grey(dark=True), grey())
    plant.new_runtime(judge=picky).drain("inspect")
    assert plant.verdicts() == ["pass", "claimed", "pass"]
