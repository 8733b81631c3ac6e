"""Listing inspections in pages, filtered; one with all its findings; what was done with parts."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import event

from db.engine import Database
from db.models import Camera, Station
from inspection.rle import decode
from tests.factories import Found, decide, make_camera, make_station

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def ids(client: FlaskClient, query: str = "") -> list[int]:
    answer = client.get(f"/api/v1/inspections?{query}")
    assert answer.status_code == 200, answer.text
    assert answer.json is not None
    return [item["id"] for item in answer.json["items"]]


@contextmanager
def counting(database: Database) -> Iterator[list[str]]:
    statements: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(database.engine, "before_cursor_execute", count)
    yield statements
    event.remove(database.engine, "before_cursor_execute", count)


def test_pages_hold_each_inspection_once_the_newest_first(
    client: FlaskClient, database: Database
) -> None:
    with database.sessions.begin() as session:
        camera = make_camera(session)
        made = [decide(session, camera).id for _ in range(7)]
    seen: list[int] = []
    cursor = ""
    for _ in range(3):
        answer = client.get(f"/api/v1/inspections?limit=3{cursor}").json
        assert answer is not None
        seen += [item["id"] for item in answer["items"]]
        cursor = f"&cursor={answer['next']}"
        with database.sessions.begin() as session:
            decide(session, session.get_one(Camera, camera.id))  # shifts no later page
    assert seen == made[::-1]
    assert answer["next"] is None


def test_the_last_page_that_is_full_has_no_next(client: FlaskClient, database: Database) -> None:
    with database.sessions.begin() as session:
        for _ in range(2):
            decide(session)
    answer = client.get("/api/v1/inspections?limit=2").json
    assert answer is not None
    assert answer["next"] is None


def test_filters(client: FlaskClient, database: Database) -> None:
    with database.sessions.begin() as session:
        here = make_camera(session, make_station(session, key="here"))
        passed = decide(session, here, captured_at=NOON).id
        failed = decide(
            session,
            here,
            "fail",
            found=[Found("crack"), Found("stain")],
            captured_at=NOON + timedelta(hours=1),
        ).id
        skipped = decide(session, verdict="not_inspected", captured_at=NOON + timedelta(hours=2)).id
    assert ids(client) == [skipped, failed, passed]
    assert ids(client, "station=here") == [failed, passed]
    assert ids(client, "verdict=fail") == [failed]
    assert ids(client, "verdict=not_inspected&reason=unreadable") == [skipped]
    assert ids(client, "reason=failed") == []
    assert ids(client, "class=stain") == [failed]
    assert ids(client, "class=pit") == []
    assert ids(client, "since=2026-11-20T13:00:00Z") == [skipped, failed]
    assert ids(client, "until=2026-11-20T13:00:00Z") == [passed]
    assert ids(client, "since=2026-11-20T14:00:00%2B01:00&until=2026-11-20T13:30:00Z") == [failed]


def test_a_list_costs_the_same_whatever_its_length(client: FlaskClient, database: Database) -> None:
    with database.sessions.begin() as session:
        camera = make_camera(session)
        for _ in range(12):
            decide(session, camera, "fail", found=[Found(), Found("stain")])
    with counting(database) as few:
        ids(client, "limit=2")
    with counting(database) as many:
        ids(client, "limit=12")
    assert len(few) == len(many)
    assert not any("mask_rle" in statement for statement in many)


def test_one_inspection_has_findings_masks_and_measurements(
    client: FlaskClient, database: Database
) -> None:
    with database.sessions.begin() as session:
        camera = make_camera(session, make_station(session, key="here"))
        row = decide(
            session,
            camera,
            "fail",
            found=[Found(xyxy=(10, 20, 40, 30), measurements=[("length", 4.8, "mm", 2.0, 3.0)])],
            counts=[("facings", "A1", 2.0, 3.0)],
        )
    answer = client.get(f"/api/v1/inspections/{row.id}").json
    assert answer is not None
    assert (answer["verdict"], answer["station"]) == ("fail", "here")
    assert answer["recipe"]["version"] == 1
    (finding,) = answer["findings"]
    assert finding["class"] == "crack"
    assert finding["box_xyxy"] == [10, 20, 40, 30]
    assert finding["measurements"]["length"]["value"] == 4.8
    assert finding["measurements"]["length"]["fail_limit"] == 3.0
    mask = decode(finding["mask_rle"])
    assert mask.shape == (480, 640)
    assert mask[20:30, 10:40].all()
    assert mask.sum() == 300
    (facings,) = answer["measurements"]
    assert (facings["name"], facings["place"], facings["value"]) == ("facings", "A1", 2.0)


def test_dispositions_are_all_kept_and_the_newest_comes_first(
    client: FlaskClient, database: Database
) -> None:
    with database.sessions.begin() as session:
        inspection_id = decide(session, verdict="fail").id
    path = f"/api/v1/inspections/{inspection_id}/dispositions"
    for action in ("rework", "scrap"):
        answer = client.post(path, json={"action": action, "actor": "Ada", "note": "too deep"})
        assert answer.status_code == 201
    answer = client.get(path).json
    assert answer is not None
    assert [(row["action"], row["actor"]) for row in answer["items"]] == [
        ("scrap", "Ada"),
        ("rework", "Ada"),
    ]
    assert client.post(path, json={"action": "burn"}).status_code == 422
    nowhere = client.post("/api/v1/inspections/999/dispositions", json={"action": "scrap"})
    assert nowhere.status_code == 404


def test_the_ledger_is_that_of_audit(client: FlaskClient, database: Database) -> None:
    with database.sessions.begin() as session:
        camera = make_camera(session)
        decide(session, camera, "pass")
        decide(session, camera, "fail")
        decide(session, verdict="not_inspected")
        station = session.get_one(Station, camera.station_id).key
    answer = client.get("/api/v1/ledger").json
    assert answer is not None
    assert (answer["acquired"], answer["passed"], answer["failed"]) == (3, 1, 1)
    assert answer["not_inspected"] == {"unreadable": 1}
    assert answer["consistent"] is True
    answer = client.get(f"/api/v1/ledger?station={station}").json
    assert answer is not None
    assert answer["acquired"] == 2
