"""A camera that loses its focus: watched beside a real drain, on both databases."""

from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import select

from db.base import utc_now
from db.bell import INSPECT_QUEUE
from db.models import Camera, ImageStatistic, StationCheck, StationHold, StationReference
from db.queries import background, holds, station_references, watched_pictures
from db.queries.acquisitions import NewAcquisition, accept
from db.queries.station_checks import LASTS_IMAGES, begin_of_hour
from inspection.decode import encode_png
from inspection.watching.picture import UInt8
from services import retention, watching
from services.watching import SelfCheck
from tests import factories
from tests.integration.drain.plant import Plant
from tests.unit.inspection.watching.scenes import Change, Scene, defocused, moved
from workers.inspecting.watching import watch_step

FORGIVING = {"defect": {"limits": {"count": {"fail": 50}}}}
# A whole hour of its own, whenever the test runs.
BEGIN = begin_of_hour(utc_now()) + timedelta(minutes=62)


class Bench:
    """A station whose pictures come 25 s after each other, and are drained and watched."""

    def __init__(self, plant: Plant) -> None:
        self.plant, self.scene = plant, Scene()
        self.camera_id = plant.camera(classes=FORGIVING)
        self.at = BEGIN
        with plant.database.reads() as session:
            self.station_id = session.get_one(Camera, self.camera_id).station_id

    def push(self, picture: UInt8 | bytes) -> None:
        data = picture if isinstance(picture, bytes) else encode_png(picture)
        stored = self.plant.store.put(data, "png")
        with self.plant.database.sessions.begin() as session:
            accept(session, [NewAcquisition(self.camera_id, self.at, stored)])
        self.plant.runtime.drain(INSPECT_QUEUE)

    def run(self, number: int, change: Change | None = None, *, every_s: float = 25) -> None:
        for _ in range(number):
            self.at += timedelta(seconds=every_s)
            self.push(self.scene.take(change))
            watch_step(self.plant.runtime)

    def look(self, self_check: SelfCheck = SelfCheck.HOLD, at: datetime | None = None) -> None:
        watching.run_once(self.plant.database, self_check, now=at or self.at)

    def make_reference(self) -> None:
        with self.plant.database.sessions.begin() as session:
            camera = session.get_one(Camera, self.camera_id)
            made = station_references.make_reference(session, camera, BEGIN, self.at, "Ada")
            made.made_at = self.at

    def held(self) -> StationHold | None:
        with self.plant.database.reads() as session:
            return holds.holds_of(session, [self.station_id]).get(self.station_id)

    def check(self) -> StationCheck:
        with self.plant.database.reads() as session:
            return session.scalars(select(StationCheck)).one()


def test_a_lost_focus_holds_the_station_until_somebody_has_seen_to_it(plant: Plant) -> None:
    bench = Bench(plant)
    bench.run(12)
    bench.make_reference()
    bench.run(8, every_s=151)
    bench.look()
    assert (bench.check().state, bench.check().images) == ("ok", 8)
    assert bench.held() is None

    bench.run(LASTS_IMAGES, defocused(3), every_s=151)
    bench.look(SelfCheck.WARN)
    assert bench.held() is None
    bench.look()
    hold = bench.held()
    assert hold is not None
    assert (hold.by, hold.reason) == ("", "self-check: focus")
    assert plant.verdicts()[-1] == "pass"

    bench.run(1, defocused(3), every_s=151)
    assert plant.verdicts()[-1] == "station_hold"
    with plant.database.reads() as session:
        assert session.scalars(select(ImageStatistic)).all()[-1].values["focus"] > 0
    with plant.database.sessions.begin() as session:
        holds.release(session, bench.station_id, "lens set", "Ada").ended_at = bench.at
    bench.run(2, every_s=151)
    bench.look()
    assert bench.held() is None
    assert plant.verdicts()[-1] == "pass"


def test_a_reference_makes_itself_of_good_pictures_and_says_so(plant: Plant) -> None:
    bench = Bench(plant)
    bench.run(2)
    with plant.database.sessions.begin() as session:
        rng = np.random.default_rng(1)
        first = session.scalars(select(ImageStatistic)).all()[-1]
        # The others are written as the worker would have.
        camera = session.get_one(Camera, bench.camera_id)
        for number in range(station_references.FIRST_IMAGES - 3):
            at = BEGIN + timedelta(seconds=60 + number)
            inspection = factories.decide(session, camera, "pass", captured_at=at)
            values = {name: value * rng.normal(1, 0.02) for name, value in first.values.items()}
            session.add(
                ImageStatistic(
                    inspection_id=inspection.id,
                    camera_id=camera.id,
                    captured_at=at,
                    values=values,
                    cells=first.cells,
                )
            )
    bench.look()
    with plant.database.reads() as session:
        assert session.scalars(select(StationReference)).all() == []
    bench.at += timedelta(minutes=2)
    bench.run(1)
    bench.look()
    with plant.database.reads() as session:
        (reference,) = session.scalars(select(StationReference))
        assert (reference.made_by, reference.images) == ("", station_references.FIRST_IMAGES)
    # From now on pictures are held against it, and a camera that is hit is seen.
    bench.run(9, moved(24), every_s=151)
    bench.look(SelfCheck.WARN)
    assert bench.check().state == "alarm"
    assert bench.check().results["shift!"]["state"] == "alarm"  # type: ignore[index]
    # Its picture outlives the retention, and nothing else does.
    swept = retention.run_once(plant.database, plant.store, 0, 365, now=bench.at)
    assert swept.images > 0
    with plant.database.reads() as session:
        assert plant.store.get(reference.image_key)


def test_few_pictures_are_watched_and_one_a_step_while_the_line_has_work(plant: Plant) -> None:
    bench, other = Bench(plant), Bench(plant)
    bench.at, other.at = utc_now(), utc_now()
    bench.push(bench.scene.first)
    other.push(other.scene.first)
    with plant.database.sessions.begin() as session:
        assert background.any_waiting(session)
    stored = plant.store.put(encode_png(bench.scene.first), "png")
    with plant.database.sessions.begin() as session:
        accept(session, [NewAcquisition(bench.camera_id, utc_now(), stored)])
    assert watch_step(plant.runtime) is True
    with plant.database.reads() as session:
        assert len(session.scalars(select(ImageStatistic)).all()) == 1
    plant.runtime.drain(INSPECT_QUEUE)
    assert watch_step(plant.runtime) is False
    with plant.database.reads() as session:
        assert len(session.scalars(select(ImageStatistic)).all()) == 2
        assert not watched_pictures.any_waiting(session)


def test_what_cannot_be_read_is_noted_once_and_counts_for_nothing(plant: Plant) -> None:
    bench = Bench(plant)
    bench.at = utc_now()
    bench.push(b"no image at all")
    assert watch_step(plant.runtime) is False
    with plant.database.reads() as session:
        (row,) = session.scalars(select(ImageStatistic))
        assert row.values == {}
        assert not watched_pictures.any_waiting(session)
