import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from dashboards import DashboardValues, create_app
from db.engine import Database, connect
from db.frames import FrameStore
from db.models import Disposition
from inspection.decode import encode_jpeg
from tests import factories
from tests.factories import Found
from tests.unit.dashboards.conftest import NOW, SAME_SITE, ToldEvents

NASTY = "<script>alert(1)</script>"


def test_a_first_visit_says_what_to_do(client: FlaskClient) -> None:
    assert "lineside up" in client.get("/").text


def test_home_leads_to_each_board(client: FlaskClient, database: Database) -> None:
    with database.sessions.begin() as session:
        factories.make_line(session, key="line-9", name="Nine")
        factories.make_line(session, key="aisle-9", name="Aisle", kind="shelf")
    html = client.get("/").text
    assert "/lines/line-9" in html
    assert "/shelves/aisle-9" in html
    assert client.get("/lines/aisle-9").headers["Location"] == "/shelves/aisle-9"
    assert client.get("/shelves/line-9").headers["Location"] == "/lines/line-9"


@pytest.mark.parametrize(
    ("age_s", "interval_s", "shown", "not_shown"),
    [
        (3, 2.0, "PASS", "old"),
        (7, 2.0, " old", "NO DATA"),
        (16, 2.0, "NO DATA", "PASS</span>"),
        (100, 60.0, "PASS", "old"),
        (130, 60.0, " old", "NO DATA"),
        (301, 60.0, "NO DATA", "PASS</span>"),
    ],
)
def test_a_tile_never_shows_an_old_result_as_if_it_were_new(
    client: FlaskClient,
    database: Database,
    age_s: float,
    interval_s: float,
    shown: str,
    not_shown: str,
) -> None:
    with database.sessions.begin() as session:
        camera = factories.make_camera(session, interval_s=interval_s)
        factories.decide(session, camera, captured_at=NOW - timedelta(seconds=age_s))
        line, station = camera.station.line.key, camera.station_id
    tile = client.get(f"/lines/{line}/tiles/{station}").text
    assert shown in tile
    assert not_shown not in tile


def test_superseded_frames_count_as_not_inspected_but_hide_no_verdict(
    client: FlaskClient, database: Database
) -> None:
    with database.sessions.begin() as session:
        camera = factories.make_camera(session)
        factories.decide(session, camera, "fail", captured_at=NOW - timedelta(seconds=3))
        factories.decide(
            session,
            camera,
            "not_inspected",
            reason="superseded",
            captured_at=NOW - timedelta(seconds=1),
        )
        line, station = camera.station.line.key, camera.station_id
    tile = client.get(f"/lines/{line}/tiles/{station}").text
    assert "FAIL" in tile
    assert "50.0 %" in tile  # coverage


def test_quality_is_of_parts_where_they_are_known_and_of_images_else(
    client: FlaskClient, database: Database
) -> None:
    with database.sessions.begin() as session:
        line = factories.make_line(session, key="parts")
        known, unknown = (factories.make_station(session, line) for _ in range(2))
        for station in (known, unknown):
            camera = factories.make_camera(session, station)
            # Two views of each of four parts; of one part one view fails.
            for number in range(4):
                part_id = factories.make_part(session).id if station is known else None
                for view in range(2):
                    at = NOW - timedelta(seconds=10 * number + view)
                    acquisition = factories.make_acquisition(
                        session, camera, captured_at=at, part_id=part_id
                    )
                    verdict = "fail" if number == view == 0 else "pass"
                    factories.decide(session, verdict=verdict, acquisition=acquisition)
    for path in ("/lines/parts/tiles/{0.id}", "/stations/{0.key}"):
        of_parts, of_images = (
            " ".join(client.get(path.format(station)).text.split()) for station in (known, unknown)
        )
        assert "First-pass yield" in of_parts
        assert "75.0 %" in of_parts
        assert "Of 4 parts" in of_parts
        assert "Images passed" not in of_parts
        assert "Images passed" in of_images
        assert "87.5 %" in of_images
        assert "Of 8 inspected images" in of_images
        assert "First-pass" not in of_images


