"""Test shots by ingest: a picture, or why there is none, within a time; nothing is acquired."""

import multiprocessing
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from db import migrate
from db.credentials import SecretBox
from db.engine import Database, connect
from db.frames import open_store
from db.models import Acquisition, CameraShot
from db.queries import camera_shots, cameras
from inspection.decode import decode_image
from services.ingest.camera_process import Surroundings
from services.ingest.shots import Shots
from tests import factories
from tests.servers import wait_until
from tests.unit.services.ingest.clips import write_clip

_PATIENCE_S = 60.0


class _Lab:
    """A database with cameras, and the part of ingest that takes test shots."""

    def __init__(self, database: Database, url: str, folder: Path, taking_s: float) -> None:
        self.database, self.folder = database, folder
        self.surroundings = Surroundings(
            database_url=url,
            frame_store_url=str(folder / "frames"),
            min_free_bytes=0,
            redis_url="redis://127.0.0.1:1/0",
            secret_key_path=folder / "secret.key",
        )
        context = multiprocessing.get_context("spawn")
        self.shots = Shots(database, self.surroundings, context, taking_s=taking_s)

    def ask(self, kind: str, source: str) -> int:
        box = SecretBox(self.folder / "secret.key")
        with self.database.sessions.begin() as session:
            # A station without a recipe: a camera can be tried before it is ever run.
            station = factories.make_station(session)
            station.recipe_version_id = None
            key = f"camera-{station.id}"
            camera = cameras.add_camera(session, station.id, key, kind, source, box=box)
            return camera_shots.ask_for_shot(session, camera, "Ada").id

    def answer(self, shot_id: int) -> CameraShot:
        def answered() -> bool:
            self.shots.tend()
            return self.shot(shot_id).state in ("done", "failed")

        wait_until(answered, _PATIENCE_S, "the shot is answered")
        return self.shot(shot_id)

    def shot(self, shot_id: int) -> CameraShot:
        with self.database.reads() as session:
            return session.get_one(CameraShot, shot_id)


@pytest.fixture
def lab(any_database: Database, any_database_url: str, tmp_path: Path) -> Iterator[_Lab]:
    lab = _Lab(any_database, any_database_url, tmp_path, 60)
    yield lab
    lab.shots.close()


def test_a_clip_gives_its_first_picture_and_nothing_is_acquired(lab: _Lab, tmp_path: Path) -> None:
    asked = lab.ask("file", str(write_clip(tmp_path / "clip.mp4", 3)))
    missing = lab.ask("file", str(tmp_path / "nothing.mp4"))
    shot = lab.answer(asked)
    assert (shot.image_width_px, shot.image_height_px, shot.reason) == (160, 120, "")
    assert shot.image_key is not None
    data = open_store(lab.surroundings.frame_store_url).get(shot.image_key)
    assert decode_image(data).shape == (120, 160, 3)
    assert lab.answer(missing).reason.startswith("there is no file")
    with lab.database.reads() as session:
        assert session.scalars(select(Acquisition)).all() == []


def test_a_camera_that_says_nothing_is_given_up_and_its_password_not_told(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'lineside.sqlite3'}"
    database = connect(url)
    migrate.upgrade(database.engine)
    lab = _Lab(database, url, tmp_path, 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        shot_id = lab.ask("rtsp", f"rtsp://u:s3cret@127.0.0.1:{silent.getsockname()[1]}/x")
        shot = lab.answer(shot_id)
    assert shot.state == "failed"
    assert "no picture within" in shot.reason
    assert "s3cret" not in shot.reason
    database.dispose()


def test_what_is_under_way_when_ingest_stops_is_answered(lab: _Lab, tmp_path: Path) -> None:
    shot_id = lab.ask("folder", str(tmp_path))
    lab.shots.tend()
    lab.shots.close()
    assert lab.shot(shot_id).state in ("done", "failed")
