"""Stations, cameras, scales and health in the lab."""

from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from dashboards import DashboardValues, create_app
from dashboards.lab_places import LabPlaces
from db.access import Role
from db.camera_sources import SourceRules
from db.credentials import SecretBox, join_url
from db.engine import Database
from db.frames import FrameStore
from db.heartbeat import Heartbeat
from db.models import Acquisition, Calibration, Camera, CameraShot, Line, Site, Station
from db.queries import camera_shots
from db.queries.people import Grant
from inspection.decode import encode_jpeg
from inspection.drawing.surfaces import draw_surface
from tests import factories
from tests.signed_in import sign_in
from tests.unit.dashboards.conftest import NOW, SAME_SITE, ToldEvents

NASTY = '"><script>alert(1)</script>'
URL = "rtsp://viewer:s3cret-w0rd@camera.example:554/stream"


@pytest.fixture
def app(database: Database, store: FrameStore, events: ToldEvents, tmp_path: Path) -> Flask:
    # Not on this host, as where ingest runs in another container.
    sources = SourceRules((Path("/data"), tmp_path))
    places = LabPlaces((), tmp_path / "secret.key", tmp_path / "run", sources)
    values = DashboardValues(
        database,
        store,
        events,
        "redis://127.0.0.1:1/0",
        b"secret" * 6,
        now=lambda: NOW,
        lab=places,
    )
    return create_app(values)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return from_here(sign_in(app))


def from_here(client: FlaskClient) -> FlaskClient:
    """A client that says, as browsers do, that its forms come from our own pages."""
    client.environ_base |= {
        f"HTTP_{name.upper().replace('-', '_')}": value for name, value in SAME_SITE.items()
    }
    return client


@pytest.fixture
def station(database: Database) -> Station:
    with database.sessions.begin() as session:
        return factories.make_station(session, key="station-a", name="Station A")


def test_a_plant_is_set_up_from_nothing(client: FlaskClient, database: Database) -> None:
    site = {"what": "site", "site-key": "north", "site-name": "North", "site-timezone": "UTC"}
    line = {"what": "line", "line-key": "l1", "line-name": "L 1", "line-site": "north"}
    station = {"what": "station", "station-key": "s1", "station-name": "S", "station-line": "l1"}
    assert client.post("/lab/stations", data=site).status_code == 303
    assert client.post("/lab/stations", data=line | {"line-kind": "shelf"}).status_code == 303
    answer = client.post("/lab/stations", data=station)
    assert answer.headers["Location"] == "/lab/stations/s1"
    assert "none, so that it inspects nothing" in client.get("/lab/stations").text
    edited = client.post("/lab/stations/s1/edit", data={"name": "Bay", "line": "l1"})
    assert edited.status_code == 303
    assert client.post("/lab/lines/l1/edit", data={"name": "Aisle"}).status_code == 303
    assert client.post("/lab/sites/north/edit", data={"name": "Store"}).status_code == 303
    with database.reads() as session:
        names = [session.scalars(select(each.name)).one() for each in (Site, Line, Station)]
    assert names == ["Store", "Aisle", "Bay"]
    assert client.post("/lab/stations/s1/remove").status_code == 303
    assert client.get("/lab/stations/s1").status_code == 404


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("station-key", "1abc", "begin with a letter"),
        ("station-key", "", "got nothing"),
        ("station-key", NASTY, "begin with a letter"),
        ("station-key", "station-a", "one of this key already"),
        ("station-name", "", "expected some text"),
        ("station-name", "x" * 10_000, "at most 200 characters, got 10000"),
        ("station-name", "two\nlines", "one line without control characters"),
    ],
)
def test_what_is_wrong_with_a_station_is_said_and_kept(
    client: FlaskClient, station: Station, database: Database, field: str, value: str, said: str
) -> None:
    with database.reads() as session:
        line = session.scalars(select(Line.key)).one()
    form = {"what": "station", "station-key": "s2", "station-name": "S2", "station-line": line}
    answer = client.post("/lab/stations", data=form | {field: value})
    assert answer.status_code == 400
    assert said in answer.text
    assert NASTY not in answer.text
    if value.isalnum():
        assert f'value="{value}"' in answer.text


