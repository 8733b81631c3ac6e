"""Cameras in the database: unique keys, hidden passwords, states and minute counts."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from db.credentials import BadSourceUrl, SecretBox, join_url
from db.engine import Database
from db.models import Camera, CameraMinute
from db.queries import camera_states, cameras
from inspection.verdicts import CameraState
from tests import factories

_URL = "rtsp://operator:hunter2@10.0.0.5:554/s1"
_MINUTE = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)


@pytest.fixture
def box(tmp_path: Path) -> SecretBox:
    return SecretBox(tmp_path / "secret.key")


def test_a_password_lies_encrypted_and_apart(any_database: Database, box: SecretBox) -> None:
    with any_database.sessions.begin() as session:
        station = factories.make_station(session)
        cameras.add_camera(session, station.id, "door", "rtsp", _URL, box=box)
    with any_database.reads() as session:
        row = session.execute(text("SELECT * FROM camera")).one()
        assert "hunter2" not in repr(tuple(row))
        assert row.source == "rtsp://10.0.0.5:554/s1"
        (spec,) = cameras.cameras_to_run(session)
        assert spec.secret is not None
        assert join_url(spec.source, box.unlock(spec.secret)) == _URL


def test_two_cameras_with_one_key(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        one, two = factories.make_station(session), factories.make_station(session)
        cameras.add_camera(session, one.id, "door", "sample-surfaces")
        with pytest.raises(cameras.CameraExists, match="'door' already") as caught:
            cameras.add_camera(session, two.id, "door", "sample-shelf")
        assert caught.value.key == "door"
    with any_database.reads() as session:
        (only,) = session.scalars(select(Camera)).all()
        assert only.kind == "sample-surfaces"


def test_what_cannot_be_a_camera_is_refused(any_database: Database, box: SecretBox) -> None:
    with any_database.sessions.begin() as session:
        station = factories.make_station(session)
        with pytest.raises(cameras.UnknownKind, match="rtsp"):
            cameras.add_camera(session, station.id, "a", "film")
        with pytest.raises(BadSourceUrl):
            cameras.add_camera(session, station.id, "a", "rtsp", "rtsp://u:hun/ter2@cam/", box=box)
        with pytest.raises(ValueError, match="lop"):
            cameras.add_camera(session, station.id, "a", "file", "x.mp4", options={"lop": True})
        assert session.scalars(select(Camera)).all() == []


def test_only_enabled_cameras_that_are_fetched_run(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        station = factories.make_station(session)
        for key, kind in (("a", "push"), ("b", "sample-shelf"), ("c", "file"), ("d", "rtsp")):
            cameras.add_camera(session, station.id, key, kind, "")
        session.scalars(select(Camera).where(Camera.key == "d")).one().enabled = False
        bare = factories.make_station(session)
        bare.recipe_version_id = None
        cameras.add_camera(session, bare.id, "e", "sample-shelf")
    with any_database.reads() as session:
        specs = cameras.cameras_to_run(session)
        assert [spec.key for spec in specs] == ["b", "c", "e"]
        assert [spec.frames is None for spec in specs] == [False, False, True]
        assert [spec.key for spec in cameras.cameras_to_run(session, ["c", "d"])] == ["c"]


def test_a_state_is_written_once_and_keeps_its_beginning(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        camera_id = factories.make_camera(session, state="online", state_reason="").id
    later = _MINUTE + timedelta(minutes=5)

    def write(state: CameraState, reason: str, since: datetime) -> bool:
        with any_database.sessions.begin() as session:
            return camera_states.write_state(session, camera_id, state, reason, since)

    assert write(CameraState.OFFLINE, f"cannot open {_URL}", _MINUTE)
    assert not write(CameraState.OFFLINE, f"cannot open {_URL}", later)
    assert write(CameraState.OFFLINE, "refused", later)
    with any_database.reads() as session:
        camera = session.get_one(Camera, camera_id)
        assert (camera.state, camera.state_reason) == ("offline", "refused")
        assert camera.state_since == _MINUTE
    write(CameraState.OFFLINE, f"cannot open {_URL}", later)
    with any_database.reads() as session:
        assert session.get_one(Camera, camera_id).state_reason == (
            "cannot open rtsp://***@10.0.0.5:554/s1"
        )


def test_minutes_add_up(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        camera_id = factories.make_camera(session).id
    for count in (3, 4):
        with any_database.sessions.begin() as session:
            counts = {(_MINUTE, "trigger_skipped"): count, (_MINUTE, "database_away"): 1}
            cameras.add_minutes(session, camera_id, counts)
    with any_database.reads() as session:
        rows = session.execute(select(CameraMinute.reason, CameraMinute.count)).all()
    assert dict(rows) == {"trigger_skipped": 7, "database_away": 2}


def test_a_play_goes_on_where_it_was_until_the_source_changes(any_database: Database) -> None:
    started_at = _MINUTE
    with any_database.sessions.begin() as session:
        camera = factories.make_camera(session, kind="file", source="a.mp4", options={})
        assert cameras.begin_play(session, camera.id, started_at) == started_at
        assert cameras.begin_play(session, camera.id, started_at + timedelta(1)) == started_at
        factories.make_acquisition(
            session,
            camera,
            sequence=7,
            captured_at=_MINUTE,
            image_sha256="a" * 64,
            idempotency_key="a.png",
        )
        assert cameras.last_frame(session, camera.id, 1) == cameras.LastFrame(_MINUTE, "a" * 64)
        assert cameras.played_keys(session, camera.id, 1) == {"a.png"}
        camera.next_sequence = 8
        cameras.change_source(session, camera, "file", "b.mp4", options={"loop": True})
        (spec,) = cameras.cameras_to_run(session)
        assert spec.options.loop
        assert spec.state is CameraState.OFFLINE
        assert cameras.last_frame(session, camera.id, spec.options.from_sequence) is None
        assert cameras.begin_play(session, camera.id, started_at + timedelta(1)) > started_at
