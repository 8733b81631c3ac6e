"""A drain on both databases, from frames to verdicts."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from db.models import Acquisition, Inspection, ModelVersion
from db.queries.claims import claim
from inspection.detections import Detections
from inspection.judge import judge
from inspection.model_folder import ModelFolder
from tests.integration.drain.plant import FINE, MODEL, NOW, BrightnessDetector, Plant, grey
from workers.inspecting.models import Models
from workers.settings import WorkerSettings


def test_from_frame_to_verdict(plant: Plant) -> None:
    camera_id = plant.camera()
    ids = plant.push(camera_id, *[grey(FINE + n, dark=n % 3 == 0) for n in range(10)])
    assert plant.runtime.drain("inspect") is False
    assert plant.verdicts() == ["fail" if n % 3 == 0 else "pass" for n in range(10)]
    with plant.database.reads() as session:
        inspection = session.scalars(
            select(Inspection).where(Inspection.acquisition_id == ids[0])
        ).one()
        (finding,) = inspection.findings
        assert (finding.x0, finding.y0, finding.x1, finding.y1) == (30, 20, 50, 40)
        area = {measured.name: measured.value for measured in finding.measurements}["area"]
        assert area == 400
        assert inspection.model_version_id is not None
        version = session.get_one(ModelVersion, inspection.model_version_id)
        assert (version.name, version.manifest["name"]) == (MODEL, MODEL)
        assert inspection.engine_ms is not None
        assert inspection.engine_ms > 0
    told = [event for event in plant.events if event["type"] == "inspection"]
    assert [event["verdict"] for event in told] == plant.verdicts()
    assert told[0]["captured_at"] == NOW.isoformat()
    assert {event["state"] for event in plant.events if event["type"] == "discrepancy"} == {"open"}


def test_a_drain_ends_when_its_time_is_over(plant: Plant) -> None:
    plant.push(plant.camera(), *[grey() for _ in range(40)])
    runtime = plant.new_runtime(settings=WorkerSettings(drain_s=1e-9))
    assert runtime.drain("inspect") is True
    assert "waiting" in plant.verdicts()


def test_a_worker_that_stops_gives_back_what_it_has_not_begun(plant: Plant) -> None:
    plant.push(plant.camera(), *[grey() for _ in range(20)])

    def load(folder: ModelFolder) -> BrightnessDetector:
        return BrightnessDetector(folder.classes, lambda number: plant.stop.set())

    models = Models(load, models_dir=None, budget_bytes=1)
    plant.new_runtime(models=models).drain("inspect")
    verdicts = plant.verdicts()
    assert set(verdicts) == {"pass", "waiting"}
    with plant.database.reads() as session:
        waiting = session.scalars(select(Acquisition).where(Acquisition.state == "waiting")).all()
        assert {(one.attempts, one.token) for one in waiting} == {(0, None)}


def test_who_lost_its_lease_in_the_engine_writes_nothing(plant: Plant) -> None:
    plant.push(plant.camera(), grey())
    stolen: list[str] = []

    def slow(detections: Detections, *rest: Any, **named: Any) -> Any:
        with plant.database.sessions.begin() as session:
            session.scalars(select(Acquisition)).one().lease_until = NOW - timedelta(days=1)
        with plant.database.sessions.begin() as session:
            taken = claim(session, "inspect", lease_s=30, limit=lambda model: 9)
            assert taken is not None
            stolen.append(taken.token)
        return judge(detections, *rest, **named)

    plant.new_runtime(judge=slow).drain("inspect")
    assert plant.verdicts() == ["claimed"]
    assert plant.events == []
    with plant.database.reads() as session:
        assert session.scalars(select(Acquisition.token)).one() == stolen[0]
