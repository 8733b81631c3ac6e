"""A station on hold through a real drain, on both databases."""

import pytest
from sqlalchemy import select

from db.bell import INSPECT_QUEUE
from db.errors import Conflict, Invalid
from db.models import Camera, Discrepancy, Inspection, StationHold
from db.queries import holds
from db.queries.ledger import read_ledger
from tests.integration.drain.plant import FINE, Plant, grey


def station_of(plant: Plant, camera_id: int) -> int:
    with plant.database.reads() as session:
        return session.get_one(Camera, camera_id).station_id


def test_frames_of_a_held_station_are_not_inspected_and_the_engine_sees_none(
    plant: Plant,
) -> None:
    held, free = plant.camera(), plant.camera()
    with plant.database.sessions.begin() as session:
        holds.put_on_hold(session, station_of(plant, held), "the camera was hit", "Ada")
    # The images of the held station fail, where anybody looks.
    plant.push(held, grey(150, dark=True), grey(151, dark=True))
    plant.push(free, grey(FINE))
    plant.runtime.drain(INSPECT_QUEUE)
    assert plant.verdicts() == ["station_hold", "station_hold", "pass"]
    assert [grey_ for one in plant.loaded for grey_ in one.seen] == [FINE]
    with plant.database.reads() as session:
        ledger = read_ledger(session)
        assert (ledger.acquired, ledger.passed) == (3, 1)
        assert ledger.not_inspected == {"station_hold": 2}
        assert ledger.consistent
        details = session.scalars(
            select(Inspection.detail).where(Inspection.reason == "station_hold")
        ).all()
        assert set(details) == {"the camera was hit"}
        assert session.scalars(select(Discrepancy)).all() == []


def test_after_the_release_new_frames_are_inspected_and_the_old_ones_stay(plant: Plant) -> None:
    camera_id = plant.camera()
    station_id = station_of(plant, camera_id)
    with plant.database.sessions.begin() as session:
        holds.put_on_hold(session, station_id, "out of focus")
    plant.push(camera_id, grey(dark=True))
    plant.runtime.drain(INSPECT_QUEUE)
    with plant.database.sessions.begin() as session:
        holds.release(session, station_id, "lens set again", "Ada")
    plant.push(camera_id, grey(dark=True))
    plant.runtime.drain(INSPECT_QUEUE)
    assert plant.verdicts() == ["station_hold", "fail"]
    with plant.database.reads() as session:
        (hold,) = session.scalars(select(StationHold))
        assert (hold.by, hold.ended_by, hold.word) == ("", "Ada", "lens set again")


def test_a_missing_model_does_not_hide_that_the_station_is_on_hold(plant: Plant) -> None:
    camera_id = plant.camera(model="nowhere")
    with plant.database.sessions.begin() as session:
        holds.put_on_hold(session, station_of(plant, camera_id), "model away", "Ada")
    plant.push(camera_id, grey())
    plant.runtime.drain(INSPECT_QUEUE)
    assert plant.verdicts() == ["station_hold"]


def test_a_hold_wants_a_reason_and_is_there_once(plant: Plant) -> None:
    station_id = station_of(plant, plant.camera())
    with plant.database.sessions.begin() as session:
        with pytest.raises(Invalid):
            holds.put_on_hold(session, station_id, "  ", "Ada")
        with pytest.raises(Conflict):
            holds.release(session, station_id, "word", "Ada")
        holds.put_on_hold(session, station_id, "first", "Ada")
        with pytest.raises(Conflict):
            holds.put_on_hold(session, station_id, "second", "Ada")
        with pytest.raises(Invalid):
            holds.release(session, station_id, "", "Ada")
    with plant.database.reads() as session:
        assert holds.holds_of(session, [station_id])[station_id].reason == "first"