def test_acknowledging_is_told_to_the_screens_and_too_late_is_said(
    client: FlaskClient, database: Database, events: ToldEvents
) -> None:
    with database.sessions.begin() as session:
        one = factories.make_discrepancy(session)
    url = f"/discrepancies/{one.id}/acknowledge"
    script = SAME_SITE | {"X-Lineside": "script"}
    assert client.post(url, headers=script).status_code == 200
    assert events.told == [
        {
            "type": "discrepancy",
            "station_id": one.station_id,
            "discrepancy_id": one.id,
            "state": "acknowledged",
        }
    ]
    late = client.post(url, headers=script)
    assert late.status_code == 409
    assert "nothing was changed" in late.text
    assert len(events.told) == 1


def test_a_note_is_kept_in_the_history(client: FlaskClient, database: Database) -> None:
    with database.sessions.begin() as session:
        one = factories.make_discrepancy(session)
    url = f"/discrepancies/{one.id}/false-call"
    client.post(url, headers=SAME_SITE, data={"note": f"a reflection {NASTY}"})
    html = client.get(f"/discrepancies/{one.id}").text
    assert "a reflection &lt;script&gt;" in html
    assert NASTY not in html
    too_long = {"note": "x" * 1001}
    assert client.post(url, headers=SAME_SITE, data=too_long).status_code == 400


def test_names_are_text_and_nothing_else(client: FlaskClient, database: Database) -> None:
    with database.sessions.begin() as session:
        line = factories.make_line(session, key="odd", name=NASTY)
        station = factories.make_station(session, line, name=NASTY, key="odd-station")
        camera = factories.make_camera(
            session, station, name=NASTY, state="offline", state_reason=NASTY
        )
        found = Found(class_name=NASTY[:90], place=NASTY)
        inspection = factories.decide(
            session, camera, "fail", found=[found], captured_at=NOW, detail=NASTY
        )
        one = factories.make_discrepancy(session, inspection, kind=NASTY[:90], place=NASTY)
    for path in (
        "/",
        "/lines/odd",
        "/stations/odd-station",
        f"/inspections/{inspection.id}",
        "/discrepancies?state=all",
        f"/discrepancies/{one.id}",
    ):
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert NASTY not in answer.text, path
        assert "&lt;script&gt;" in answer.text, path


def test_a_camera_password_is_on_no_page(client: FlaskClient, database: Database) -> None:
    with database.sessions.begin() as session:
        camera = factories.make_camera(
            session, source="rtsp://10.0.0.9/stream", secret="gAAAA-hush", state="offline"
        )
        factories.decide(session, camera, captured_at=NOW)
        line, station = camera.station.line.key, camera.station.key
    for path in ("/", f"/lines/{line}", f"/stations/{station}"):
        assert "hush" not in client.get(path).text
        assert "rtsp://" not in client.get(path).text


def test_the_list_is_filtered_and_goes_on_where_a_page_ended(
    client: FlaskClient, database: Database
) -> None:
    with database.sessions.begin() as session:
        camera = factories.make_camera(session)
        inspection = factories.decide(session, camera, "fail", captured_at=NOW)
        for number in range(103):
            factories.make_discrepancy(
                session,
                inspection,
                kind=f"kind-{number:03}",
                severity="warn" if number == 5 else "fail",
                # Some opened in the same moment: the id tells them apart.
                opened_at=NOW - timedelta(minutes=200 - number // 10),
            )
    first = client.get("/discrepancies").text
    assert "kind-000" in first
    assert "kind-099" in first
    assert "kind-100" not in first
    link = first.split('class="next"')[1].split('href="')[1].split('"')[0].replace("&amp;", "&")
    second = client.get(link).text
    assert "kind-099" not in second
    assert "kind-100" in second
    assert "kind-102" in second
    warned = client.get("/discrepancies?severity=warn").text
    assert "kind-005" in warned
    assert "kind-004" not in warned
    assert "Nothing matches" in client.get("/discrepancies?state=resolved").text


def test_the_list_is_exported_and_no_cell_starts_a_formula(
    client: FlaskClient, database: Database
) -> None:
    with database.sessions.begin() as session:
        one = factories.make_discrepancy(session, kind="=HYPERLINK(1)", detail='-1, "quoted"')
        factories.make_discrepancy(session, kind="crack", severity="warn")
    answer = client.get("/discrepancies.csv?severity=fail")
    assert answer.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["id"] for row in rows] == [str(one.id)]
    assert rows[0]["kind"] == "'=HYPERLINK(1)"
    assert rows[0]["detail"] == '\'-1, "quoted"'