def test_who_sees_one_line_adds_stations_to_it_alone(
    app: Flask, database: Database, station: Station
) -> None:
    with database.reads() as session:
        line = session.scalars(select(Line)).one()
        site = session.scalars(select(Site)).one()
    client = from_here(sign_in(app, Grant(Role.ENGINEER, line_id=line.id)))
    form = {"what": "site", "site-key": "x", "site-name": "X", "site-timezone": "UTC"}
    assert client.post("/lab/stations", data=form).status_code == 400
    form = {"what": "line", "line-key": "x", "line-name": "X", "line-kind": "shelf"}
    assert client.post("/lab/stations", data=form | {"line-site": site.key}).status_code == 400
    assert client.post(f"/lab/sites/{site.key}/edit", data={"name": "X"}).status_code == 403
    form = {"what": "station", "station-key": "x", "station-name": "X", "station-line": line.key}
    assert client.post("/lab/stations", data=form).status_code == 303
    with database.sessions.begin() as session:
        other = factories.make_camera(session, key="other-camera", kind="usb")
        shot = camera_shots.ask_for_shot(session, other, "")
        shot.image_key = "ab/c.jpg"
    for path in ("/lab/cameras/other-camera", f"/lab/shots/{shot.id}.jpg"):
        assert client.get(path).status_code == 404
    assert client.post("/lab/cameras/other-camera/shot").status_code == 404
    assert client.post("/lab/cameras/other-camera/enabled").status_code == 404
    assert "other-camera" not in client.get("/lab/cameras").text


def camera_form(**values: str) -> dict[str, str]:
    return {
        "station": "station-a",
        "key": "cam",
        "name": "",
        "kind": "rtsp",
        "source": URL,
    } | values


def test_a_password_goes_in_encrypted_and_never_comes_out(
    client: FlaskClient, database: Database, station: Station, tmp_path: Path
) -> None:
    answer = client.post("/lab/cameras/new", data=camera_form(), follow_redirects=True)
    assert answer.status_code == 200
    assert "rtsp://camera.example:554/stream" in answer.text
    assert "with a password, which is not shown" in answer.text
    pages = [answer.text, client.get("/lab/cameras").text]
    # Saved as it stands there, without its password, it keeps it.
    kept = {"name": "Nave", "kind": "rtsp", "source": "rtsp://camera.example:554/stream"}
    assert client.post("/lab/cameras/cam/edit", data=kept).status_code == 303
    with database.reads() as session:
        camera = session.scalars(select(Camera)).one()
    assert camera.secret is not None
    box = SecretBox(tmp_path / "secret.key")
    assert join_url(camera.source, box.unlock(camera.secret)) == URL
    assert camera.name == "Nave"
    wrong = camera_form(key="two", source="rtsp://u:s3cret-w0rd@h/p@x")
    refused = client.post("/lab/cameras/new", data=wrong)
    assert refused.status_code == 400
    pages += [client.get("/lab/cameras/cam").text]
    assert all("s3cret-w0rd" not in page for page in pages)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"kind": "file", "source": "clip.mp4"}, "expected an absolute path"),
        ({"kind": "file", "source": "/etc/passwd"}, "passwd lies in no folder that cameras may"),
        ({"kind": "folder", "source": "/data/../etc"}, "etc lies in no folder that cameras may"),
        ({"kind": "usb", "source": "/etc/passwd"}, "expected a device such as /dev/video0"),
        ({"source": "http://169.254.169.254/latest"}, "no camera may have"),
        ({"source": "ftp://host/x"}, "expected a URL that begins with"),
        ({"kind": "push"}, "expected nothing for a camera of this kind"),
        ({"kind": NASTY}, "expected one of file, folder"),
        ({"station": "nope"}, "expected one of station-a"),
        ({"key": "camera one"}, "begin with a letter"),
        ({"name": "x" * 10_000}, "at most 200 characters"),
        ({"source": "rtsp://host/" + "x" * 2000}, "at most 1000 characters"),
        ({"kind": "sample-shelf", "source": "", "interval_s": "0"}, "from 0.1 to 3600, got"),
    ],
)
def test_what_is_wrong_with_a_camera_is_said_and_nothing_is_written(
    client: FlaskClient,
    database: Database,
    station: Station,
    values: dict[str, str],
    said: str,
) -> None:
    answer = client.post("/lab/cameras/new", data=camera_form(**values))
    assert answer.status_code == 400
    assert said in answer.text
    assert NASTY not in answer.text
    with database.reads() as session:
        assert not session.scalars(select(Camera)).all()


