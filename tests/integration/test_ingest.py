"""`lineside ingest` as real processes on real streams, servers that are none, and files."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import psutil
import pytest
from sqlalchemy import select

from db import migrate
from db.credentials import SecretBox
from db.engine import connect
from db.models import Acquisition, Camera, Inspection
from db.queries import cameras
from tests import factories
from tests.integration import streams
from tests.integration.streams import IngestProcess
from tests.servers import RedisServer, wait_until
from tests.unit.services.ingest.clips import write_clip
from tests.unit.services.ingest.frames import picture

_PATIENCE_S = 90.0  # waits end when what they wait for is there; a host may be busy


class _Plant:
    """A data folder with cameras, and `lineside ingest` on it."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        folder.mkdir()
        self.folder = folder
        self.database = connect(f"sqlite:///{folder / 'lineside.sqlite3'}")
        migrate.upgrade(self.database.engine)
        self.ingest = IngestProcess(folder, redis_url)

    def add(self, key: str, kind: str, source: str, *, frames: Any = None, **options: Any) -> int:
        body = factories.recipe_body(frames=frames or {"policy": "latest", "max_waiting": 1000})
        with self.database.sessions.begin() as session:
            recipe = factories.make_recipe_version(session, body=body)
            station = factories.make_station(session, recipe=recipe)
            box = SecretBox(self.folder / "secret.key")
            camera = cameras.add_camera(
                session, station.id, key, kind, source, box=box, options=options
            )
            return camera.id

    def camera(self, camera_id: int) -> Camera:
        with self.database.reads() as session:
            return session.get_one(Camera, camera_id)

    def rows(self, camera_id: int) -> list[Acquisition]:
        with self.database.reads() as session:
            wanted = select(Acquisition).where(Acquisition.camera_id == camera_id)
            return list(session.scalars(wanted.order_by(Acquisition.sequence)))

    def reasons(self, camera_id: int) -> set[str | None]:
        with self.database.reads() as session:
            wanted = select(Inspection.reason).where(Inspection.camera_id == camera_id)
            return set(session.scalars(wanted))

    def wait_for(self, camera_id: int, state: str, timeout_s: float = _PATIENCE_S) -> Camera:
        wait_until(
            lambda: self.camera(camera_id).state == state,
            timeout_s,
            f"camera {camera_id} is {state}; it is {self.camera(camera_id).state}",
        )
        return self.camera(camera_id)

    def wait_for_rows(self, camera_id: int, count: int, timeout_s: float = _PATIENCE_S) -> None:
        wait_until(lambda: len(self.rows(camera_id)) >= count, timeout_s, f"{count} acquisitions")


@pytest.fixture
def plant(tmp_path: Path, redis_server: RedisServer) -> Iterator[_Plant]:
    made = _Plant(tmp_path / "var", redis_server.url)
    yield made
    made.ingest.stop()
    made.database.dispose()


@pytest.mark.rtsp
def test_a_stream_that_is_killed_goes_offline_and_on_when_it_is_back(plant: _Plant) -> None:
    secret = "hunter2-Q7"
    with streams.running_rtsp("--user", "operator", "--password", secret) as server:
        camera_id = plant.add("door", "rtsp", server.url(f"operator:{secret}"))
        plant.ingest.start()
        plant.wait_for(camera_id, "online")
        plant.wait_for_rows(camera_id, 5)
        server.kill()
        camera = plant.wait_for(camera_id, "offline")
        assert camera.state_reason
        before = len(plant.rows(camera_id))
        server.start()
        plant.wait_for(camera_id, "online", 150)
        plant.wait_for_rows(camera_id, before + 5)
        rows = plant.rows(camera_id)
        assert [row.sequence for row in rows] == list(range(1, len(rows) + 1))
        wait_until(
            lambda: plant.camera(camera_id).interval_s, _PATIENCE_S, "the interval is measured"
        )
    plant.ingest.stop()
    plant.database.dispose()
    places = [path for path in plant.folder.iterdir() if path.is_file()]
    assert plant.ingest.log_path in places
    for path in places:
        assert secret.encode() not in path.read_bytes(), path.name


@pytest.mark.rtsp
def test_a_wrong_password_and_a_wrong_path_are_told_apart(plant: _Plant) -> None:
    with (
        streams.running_rtsp("--user", "operator", "--password", "right-Q7") as locked,
        streams.running_rtsp() as open_server,
    ):
        wrong = plant.add("a", "rtsp", locked.url("operator:wrong-Q7"))
        lost = plant.add("b", "rtsp", open_server.url().replace("/stream", "/nothing"))
        plant.ingest.start()
        for camera_id, said in ((wrong, "401"), (lost, "404")):
            wait_until(
                lambda camera_id=camera_id, said=said: said in plant.camera(camera_id).state_reason,
                _PATIENCE_S,
                f"the camera says {said}",
            )
    assert "wrong-Q7" not in plant.ingest.log()


@pytest.mark.rtsp
def test_black_and_frozen_streams_are_degraded_and_their_frames_not_inspected(
    plant: _Plant,
) -> None:
    with (
        streams.running_rtsp("--pattern", "black") as black,
        # A still picture: the encoder turns it into a cycle of a few, which repeat for ever.
        streams.running_rtsp("--pattern", "pinwheel") as frozen,
    ):
        blind_id = plant.add("black", "rtsp", black.url())
        frozen_id = plant.add("frozen", "rtsp", frozen.url())
        plant.ingest.start()
        for camera_id, reason, said in (
            (blind_id, "blind", "black"),
            (frozen_id, "frozen", "repeats"),
        ):
            camera = plant.wait_for(camera_id, "degraded")
            assert said in camera.state_reason
            wait_until(
                lambda camera_id=camera_id, reason=reason: reason in plant.reasons(camera_id),
                _PATIENCE_S,
                f"a frame is refused as {reason}",
            )


