from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from db.base import utc_now
from db.engine import Database
from tests import factories
from tests.drawn_quality import draw_history


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


def test_a_chart_has_its_limits_signals_and_changes(
    client: FlaskClient, database: Database
) -> None:
    now = utc_now()
    with database.sessions.begin() as session:
        line = factories.make_line(session, key="welding")
        draw_history(session, line, now, days=1.0, changed=timedelta(hours=6), rates=(0.05, 0.3))
    for path in ("lines/welding", "stations/station-weld"):
        query = {"since": (now - timedelta(days=1)).isoformat(), "until": now.isoformat()}
        found = client.get(f"/api/v1/{path}/quality/chart", query_string=query).json
        assert [change["kind"] for change in found["changes"]] == ["recipe"]
        assert sum(point["size"] for point in found["points"]) == 24 * 120
        assert {point["phase"] for point in found["points"]} == {0, 1}
        assert all(p["lower"] <= p["centre"] <= p["upper"] for p in found["points"])
        one = client.get(
            f"/api/v1/{path}/quality/chart", query_string=query | {"phases": "false"}
        ).json
        assert any(1 in point["rules"] for point in one["points"])
        assert sum(each["number"] for each in one["pareto"]) > 0


@pytest.mark.parametrize(
    "query",
    [
        {"since": "2026-01-01T00:00:00Z", "until": "2026-03-01T00:00:00Z"},
        {"since": "2026-03-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"},
        {"since": "2026-03-01T00:00:00Z", "until": "2026-03-20T00:00:00Z", "by": "quarter"},
        {"by": "minute"},
        {"size": "3"},
    ],
)
def test_a_chart_that_cannot_be_drawn_is_refused(
    client: FlaskClient, database: Database, query: dict[str, str]
) -> None:
    with database.sessions.begin() as session:
        factories.make_station(session, key="one")
    answer = client.get("/api/v1/stations/one/quality/chart", query_string=query)
    assert answer.status_code == 422
