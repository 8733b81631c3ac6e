"""The lab's pages of watching and of shadows."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from db.engine import Database
from db.frames import FrameStore
from db.models import Camera, Shadow, StationHold, StationReference
from db.queries import station_checks
from inspection.decode import encode_png
from tests import factories
from tests.unit.dashboards.conftest import NOW, SAME_SITE, ToldEvents


@pytest.fixture
def camera(database: Database, store: FrameStore) -> int:
    image = store.put(encode_png(np.full((40, 60, 3), 120, np.uint8)), "png")
    with database.sessions.begin() as session:
        station = factories.make_station(session, key="st", name="Press")
        camera = factories.make_camera(session, station, name="Top camera")
        factories.make_watched(session, camera, 20, until=NOW, image=image)
        return camera.id


def send(client: FlaskClient, path: str, **form: str) -> Any:
    return client.post(path, data=form, headers=SAME_SITE)


def test_who_says_all_was_well_gets_a_reference_and_then_charts(
    client: FlaskClient, database: Database, store: FrameStore, camera: int
) -> None:
    assert "There is no reference yet" in client.get("/lab/watching/st").text
    assert send(client, "/lab/watching/st/reference", hours="4").status_code == 303
    with database.sessions.begin() as session:
        reference = session.scalars(select(StationReference)).one()
        assert (reference.images, reference.made_by) != (0, "")
        row = session.get_one(Camera, camera)
        image = store.put(encode_png(np.full((40, 60, 3), 9, np.uint8)), "png")
        later = NOW + timedelta(minutes=40)
        factories.make_watched(session, row, 16, until=later, image=image, focus=2.0)
        station_checks.run_checks(session, later)
    page = client.get("/lab/watching/st").text
    assert page.count('<svg class="chart"') >= 8
    assert 'Self-check: focus <span class="stands is-alarm">alarm' in page
    assert 'Self-check: light <span class="stands is-ok">' in page
    assert "The reference of Top camera" in page
    assert "alarm" in client.get("/lab/watching").text


def test_too_few_pictures_make_no_reference(
    client: FlaskClient, database: Database, camera: int
) -> None:
    with database.sessions.begin() as session:
        other = factories.make_station(session, key="other")
        factories.make_camera(session, other)
    answer = send(client, "/lab/watching/other/reference", hours="1")
    assert answer.status_code == 409
    assert "0 pictures were watched" in answer.text
    assert send(client, "/lab/watching/st/reference", hours="7").status_code == 400


def test_a_station_is_held_and_released_with_a_word(
    client: FlaskClient, database: Database, events: ToldEvents, camera: int
) -> None:
    path = "/lab/watching/st/hold"
    assert send(client, path, reason=" ").status_code == 409
    assert send(client, path, reason="camera was hit").status_code == 303
    assert "ON HOLD" in client.get("/lab/watching").text
    assert send(client, path, reason="again").status_code == 409
    assert send(client, path, word="").status_code == 409
    assert send(client, path, word="set again").status_code == 303
    with database.reads() as session:
        (hold,) = session.scalars(select(StationHold))
        assert (hold.reason, hold.word) == ("camera was hit", "set again")
        assert hold.by == hold.ended_by != ""
    assert [told["type"] for told in events.told] == ["station", "station"]


def test_a_shadow_is_shown_by_the_hour_and_ended(
    client: FlaskClient, database: Database, camera: int
) -> None:
    with database.sessions.begin() as session:
        inspection = factories.decide(session, session.get_one(Camera, camera), "fail")
        shadow_id = factories.make_shadow(session, inspection).id
    page = client.get(f"/lab/shadows/{shadow_id}").text
    assert "100 %" in page
    assert "In the review queue" in page
    assert f"/lab/shadows/{shadow_id}" in client.get("/lab/shadows").text
    assert send(client, f"/lab/shadows/{shadow_id}/end").status_code == 303
    assert "Has ended" in client.get(f"/lab/shadows/{shadow_id}").text


def test_a_shadow_that_cannot_be_started_says_why(
    client: FlaskClient, database: Database, camera: int
) -> None:
    with database.sessions.begin() as session:
        inspection = factories.decide(session, session.get_one(Camera, camera), "fail")
        model = factories.make_shadow(session, inspection).model.name
    form = {"station": "st", "model": model, "percent": "100"}
    answer = send(client, "/lab/shadows", **form)
    assert answer.status_code == 409
    assert "runs at st already" in answer.text
    assert send(client, "/lab/shadows", **form | {"percent": "0.5"}).status_code == 409
    assert send(client, "/lab/shadows", **form | {"station": "none"}).status_code == 404
    with database.reads() as session:
        assert len(session.scalars(select(Shadow)).all()) == 1