def test_a_clip_that_is_not_there_is_refused_and_one_that_is_taken(
    client: FlaskClient, station: Station, tmp_path: Path
) -> None:
    clip = tmp_path / "clip.mp4"
    form = camera_form(kind="file", source=str(clip))
    assert "there is no file clip.mp4" in client.post("/lab/cameras/new", data=form).text
    clip.touch()
    folder = client.post("/lab/cameras/new", data=form | {"kind": "folder"})
    assert "there is no folder clip.mp4" in folder.text
    assert client.post("/lab/cameras/new", data=form).status_code == 303


def test_what_the_host_asked_for_may_stay_and_be_played_in_another_way(
    client: FlaskClient, database: Database, station: Station
) -> None:
    elsewhere, options = "/home/ada/clip.mp4", {"from_host": True}
    with database.sessions.begin() as session:
        factories.make_camera(
            session, station, key="own", kind="file", source=elsewhere, options=options
        )
    edit = {"name": "Own", "kind": "file", "source": elsewhere, "loop": "1"}
    assert client.post("/lab/cameras/own/edit", data=edit).status_code == 303
    with database.reads() as session:
        kept = session.scalars(select(Camera)).one().options
    assert kept["from_host"] is kept["loop"] is True
    other = edit | {"source": "/home/ada/secret.key"}
    assert client.post("/lab/cameras/own/edit", data=other).status_code == 400
    stream = edit | {"kind": "rtsp", "source": "rtsp://camera.example/x"}
    assert client.post("/lab/cameras/own/edit", data=stream).status_code == 303
    with database.reads() as session:
        assert "from_host" not in session.scalars(select(Camera)).one().options


def test_a_key_that_is_taken_is_refused(client: FlaskClient, station: Station) -> None:
    form = camera_form(kind="file", source="/data/clip.mp4", loop="1")
    assert client.post("/lab/cameras/new", data=form).status_code == 303
    assert "one of this key" in client.post("/lab/cameras/new", data=form).text


def test_another_source_plays_from_its_start_and_the_same_one_goes_on(
    client: FlaskClient, database: Database, station: Station
) -> None:
    form = camera_form(kind="file", source="/data/clip.mp4", loop="1")
    client.post("/lab/cameras/new", data=form)
    with database.sessions.begin() as session:
        session.scalars(select(Camera)).one().next_sequence = 40
    edit = {"name": "C", "kind": "file", "source": "/data/clip.mp4", "loop": "1"}
    client.post("/lab/cameras/cam/edit", data=edit)
    with database.reads() as session:
        assert "from_sequence" not in session.scalars(select(Camera)).one().options
    for changed in ({"loop": ""}, {"loop": "", "source": "/data/b.mp4"}, {"anew": "1"}):
        assert client.post("/lab/cameras/cam/edit", data=edit | changed).status_code == 303
        with database.sessions.begin() as session:
            camera = session.scalars(select(Camera)).one()
            assert camera.options["from_sequence"] == 40
            camera.options = {"loop": True}
            camera.source = "/data/clip.mp4"


