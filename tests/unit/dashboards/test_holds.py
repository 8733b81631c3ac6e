"""What the pages show of a station on hold."""

from flask.testing import FlaskClient

from db.engine import Database
from db.queries import holds
from tests import factories
from tests.unit.dashboards.conftest import NOW


def test_boards_say_it_in_words_instead_of_the_last_verdict(
    client: FlaskClient, database: Database
) -> None:
    with database.sessions.begin() as session:
        line = factories.make_line(session, key="l")
        station = factories.make_station(session, line, key="st", name="Press")
        camera = factories.make_camera(session, station)
        factories.decide(session, camera, "pass", captured_at=NOW)
        holds.put_on_hold(session, station.id, "the lens is dirty", "Ada")
        station_id = station.id
    for path in ("/lines/l", "/stations/st"):
        page = client.get(path).text
        assert "ON HOLD" in page, path
        assert "the lens is dirty" in page, path
        assert "is-on_hold" in page, path
    assert "ON HOLD" in client.get("/").text
    with database.sessions.begin() as session:
        holds.release(session, station_id, "cleaned", "Ada")
    for path in ("/lines/l", "/stations/st", "/"):
        assert "ON HOLD" not in client.get(path).text, path
