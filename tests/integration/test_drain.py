"""A drain on both databases, with a real frame store and an engine made for the test."""

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from db.base import utc_now
from db.engine import Database
from db.frames import FrameStore, open_store
from db.models import Acquisition, Calibration, Inspection, ModelVersion
from db.queries.acquisitions import NewAcquisition, accept
from db.queries.claims import claim
from db.queries.ledger import read_ledger
from inspection.decode import encode_png
from inspection.detections import Detections, InstanceMask
from inspection.judge import judge
from inspection.model_folder import MANIFEST, ModelFolder, find_model
from tests.factories import make_camera, make_recipe_version, make_station, recipe_body
from tests.servers import wait_until
from workers.engines import RgbImage
from workers.inspecting.models import Models, Pace
from workers.inspecting.runtime import Runtime
from workers.settings import WorkerSettings

MODEL = "classical-threshold"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
RAISE, FINE = 13, 200  # grey values that mean something to the engine below


class BrightnessDetector:
    """Finds the pixels darker than 100 in each image, and raises on an image of grey 13."""

    def __init__(
        self, classes: tuple[str, ...], on_image: Callable[[int], object] | None = None
    ) -> None:
        self.classes, self._on_image = classes, on_image
        self.seen: list[int] = []
        self.closed = False

    def detect(self, images_rgb: Sequence[RgbImage]) -> list[Detections]:
        return list(self.detect_stream(images_rgb))

    def detect_stream(self, images_rgb: Iterable[RgbImage]) -> Iterator[Detections]:
        # As engines do, two images ahead of the results.
        ahead: list[RgbImage] = []
        for image in images_rgb:
            ahead.append(image)
            if len(ahead) > 2:
                yield self._detect(ahead.pop(0))
        while ahead:
            yield self._detect(ahead.pop(0))

    def close(self) -> None:
        self.closed = True

    def _detect(self, image: RgbImage) -> Detections:
        grey = int(image[0, 0, 0])
        self.seen.append(grey)
        if self._on_image is not None:
            self._on_image(len(self.seen))
        if grey == RAISE:
            raise RuntimeError("boom")
        size_wh = (image.shape[1], image.shape[0])
        dark = image[..., 0] < 100
        if not dark.any():
            return Detections.empty(size_wh)
        mask = InstanceMask.from_frame(dark)
        height, width = mask.bits.shape
        return Detections(
            size_wh,
            np.array([[mask.x0, mask.y0, mask.x0 + width, mask.y0 + height]], dtype=np.float32),
            np.array([0.9], dtype=np.float32),
            np.array([0], dtype=np.int64),
            (mask,),
        )