def test_a_camera_is_switched_off_and_on_and_removed(
    client: FlaskClient, database: Database, station: Station, events: ToldEvents
) -> None:
    client.post("/lab/cameras/new", data=camera_form(kind="push", source=""))
    assert client.post("/lab/cameras/cam/remove").status_code == 409
    assert client.post("/lab/cameras/cam/enabled", data={"on": "0"}).status_code == 303
    assert events.told[-1]["state"] == "disabled"
    assert "Switch on" in client.get("/lab/cameras/cam").text
    assert client.post("/lab/cameras/cam/remove").status_code == 303
    assert client.get("/lab/cameras/cam").status_code == 404


def test_a_test_shot_is_asked_for_and_its_answer_shown(
    client: FlaskClient, database: Database, station: Station, store: FrameStore
) -> None:
    client.post("/lab/cameras/new", data=camera_form())
    assert "None was taken yet" in client.get("/lab/cameras/cam").text
    assert client.post("/lab/cameras/cam/shot").status_code == 303
    assert client.post("/lab/cameras/cam/shot").status_code == 303
    with database.reads() as session:
        (shot,) = session.scalars(select(CameraShot))  # the second asking is the same one
    waiting = client.get("/lab/cameras/cam/parts/shot").text
    assert "Ingest opens the camera" in waiting
    assert "/lab/cameras/cam/parts/shot" in waiting
    with database.sessions.begin() as session:
        reason = f"401 at {URL}: {NASTY}"
        assert camera_shots.answer_shot(session, shot.id, reason=reason)
        assert not camera_shots.answer_shot(session, shot.id, reason="late")
    failed = client.get("/lab/cameras/cam/parts/shot").text
    assert "No picture: 401 at rtsp://***@camera.example" in failed
    assert NASTY not in failed
    client.post("/lab/cameras/cam/shot")
    import numpy as np

    drawn = draw_surface(np.random.default_rng(1), (160, 120), [], texture="concrete")
    key = store.put(encode_jpeg(drawn.image_rgb), "jpg").key
    with database.sessions.begin() as session:
        camera_shots.answer_shot(session, shot.id + 1, image_key=key, size_wh=(160, 120))
    page = client.get("/lab/cameras/cam").text
    assert f"/lab/shots/{shot.id + 1}.jpg" in page
    assert client.get(f"/lab/shots/{shot.id + 1}.jpg").data.startswith(b"\xff\xd8")
    assert client.get(f"/lab/shots/{shot.id}.jpg").status_code == 404


def test_a_shot_without_an_answer_says_that_ingest_does_not_run(
    client: FlaskClient, database: Database, station: Station
) -> None:
    client.post("/lab/cameras/new", data=camera_form())
    with database.sessions.begin() as session:
        camera = session.scalars(select(Camera)).one()
        asked_at = NOW - timedelta(seconds=60)
        session.add(CameraShot(camera_id=camera.id, asked_at=asked_at))
    assert "ingest does not run" in client.get("/lab/cameras/cam/parts/shot").text
    client.post("/lab/cameras/cam/shot")
    with database.reads() as session:
        assert len(session.scalars(select(CameraShot)).all()) == 2


def test_frames_that_are_pushed_cannot_be_fetched(client: FlaskClient, station: Station) -> None:
    client.post("/lab/cameras/new", data=camera_form(kind="push", source=""))
    assert "nobody here can fetch one" in client.get("/lab/cameras/cam").text
    assert client.post("/lab/cameras/cam/shot").status_code == 400


@pytest.fixture
def pictured(database: Database, store: FrameStore, station: Station) -> Acquisition:
    """An inspected picture of 640 × 480 px at the station."""
    import numpy as np

    drawn = draw_surface(np.random.default_rng(1), (640, 480), [], texture="concrete")
    image = store.put(encode_jpeg(drawn.image_rgb), "jpg")
    with database.sessions.begin() as session:
        camera = factories.make_camera(session, session.get_one(Station, station.id))
        return factories.decide(session, camera, captured_at=NOW, image=image).acquisition


