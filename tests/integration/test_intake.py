"""From a frame to its row: order, holds, a full disk, and a database that goes away."""

import errno
import os
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psycopg
import pytest
from sqlalchemy import event, func, make_url, select, update
from sqlalchemy.exc import OperationalError

from db.engine import Database
from db.frames import FrameStore, open_store
from db.models import Acquisition, Camera, Inspection, Part
from inspection.decode import ReducedImage, decode_reduced
from inspection.recipe import FramePolicy
from inspection.verdicts import CameraState, Reason
from services.ingest.frame import Pulse
from services.ingest.health import Health, MinuteCounts
from services.ingest.intake import Intake, Wanted
from services.ingest.pace import Pace
from tests import factories
from tests.servers import wait_until
from tests.unit.services.ingest.frames import picture

# SQLite is a file: it does not go away.
_ON_POSTGRES = pytest.mark.parametrize(
    "any_database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
_START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


class _CountingBell:
    def __init__(self) -> None:
        self.rung: list[str] = []

    def ring(self, queue: str) -> None:
        self.rung.append(queue)


class _Station:
    """A camera with an intake of its own on a real database and store."""

    def __init__(self, database: Database, folder: Path, **policy: Any) -> None:
        self.database = database
        self.store = open_store(str(folder / "frames"), min_free_bytes=0)
        self.policy = FramePolicy.model_validate(policy)
        body = factories.recipe_body(frames=self.policy.model_dump(mode="json"))
        with database.sessions.begin() as session:
            recipe = factories.make_recipe_version(session, body=body)
            station = factories.make_station(session, recipe=recipe)
            self.camera_id = factories.make_camera(session, station, kind="file").id
        self.health, self.minutes, self.bell = Health(), MinuteCounts(), _CountingBell()
        self.health.online()
        self.pulse = Pulse(lambda: None)
        self.intake: Intake | None = None

    def start(self, store: FrameStore | None = None, preview_px: int | None = None) -> Intake:
        with self.database.reads() as session:
            next_sequence = session.get_one(Camera, self.camera_id).next_sequence
        self.intake = Intake(
            self.database,
            store or self.store,
            self.bell,
            camera_id=self.camera_id,
            next_sequence=next_sequence,
            frames=self.policy,
            health=self.health,
            minutes=self.minutes,
            pace=Pace(),
            preview_px=preview_px,
        )
        return self.intake

    def offer(self, numbers: range, *, waits: bool = True, key: str | None = None) -> list[bool]:
        assert self.intake is not None
        return [
            self.intake.offer(
                Wanted(_START + timedelta(seconds=number), picture(number), key=key),
                self.pulse,
                waits=waits,
            )
            for number in numbers
        ]

    def rows(self) -> list[Acquisition]:
        with self.database.reads() as session:
            wanted = select(Acquisition).where(Acquisition.camera_id == self.camera_id)
            return list(session.scalars(wanted.order_by(Acquisition.sequence)))

    def seconds(self) -> list[int]:
        """The frames that have rows, by their numbers."""
        return [round((row.captured_at - _START).total_seconds()) for row in self.rows()]

    def said(self) -> str:
        return self.health.condition().reason

    def counted(self, reason: str) -> int:
        return sum(n for (_, why), n in self.minutes.snapshot().items() if why == reason)

    def inspect_all(self) -> None:
        """What a worker does to make room."""
        with self.database.sessions.begin() as session:
            session.execute(update(Acquisition).values(state="done"))


@pytest.fixture
def make_station(any_database: Database, tmp_path: Path) -> Iterator[Callable[..., _Station]]:
    made: list[_Station] = []

    def make(**policy: Any) -> _Station:
        made.append(_Station(any_database, tmp_path, **policy))
        return made[-1]

    yield make
    for station in made:
        station.pulse.stop()
        if station.intake is not None:
            station.intake.close(0)


def test_the_part_that_a_frame_shows_is_that_of_its_row(
    make_station: Callable[..., _Station],
) -> None:
    station = make_station()
    intake = station.start()
    for number, part in enumerate(("A-1", "A-2", "A-2", None)):
        at = _START + timedelta(seconds=number)
        intake.offer(Wanted(at, picture(number), part=part), station.pulse, waits=True)
    assert intake.close(10)
    with station.database.reads() as session:
        serials = select(Part.serial).where(Part.id == Acquisition.part_id).scalar_subquery()
        found = session.scalars(select(serials).select_from(Acquisition).order_by(Acquisition.id))
        assert list(found) == ["A-1", "A-2", "A-2", None]


def test_frames_become_rows_in_order_and_the_bell_rings(
    make_station: Callable[..., _Station],
) -> None:
    station = make_station(jpeg_quality=90)
    intake = station.start()
    assert all(station.offer(range(30)))
    assert intake.close(10)
    rows = station.rows()
    assert [row.sequence for row in rows] == list(range(1, 31))
    assert station.seconds() == list(range(30))
    assert set(station.bell.rung) == {"inspect"}
    key = rows[4].image_key
    assert key is not None
    stored = cv2.imdecode(np.frombuffer(station.store.get(key), np.uint8), cv2.IMREAD_COLOR)
    assert stored is not None
    assert np.abs(stored.astype(int) - picture(4)).mean() < 2


def test_a_camera_puts_a_copy_for_its_model_into_the_file(
    make_station: Callable[..., _Station],
) -> None:
    station = make_station()
    intake = station.start(preview_px=48)
    station.offer(range(1))
    file = station.store.get(station.rows()[0].image_key or "") if intake.close(10) else b""
    seen = decode_reduced(file, 48, preview="trusted")
    assert isinstance(seen, ReducedImage)
    height, width = picture(0).shape[:2]
    assert seen.size_wh == (width, height)
    assert max(seen.rgb.shape) == 48
    small = cv2.resize(picture(0), seen.rgb.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(seen.rgb[..., ::-1].astype(int) - small).mean() < 3
    assert station.rows()[0].image_is_own


def test_a_file_that_came_as_such_is_nobodys_own(make_station: Callable[..., _Station]) -> None:
    station = make_station()
    intake = station.start(preview_px=48)
    done, data = cv2.imencode(".jpg", picture(0))
    assert done
    intake.offer(Wanted(_START, encoded=(data.tobytes(), "jpg")), station.pulse, waits=True)
    assert intake.close(10)
    (row,) = station.rows()
    assert not row.image_is_own
    assert station.store.get(row.image_key or "") == data.tobytes()


def test_png_keeps_every_pixel(make_station: Callable[..., _Station]) -> None:
    station = make_station(format="png")
    intake = station.start()
    station.offer(range(1))
    intake.close(10)
    (row,) = station.rows()
    assert row.image_key is not None
    assert row.image_key.endswith(".png")
    data = np.frombuffer(station.store.get(row.image_key), np.uint8)
    assert np.array_equal(cv2.imdecode(data, cv2.IMREAD_COLOR), picture(0))


def test_a_source_that_can_wait_is_held_and_says_so(make_station: Callable[..., _Station]) -> None:
    station = make_station(policy="every", max_waiting=3)
    station.start()
    offering = threading.Thread(target=station.offer, args=(range(60),))
    offering.start()
    wait_until(lambda: "holding" in station.said(), 10, "the camera says that it holds")
    assert station.said() == "holding: 3 frames wait to be inspected"
    assert station.health.condition().state is CameraState.DEGRADED
    assert station.seconds() == [0, 1, 2]
    # Again and again, since what was just made may be filled before anybody has looked.
    wait_until(lambda: (station.inspect_all(), len(station.rows()) == 60)[1], 30, "all have rows")
    offering.join(10)
    assert station.seconds() == list(range(60))
    wait_until(lambda: station.said() == "frames arrive", 10, "the hold is over")
    assert station.counted("held") == 0


def test_a_live_source_goes_on_and_what_it_loses_is_counted(
    make_station: Callable[..., _Station],
) -> None:
    station = make_station(policy="every", max_waiting=1)
    intake = station.start()
    station.offer(range(2))
    wait_until(lambda: "holding" in station.said(), 10, "the camera says that it holds")
    taken = station.offer(range(2, 100), waits=False)
    lost = taken.count(False)
    assert lost > 20
    assert station.counted("held") == lost
    wait_until(lambda: (station.inspect_all(), intake.idle())[1], 20, "what was taken has rows")
    assert len(station.rows()) + lost == 100


def test_a_full_disk_gives_rows_without_images(
    make_station: Callable[..., _Station], monkeypatch: pytest.MonkeyPatch
) -> None:
    station = make_station()
    intake = station.start()
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", _no_space)
        station.offer(range(2))
        wait_until(intake.idle, 10, "the frames have rows")
    assert "full" in station.said()
    assert station.health.condition().state is CameraState.DEGRADED
    station.offer(range(2, 3))
    wait_until(intake.idle, 10, "the third frame has a row")
    assert station.said() == "frames arrive"
    assert [row.image_key is None for row in station.rows()] == [True, True, False]
    assert [row.state for row in station.rows()] == ["done", "done", "waiting"]
    with station.database.reads() as session:
        reasons = session.scalars(select(Inspection.reason)).all()
    assert reasons == [Reason.STORAGE_FULL.value] * 2


def _no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_commit_whose_answer_is_lost_is_not_repeated(
    make_station: Callable[..., _Station],
) -> None:
    station = make_station()
    lost = threading.Event()

    def lose_answer(_: object) -> None:
        if not lost.is_set():
            lost.set()
            raise OperationalError("COMMIT", None, Exception("the connection was lost"))

    intake = station.start()
    event.listen(station.database.sessions, "after_commit", lose_answer)
    station.offer(range(3))
    wait_until(intake.idle, 10, "the frames have rows")
    assert lost.is_set()
    assert station.seconds() == [0, 1, 2]
    assert station.said() == "frames arrive"


def test_a_key_that_comes_again_with_another_image_still_is_an_acquisition(
    make_station: Callable[..., _Station],
) -> None:
    station = make_station()
    intake = station.start()
    station.offer(range(1), key="a")
    wait_until(intake.idle, 10, "the first has a row")
    station.offer(range(1, 2), key="a")
    wait_until(intake.idle, 10, "the second has a row")
    assert [row.idempotency_key for row in station.rows()] == ["a", None]
    assert not intake.failed


@pytest.fixture
def away(any_database: Database) -> Iterator[Callable[[bool], None]]:
    """Sends a PostgreSQL database away and fetches it back."""
    url = make_url(any_database.engine.url)
    name = str(url.database)
    maintenance = url.set(drivername="postgresql", database="postgres")

    def send(gone: bool) -> None:
        target = maintenance.render_as_string(hide_password=False)
        with psycopg.connect(target, autocommit=True) as connection:
            allowed = "false" if gone else "true"
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {allowed}'.encode())
            if gone:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                    [name],
                )

    yield send
    send(False)


@_ON_POSTGRES
def test_while_the_database_is_away_files_are_held(
    make_station: Callable[..., _Station], away: Callable[[bool], None]
) -> None:
    station = make_station(max_waiting=1000)
    intake = station.start()
    station.offer(range(3))
    wait_until(intake.idle, 10, "the first frames have rows")
    away(True)
    offering = threading.Thread(target=station.offer, args=(range(3, 60),))
    offering.start()
    wait_until(lambda: station.said() == "the database is away", 10, "the camera says so")
    away(False)
    offering.join(20)
    wait_until(intake.idle, 20, "the rest has rows")
    assert station.seconds() == list(range(60))
    assert station.said() == "frames arrive"


@_ON_POSTGRES
def test_while_the_database_is_away_live_frames_are_counted(
    make_station: Callable[..., _Station], away: Callable[[bool], None]
) -> None:
    station = make_station(max_waiting=1000)
    intake = station.start()
    away(True)
    station.offer(range(1))
    wait_until(lambda: station.said() == "the database is away", 10, "the camera says so")
    taken = station.offer(range(1, 100), waits=False)
    assert station.counted("database_away") == taken.count(False) > 20
    away(False)
    wait_until(intake.idle, 20, "what was taken has rows")
    with station.database.reads() as session:
        assert session.scalar(select(func.count(Acquisition.id))) == 1 + taken.count(True)