@pytest.mark.parametrize(
    "path",
    [
        "/discrepancies?state=nonsense",
        "/discrepancies?after=yesterday",
        "/discrepancies?after=2026-01-01T00:00:00|1",
        "/events?stations=1,x",
        "/images/1?w=wide",
    ],
)
def test_a_bad_parameter_is_answered_with_what_was_expected(
    client: FlaskClient, database: Database, path: str
) -> None:
    with database.sessions.begin() as session:
        factories.decide(session)
    answer = client.get(path)
    assert answer.status_code == 400
    assert "expected" in answer.text


@pytest.mark.parametrize(
    "path", ["/lines/none", "/shelves/none", "/stations/none", "/inspections/9", "/images/9"]
)
def test_what_is_not_there_is_404(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_an_image_is_scaled_kept_for_good_and_not_sent_twice(
    client: FlaskClient, database: Database, store: FrameStore
) -> None:
    import cv2
    import numpy as np

    stored = store.put(encode_jpeg(np.zeros((480, 640, 3), np.uint8), 90), "jpg")
    with database.sessions.begin() as session:
        inspection = factories.decide(session, verdict="fail", found=[Found()], image=stored)
        purged = factories.decide(session)
    url = f"/images/{inspection.acquisition_id}?w=300"
    answer = client.get(url)
    assert "immutable" in answer.headers["Cache-Control"]
    pixels = cv2.imdecode(np.frombuffer(answer.data, np.uint8), cv2.IMREAD_COLOR)
    assert pixels.shape == (240, 320, 3)
    again = client.get(url, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    drawn = client.get(f"/overlays/{inspection.id}.jpg")
    pixels = cv2.imdecode(np.frombuffer(drawn.data, np.uint8), cv2.IMREAD_COLOR)
    assert pixels.shape == (480, 640, 3)
    assert pixels[110:150, 90:190].any()
    layer = client.get(f"/overlays/{inspection.id}.png?w=320")
    pixels = cv2.imdecode(np.frombuffer(layer.data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert pixels.shape == (240, 320, 4)
    assert client.get(f"/images/{purged.acquisition_id}").status_code == 404


def test_restocked_is_believed_and_said_when_it_was_not_so(
    client: FlaskClient, database: Database
) -> None:
    position = {"name": "A1", "product": "Oat milk", "box": [0, 0, 1, 1], "facings": 4}
    with database.sessions.begin() as session:
        line = factories.make_line(session, key="aisle", kind="shelf")
        body = factories.recipe_body(positions=[position])
        station = factories.make_station(
            session, line, recipe=factories.make_recipe_version(session, body=body)
        )
        camera = factories.make_camera(session, station)
        inspection = factories.decide(
            session, camera, "fail", counts=[("facings", "A1", 0, 1)], captured_at=NOW
        )
        gap = factories.make_discrepancy(session, inspection, kind="out_of_stock", place="A1")
    assert "0 of 4" in client.get("/shelves/aisle").text
    client.post(f"/discrepancies/{gap.id}/restocked", headers=SAME_SITE)
    assert "waiting for the next scan" in client.get("/shelves/aisle").text
    with database.sessions.begin() as session:
        assert session.scalar(select(Disposition.action)) == "restocked"
        again = session.get_one(type(gap), gap.id)
        again.last_seen_at = NOW + timedelta(days=3650)  # after the moment of the click
    assert "still empty" in client.get("/shelves/aisle").text


def test_a_gap_that_is_seen_full_again_is_nothing_left_to_do(
    client: FlaskClient, database: Database
) -> None:
    position = {"name": "A1", "product": "Oat milk", "box": [0, 0, 1, 1], "facings": 2}
    with database.sessions.begin() as session:
        line = factories.make_line(session, key="aisle", kind="shelf")
        body = factories.recipe_body(positions=[position])
        station = factories.make_station(
            session, line, recipe=factories.make_recipe_version(session, body=body)
        )
        camera = factories.make_camera(session, station)
        inspection = factories.decide(
            session, camera, "pass", counts=[("facings", "A1", 2, 1)], captured_at=NOW
        )
        factories.make_discrepancy(
            session, inspection, kind="out_of_stock", place="A1", clean_count=1
        )
    html = client.get("/shelves/aisle").text
    assert "closes by itself after 3 clean scans (1 so far)" in html
    assert "OUT" not in html
    assert ">Restocked<" not in html


def test_a_shelf_nobody_sees_is_not_an_empty_one(client: FlaskClient, database: Database) -> None:
    position = {"name": "A1", "product": "Oat milk", "box": [0, 0, 1, 1], "facings": 4}
    with database.sessions.begin() as session:
        line = factories.make_line(session, key="aisle", kind="shelf")
        body = factories.recipe_body(positions=[position])
        station = factories.make_station(
            session, line, recipe=factories.make_recipe_version(session, body=body)
        )
        camera = factories.make_camera(session, station)
        factories.decide(session, camera, "not_inspected", reason="blind", captured_at=NOW)
    html = client.get("/shelves/aisle").text
    assert "not seen" in html
    assert "is-out" not in html.split("<figcaption>")[0]


def test_pages_cost_the_same_number_of_queries_however_much_there_is(
    client: FlaskClient, database: Database, count_queries: Callable[[], Any]
) -> None:
    def grow(stations: int, inspections: int) -> None:
        with database.sessions.begin() as session:
            line = session.get(factories.Line, 1) or factories.make_line(session, key="grow")
            for _ in range(stations):
                camera = factories.make_camera(session, factories.make_station(session, line))
                for _ in range(inspections):
                    one = factories.decide(
                        session, camera, "fail", found=[Found(), Found()], captured_at=NOW
                    )
                factories.make_discrepancy(session, one)

    paths = ("/", "/lines/grow", "/stations/1", "/inspections/1", "/discrepancies", "/shelves/grow")
    grow(1, 2)
    before = {}
    for path in paths:
        with count_queries() as statements:
            client.get(path)
        before[path] = len(statements)
    grow(4, 5)
    for path in paths:
        with count_queries() as statements:
            client.get(path)
        assert len(statements) == before[path], (path, statements)
        assert len(statements) <= 20, (path, len(statements))


def test_without_its_database_the_page_says_so(
    store: FrameStore, events: ToldEvents, tmp_path: Any
) -> None:
    gone = connect(f"sqlite:///{tmp_path / 'nowhere' / 'x.sqlite3'}")
    app: Flask = create_app(
        DashboardValues(gone, store, events, "redis://127.0.0.1:1/0", b"secret" * 6)
    )
    answer = app.test_client().get("/sign-in")
    assert answer.status_code == 503
    assert "Nothing that was inspected is lost" in answer.text


def test_home_is_read_again_when_a_station_grows_old(
    client: FlaskClient, database: Database
) -> None:
    with database.sessions.begin() as session:
        camera = factories.make_camera(session, interval_s=10.0)
        factories.decide(session, camera, "pass", captured_at=NOW - timedelta(seconds=30))
    # Past five times its interval, twenty seconds from now, it says NO DATA by itself.
    due = (NOW + timedelta(seconds=20)).isoformat()
    assert f'data-refresh-at="{due}"' in client.get("/").text