def test_a_scale_is_drawn_on_a_picture_that_waits_for_its_inspection(
    client: FlaskClient, database: Database, store: FrameStore, station: Station
) -> None:
    import numpy as np

    drawn = draw_surface(np.random.default_rng(1), (640, 480), [], texture="concrete")
    image = store.put(encode_jpeg(drawn.image_rgb), "jpg")
    with database.sessions.begin() as session:
        camera = factories.make_camera(session, session.get_one(Station, station.id))
        factories.make_acquisition(session, camera, image_key=image.key, image_sha256=image.sha256)
    form = {"shape": "25,50 75,50", "length_mm": "32"}
    assert client.post("/lab/stations/station-a/scale", data=form).status_code == 303
    with database.reads() as session:
        made = session.scalars(select(Calibration)).one()
    assert made.mm_per_px == pytest.approx(0.1)


def test_a_drawn_line_of_known_length_is_a_scale(
    client: FlaskClient, database: Database, pictured: Acquisition
) -> None:
    assert f"/images/{pictured.id}" in client.get("/lab/stations/station-a/scale").text
    form = {"shape": "25,50 75,50", "length_mm": "32,0", "u_length_mm": "0.05", "note": "rule"}
    form["expires_on"] = "2027-06-30"
    assert client.post("/lab/stations/station-a/scale", data=form).status_code == 303
    with database.reads() as session:
        made = session.scalars(select(Calibration)).one()
    assert made.mm_per_px == pytest.approx(0.1)
    assert made.u_mm_per_px > 0
    assert made.expires_at is not None
    page = client.get("/lab/stations/station-a").text
    assert "rule" in page
    for wrong, said in (
        ({"shape": "25,50"}, "expected 2 to 2 corners"),
        ({"shape": "25,50 25.1,50"}, "at least 10 px"),
        ({"length_mm": ""}, "expected a number"),
        ({"length_mm": "nan"}, "expected a number"),
        ({"expires_on": "soon"}, "expected a day such as"),
        ({"expires_on": "2020-01-01"}, "expected a day to come"),
        ({"note": "x" * 10_000}, "at most 300 characters"),
    ):
        refused = client.post("/lab/stations/station-a/scale", data=form | wrong)
        assert refused.status_code == 400
        assert said in refused.text


def test_health_shows_who_beats_what_waits_and_what_failed(
    client: FlaskClient, database: Database, pictured: Acquisition, tmp_path: Path
) -> None:
    Heartbeat(tmp_path / "run", "sweeper")()
    with database.sessions.begin() as session:
        camera = session.get_one(Camera, pictured.camera_id)
        factories.make_acquisition(session, camera, state="waiting")
        dead = factories.make_acquisition(
            session,
            camera,
            image_key=pictured.image_key,
            image_sha256=pictured.image_sha256,
            state="done",
        )
        factories.decide(
            session,
            camera,
            "not_inspected",
            acquisition=dead,
            captured_at=NOW,
            reason="failed",
            detail=f"engine: {NASTY}",
        )
        dead.captured_at = NOW
    page = client.get("/lab/health").text
    assert "alive" in page
    assert "does not answer" in page  # Redis
    assert f'value="{dead.id}"' in page
    assert NASTY not in page
    assert client.post("/lab/health/resend", data={"acquisition": str(dead.id)}).status_code == 303
    with database.reads() as session:
        again = session.scalars(select(Acquisition).where(Acquisition.parent_id == dead.id)).one()
    assert again.state == "waiting"
    assert "was sent again" in client.get("/lab/health/parts/now").text
    refused = client.post("/lab/health/resend", data={"acquisition": str(pictured.id)})
    assert refused.status_code == 409


def test_another_lines_frames_are_not_sent_again(
    app: Flask, database: Database, pictured: Acquisition
) -> None:
    with database.sessions.begin() as session:
        line = factories.make_line(session)
    client = from_here(sign_in(app, Grant(Role.ENGINEER, line_id=line.id)))
    refused = client.post("/lab/health/resend", data={"acquisition": str(pictured.id)})
    assert "there is none of that id" in refused.text
    assert "Station A" not in client.get("/lab/health").text
    for path in (
        f"/lab/recipes/x/regions?acquisition={pictured.id}",
        f"/lab/stations/station-a/scale?acquisition={pictured.id}",
    ):
        assert client.get(path).status_code == 404
