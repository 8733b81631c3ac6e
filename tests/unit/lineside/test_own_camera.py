"""One's own camera on the command line, and the sample plant."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db import migrate
from db.credentials import SecretBox
from db.engine import connect
from db.models import Calibration, Camera, Line, Product, RecipeVersion, Shift, Station
from lineside import sample_plant
from lineside.own_camera import OwnCamera, SourceRefused, ensure_camera


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    database = connect(f"sqlite:///{tmp_path / 'lineside.sqlite3'}")
    migrate.upgrade(database.engine)
    with database.sessions() as opened:
        yield opened
    database.dispose()


@pytest.fixture
def box(tmp_path: Path) -> SecretBox:
    return SecretBox(tmp_path / "secret.key")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "Night shift 7.mp4"
    path.write_bytes(b"not looked into yet")
    return path


def count(session: Session, model: type) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


def test_the_sample_plant_is_added_once(session):
    assert sample_plant.seed_if_empty(session)
    assert not sample_plant.seed_if_empty(session)
    kinds = {line.kind: [s.key for s in line.stations] for line in session.scalars(select(Line))}
    assert kinds == {
        "production": [sample_plant.SURFACE_STATION_KEY],
        "shelf": [sample_plant.SHELF_STATION_KEY],
    }
    assert count(session, Shift) == 3
    assert all(station.recipe_version_id for station in session.scalars(select(Station)))
    assert {c.kind for c in session.scalars(select(Camera))} == {"sample-surfaces", "sample-shelf"}
    priced = session.scalars(select(Product).where(Product.rate_per_hour.is_not(None))).all()
    assert priced
    assert all(product.price for product in priced)


def test_it_is_not_added_beside_stations_of_ones_own(session, box, clip):
    ensure_camera(session, OwnCamera.describe(str(clip), "surface-sample"), box)
    assert not sample_plant.seed_if_empty(session)


def test_a_clip_becomes_a_station_with_a_camera(session, box, clip):
    own = OwnCamera.describe(str(clip), "surface-sample", mm_per_px=0.08, fast=True)
    ensure_camera(session, own, box)
    camera = session.scalars(select(Camera)).one()
    assert (camera.key, camera.kind, camera.source) == (own.key, "file", str(clip))
    assert camera.options["fast"] is True
    assert camera.station.name == "Night shift 7"
    assert camera.station.line.kind == "production"
    assert session.scalars(select(Calibration)).one().mm_per_px == 0.08


def test_a_recipe_with_positions_makes_a_shelf(session, box, clip):
    ensure_camera(session, OwnCamera.describe(str(clip), "shelf-sample"), box)
    assert session.scalars(select(Line)).one().kind == "shelf"


def test_the_same_again_goes_on_where_it_was(session, box, clip):
    own = OwnCamera.describe(str(clip), "surface-sample", mm_per_px=0.08)
    ensure_camera(session, own, box)
    camera = session.scalars(select(Camera)).one()
    camera.next_sequence, camera.state = 100, "offline"
    ensure_camera(session, own, box)
    assert camera.options.get("from_sequence", 1) == 1
    for model in (Station, Camera, RecipeVersion, Calibration):
        assert count(session, model) == 1


def test_what_has_ended_plays_again(session, box, clip):
    own = OwnCamera.describe(str(clip), "surface-sample")
    ensure_camera(session, own, box)
    camera = session.scalars(select(Camera)).one()
    camera.next_sequence, camera.state = 100, "ended"
    ensure_camera(session, own, box)
    assert camera.options["from_sequence"] == 100


def test_a_password_is_kept_apart_and_a_new_one_is_taken(session, box):
    for password in ("hunter2", "hunter3"):
        url = f"rtsp://admin:{password}@192.168.1.20:554/stream"
        own = OwnCamera.describe(url, "surface-sample", station_name="Press 4")
        assert password not in repr(own)
        ensure_camera(session, own, box)
        camera = session.scalars(select(Camera)).one()
        assert "hunter" not in camera.source
        assert camera.secret is not None
        assert password in box.unlock(camera.secret)
    assert camera.station.key == "press-4"


def test_two_clips_of_one_name_are_two_stations(session, box, clip, tmp_path):
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / clip.name
    other.write_bytes(b"x")
    for path in (clip, other):
        ensure_camera(session, OwnCamera.describe(str(path), "surface-sample"), box)
    assert count(session, Station) == 2


@pytest.mark.parametrize(
    ("source", "recipe", "expected"),
    [
        ("no-such-file.mp4", "surface-sample", "no-such-file.mp4"),
        ("gopher://host/", "surface-sample", "rtsp"),
        ("sample-surfaces", "no-such-recipe", "no-such-recipe"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(source, recipe, expected):
    with pytest.raises(SourceRefused, match=expected):
        OwnCamera.describe(source, recipe)


def test_a_recipe_of_an_unknown_model_names_its_line(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nmodel: no-such-model\n")
    with pytest.raises(SourceRefused, match=r"mine\.yaml:2: model: got no-such-model"):
        OwnCamera.describe("sample-surfaces", str(path))