class Plant:
    """A database, a store and a worker's runtime around the engine above."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.store: FrameStore = open_store(str(folder / "frames"), min_free_bytes=0)
        self.events: list[dict[str, Any]] = []
        self.loaded: list[BrightnessDetector] = []
        self.stop = threading.Event()
        self.runtime = self.new_runtime()

    def new_runtime(self, **changes: Any) -> Runtime:
        values: dict[str, Any] = {
            "database": self.database,
            "store": self.store,
            "models": Models(self._load, models_dir=None, budget_bytes=1),
            "judge": judge,
            "publish": lambda *events: self.events.extend(events),
            "settings": WorkerSettings(drain_s=20),
            "pace": Pace(0.5),
            "stop": self.stop,
        }
        return Runtime(**values | changes)

    def _load(self, folder: ModelFolder) -> BrightnessDetector:
        self.loaded.append(BrightnessDetector(folder.classes))
        return self.loaded[-1]

    def camera(self, *, model: str = MODEL, **body: Any) -> int:
        class_rules = {"defect": {"limits": {"count": {"fail": 0}}}}
        with self.database.sessions.begin() as session:
            version = make_recipe_version(
                session,
                body=recipe_body(model=model, classes=class_rules, frames={"max_waiting": 500})
                | body,
            )
            return make_camera(session, make_station(session, recipe=version)).id

    def push(self, camera_id: int, *images: RgbImage | bytes) -> list[int]:
        news = []
        for number, image in enumerate(images):
            data = image if isinstance(image, bytes) else encode_png(image)
            news.append(
                NewAcquisition(
                    camera_id, NOW + timedelta(seconds=number), self.store.put(data, "png")
                )
            )
        with self.database.sessions.begin() as session:
            return [accepted.acquisition_id for accepted in accept(session, news)]

    def verdicts(self) -> list[str]:
        """Verdict or reason of every acquisition, in their order; `waiting` and so on if none."""
        with self.database.reads() as session:
            assert read_ledger(session).consistent
            rows = session.execute(
                select(Acquisition.state, Inspection.verdict, Inspection.reason)
                .outerjoin(Inspection, Inspection.acquisition_id == Acquisition.id)
                .order_by(Acquisition.id)
            )
            return [reason or verdict or state for state, verdict, reason in rows]


def grey(value: int = FINE, *, dark: bool = False) -> RgbImage:
    image = np.full((60, 80, 3), value, dtype=np.uint8)
    if dark:
        image[20:40, 30:50] = 0
    return image


@pytest.fixture
def plant(any_database: Database, tmp_path: Path) -> Plant:
    return Plant(any_database, tmp_path)


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


def test_the_model_stays_warm_from_drain_to_drain(plant: Plant) -> None:
    camera_id = plant.camera()
    for _ in range(3):
        plant.push(camera_id, grey())
        plant.runtime.drain("inspect")
    assert len(plant.loaded) == 1
    assert plant.verdicts() == ["pass"] * 3


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


def test_millimetres_come_from_the_newest_valid_calibration(plant: Plant) -> None:
    class_rules = {"defect": {"limits": {"area_mm2": {"fail": 150}}}}
    camera_id = plant.camera(classes=class_rules)
    plant.push(camera_id, grey(dark=True))
    plant.runtime.drain("inspect")
    with plant.database.sessions.begin() as session:
        station_id = session.scalars(select(Acquisition.station_id)).one()
        for mm_per_px, expires_at in (
            (9.0, None),
            (0.5, None),
            (7.0, utc_now() - timedelta(hours=1)),
        ):
            session.add(
                Calibration(station_id=station_id, mm_per_px=mm_per_px, expires_at=expires_at)
            )
            session.flush()
    plant.push(camera_id, grey(dark=True))
    plant.runtime.drain("inspect")
    # 400 px at 0.5 mm/px are 100 mm², at 9 mm/px they would be 32400.
    assert plant.verdicts() == ["uncalibrated", "pass"]


def test_an_expired_calibration_warns_where_it_would_have_passed(plant: Plant) -> None:
    class_rules = {"defect": {"limits": {"area_mm2": {"fail": 150}}}}
    camera_id = plant.camera(classes=class_rules)
    plant.push(camera_id, grey(dark=True))
    with plant.database.sessions.begin() as session:
        acquisition = session.scalars(select(Acquisition)).one()
        calibration = Calibration(
            station_id=acquisition.station_id,
            mm_per_px=0.5,
            u_mm_per_px=0.005,
            made_at=acquisition.captured_at - timedelta(days=30),
            expires_at=acquisition.captured_at - timedelta(hours=1),
        )
        session.add(calibration)
        session.flush()
        calibration_id = calibration.id
    plant.runtime.drain("inspect")
    with plant.database.reads() as session:
        inspection = session.scalars(select(Inspection)).one()
        assert (inspection.verdict, inspection.calibration_id) == ("warn", calibration_id)
        assert "calibration expired on" in str(inspection.detail)
        area = next(row for row in inspection.findings[0].measurements if row.name == "area")
        # 400 px of 0.5 mm: 2·A·u_s/s is 2 mm², and pixels and edge come on top.
        assert area.verdict == "pass"
        assert area.uncertainty is not None
        assert 2 < area.uncertainty < 15
    # A scale that fails it fails it, expired or not.
    with plant.database.sessions.begin() as session:
        session.get_one(Calibration, calibration_id).mm_per_px = 5.0
    plant.push(camera_id, grey(dark=True))
    plant.runtime.drain("inspect")
    assert plant.verdicts() == ["warn", "fail"]


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


def folder_with_model(folder: Path, name: str) -> Path:
    """A folder of models with one in it: the shipped classical one under another name."""
    manifest = json.loads((find_model(MODEL) / MANIFEST).read_text())
    (folder / name).mkdir(parents=True)
    (folder / name / MANIFEST).write_text(json.dumps(manifest | {"name": name, "files": {}}))
    return folder
