from datetime import timedelta

from flask.testing import FlaskClient

from db.base import utc_now
from db.engine import Database
from tests import factories


def test_quality_is_of_images_and_of_parts(client: FlaskClient, database: Database) -> None:
    now = utc_now()
    with database.sessions.begin() as session:
        camera = factories.make_camera(session)
        part = factories.make_part(session)
        for age_s, verdict in ((30, "fail"), (20, "pass"), (10, "not_inspected")):
            acquisition = factories.make_acquisition(
                session, camera, part_id=part.id, captured_at=now - timedelta(seconds=age_s)
            )
            factories.decide(session, verdict=verdict, acquisition=acquisition)
        other = factories.make_part(session)
        acquisition = factories.make_acquisition(session, camera, part_id=other.id)
        factories.decide(session, acquisition=acquisition)
        key = camera.station.key
    found = client.get(f"/api/v1/stations/{key}/quality").json
    assert found.pop("since") < found.pop("now")
    assert found == {
        "shift": None,
        "passed": 2,
        "warned": 0,
        "failed": 1,
        "not_inspected": 1,
        "lost": 0,
        "pass_rate": 2 / 3,
        "coverage": 0.75,
        "parts": 2,
        "parts_good": 1,
        "first_pass_yield": 0.5,
    }


def test_a_station_without_parts_has_no_yield(client: FlaskClient, database: Database) -> None:
    with database.sessions.begin() as session:
        key = factories.make_station(session).key
    found = client.get(f"/api/v1/stations/{key}/quality").json
    assert (found["parts"], found["first_pass_yield"], found["pass_rate"]) == (0, None, None)
    assert client.get("/api/v1/stations/nowhere/quality").status_code == 404