def test_servers_that_refuse_hang_or_send_garbage_stop_nobody_else(
    plant: _Plant, tmp_path: Path
) -> None:
    clip = write_clip(tmp_path / "a.mp4", 8)
    with (
        streams.fake_server(streams.say_nothing) as silent,
        streams.fake_server(streams.send_garbage) as garbage,
    ):
        expected = {
            plant.add("refuses", "rtsp", f"rtsp://u:hunter2@127.0.0.1:{streams.free_port()}/s"): (
                "refuses the connection"
            ),
            plant.add("hangs", "rtsp", f"rtsp://u:hunter2@127.0.0.1:{silent}/s"): "says nothing",
            plant.add("garbage", "rtsp", f"rtsp://127.0.0.1:{garbage}/s"): "not RTSP",
            plant.add("no-host", "rtsp", "rtsp://camera.invalid/s"): "there is no host",
            plant.add("metadata", "rtsp", "http://169.254.169.254/latest"): "no camera may have",
            plant.add("secrets", "file", "/etc/hostname"): "hostname lies in no folder",
            plant.add("no-frames", "file", str(tmp_path / "empty.mp4")): "without frames",
        }
        (tmp_path / "empty.mp4").touch()
        good = plant.add("good", "file", str(clip), fast=True)
        plant.ingest.start()
        for camera_id, said in expected.items():
            wait_until(
                lambda camera_id=camera_id, said=said: said in plant.camera(camera_id).state_reason,
                _PATIENCE_S,
                f"a camera says {said!r}, not {plant.camera(camera_id).state_reason!r}",
            )
            assert plant.camera(camera_id).state == "offline"
        plant.wait_for(good, "ended")
        assert len(plant.rows(good)) == 8
    assert "hunter2" not in plant.ingest.log()


def test_a_watched_folder_and_cameras_that_come_and_go(plant: _Plant, tmp_path: Path) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    plant.ingest.start()
    camera_id = plant.add("drop", "folder", str(folder), watch=True)
    for number in range(3):
        cv2.imwrite(str(folder / f"{number}.png"), picture(number))
    plant.wait_for_rows(camera_id, 3)
    plant.wait_for(camera_id, "online")
    stored = plant.folder / "frames" / str(plant.rows(camera_id)[0].image_key)
    assert stored.read_bytes() == (folder / "0.png").read_bytes()
    with plant.database.sessions.begin() as session:
        session.get_one(Camera, camera_id).enabled = False
    plant.wait_for(camera_id, "disabled")
    wait_until(lambda: not _cameras(plant), _PATIENCE_S, "its process ends")


def test_a_kill_in_mid_clip_loses_and_repeats_no_frame(plant: _Plant, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", 40, fps=10, size_wh=(1280, 96))
    camera_id = plant.add("clip", "file", str(clip))
    plant.ingest.start()
    plant.wait_for_rows(camera_id, 10)
    children = _cameras(plant)
    assert len(children) == 1
    plant.ingest.send(signal.SIGKILL)
    # Nobody is left who would write on.
    wait_until(lambda: not any(map(_lives, children)), _PATIENCE_S, "the camera's process ends too")
    assert len(plant.rows(camera_id)) < 40
    plant.ingest.start()
    plant.wait_for(camera_id, "ended")
    rows = plant.rows(camera_id)
    first = rows[0].captured_at
    assert [round((row.captured_at - first).total_seconds(), 1) for row in rows] == [
        n / 10 for n in range(40)
    ]


def test_a_camera_process_that_hangs_is_killed_and_started_anew(plant: _Plant) -> None:
    camera_id = plant.add("sample", "sample-surfaces", "", interval_s=0.3, size_wh=(96, 96))
    plant.ingest.start()
    plant.wait_for(camera_id, "online")
    (child,) = _cameras(plant)
    child.suspend()
    camera = plant.wait_for(camera_id, "offline")
    assert "no sign of life" in camera.state_reason
    plant.wait_for(camera_id, "online")
    assert not _lives(child)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ingest_ends_quietly_with_all_its_processes(plant: _Plant, number: signal.Signals) -> None:
    camera_id = plant.add("sample", "sample-surfaces", "", interval_s=0.3, size_wh=(96, 96))
    with streams.fake_server(streams.say_nothing) as silent:
        plant.add("hangs", "rtsp", f"rtsp://127.0.0.1:{silent}/s")
        plant.ingest.start()
        plant.wait_for(camera_id, "online")
        family = psutil.Process(plant.ingest.pid).children(recursive=True)
        assert plant.ingest.send(number) == 0
    wait_until(lambda: not any(map(_lives, family)), _PATIENCE_S, "no process is left")
    assert "Traceback" not in plant.ingest.log()
    assert plant.camera(camera_id).state_reason == "ingest is stopped"


def _cameras(plant: _Plant) -> list[psutil.Process]:
    """The processes of cameras."""
    children = psutil.Process(plant.ingest.pid).children()
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def _lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
