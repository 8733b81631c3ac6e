"""Quality pages and shift reports: what they say, to whom, and what bad addresses get."""

import csv
import io
import re
from collections.abc import Callable
from datetime import time, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from db.access import Role
from db.engine import Database
from db.queries.people import Grant
from tests import factories
from tests.drawn_quality import draw_history
from tests.factories import Found
from tests.signed_in import sign_in
from tests.unit.dashboards.conftest import NOW

MINUTE = timedelta(minutes=1)


@pytest.fixture
def welding(database: Database) -> str:
    """The key of a line with a day behind it, in which a recipe made it worse."""
    with database.sessions.begin() as session:
        site = factories.make_site(session, timezone="Europe/Vienna")
        for name, start in (("Early", 6), ("Late", 14), ("Night", 22)):
            times = {"starts_at": time(start), "ends_at": time((start + 8) % 24)}
            factories.make_shift(session, site, name=name, **times)
        line = factories.make_line(session, site, key="welding", name="Welding")
        draw_history(session, line, NOW, days=1.0, changed=timedelta(hours=7), rates=(0.05, 0.25))
    return "welding"


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_a_change_is_named_with_what_it_did(client: FlaskClient, welding: str) -> None:
    page = client.get("/quality/station/station-weld?range=week&by=hour")
    assert page.status_code == 200
    text = text_of(page.text)
    assert re.search(r"Recipe from weld-\d+ v7 to weld-\d+ v8 Ada Weld seam", text)
    assert "more than chance (p below 0.001)" in text
    assert page.text.count('class="dot out"') == 1  # the legend's


def test_with_one_limit_for_all_the_signal_names_the_change(
    client: FlaskClient, welding: str
) -> None:
    page = client.get(f"/quality/{welding}?range=week&by=hour&phases=0").text
    assert page.count('class="dot out"') > 3
    assert "Above the upper limit" in page
    assert re.search(r"coincides with recipe from weld-\d+ v7 to weld-\d+ v8", page)
    # Every signal leads to its row in the table, which says the same.
    for place in set(re.findall(r'href="#(point-\d+)"', page)):
        assert f'id="{place}" class="out"' in page


def test_the_newest_shift_is_shown_by_itself(client: FlaskClient, welding: str) -> None:
    # NOW is noon in Vienna.
    text = text_of(client.get(f"/quality/{welding}").text)
    assert "Early shift 06:00:00 – 14:00:00 · still running Europe/Vienna" in text
    earlier = text_of(client.get(f"/quality/{welding}?date=2026-06-30&shift=Night").text)
    assert "Night shift 30 Jun 22:00 – 06:00:00 Europe/Vienna" in earlier


def test_pareto_and_table_count_the_same_images(client: FlaskClient, welding: str) -> None:
    page = client.get(f"/quality/{welding}?range=day&by=shift").text
    numbers = re.findall(r'<tr id="point-\d+"[^>]*>.*?</tr>', page)
    cells = [re.findall(r'<td class="number">(\d+)</td>', row)[:2] for row in numbers]
    inspected = re.search(r"Inspected images</dt><dd>(\d+)", page)
    assert inspected
    assert sum(int(of) for _, of in cells) == int(inspected[1])
    shares = re.findall(r'<td class="number quiet">([\d.]+) %</td></tr>', page)
    assert shares[-1] == "100"


def test_parts_are_charted_where_they_are_known(client: FlaskClient, database: Database) -> None:
    with database.sessions.begin() as session:
        camera = factories.make_camera(session)
        for n in range(40):
            part = factories.make_part(session)
            acquisition = factories.make_acquisition(
                session, camera, part_id=part.id, captured_at=NOW - (n + 1) * MINUTE
            )
            verdict = "fail" if n % 8 == 0 else "pass"
            factories.decide(session, verdict=verdict, acquisition=acquisition)
        key = camera.station.key
    page = client.get(f"/quality/station/{key}?range=day&chart=parts").text
    assert "87.5 %" in page
    factories_line = client.get(f"/quality/station/{key}?range=day").text
    assert "First-pass yield</dt><dd>87.5 %" in factories_line


def test_without_parts_the_chart_says_why_it_is_empty(client: FlaskClient, welding: str) -> None:
    page = client.get(f"/quality/{welding}?range=day&chart=parts").text
    assert "No image of this time names its part" in page


def test_a_line_of_nothing_has_a_page(client: FlaskClient, database: Database) -> None:
    with database.sessions.begin() as session:
        factories.make_line(session, key="empty")
    assert "Nothing was inspected in this time." in client.get("/quality/empty").text
    assert client.get("/reports/empty").status_code == 200


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/quality/welding?range=year", "range out of shift, day, week, month"),
        ("/quality/welding?chart=c", "chart out of images, defects, parts"),
        ("/quality/welding?date=yesterday", "date=YYYY-MM-DD"),
        ("/quality/welding?date=0001-01-01", "between 2000 and 2200"),
        ("/quality/welding?shift=Swing", "Early, Late, Night"),
        ("/quality/welding?size=1", "size=20 to 2000"),
        ("/quality/welding?size=²", "size=20 to 2000"),
        ("/reports/welding?shift=<b>", "Early, Late, Night"),
        ("/reports/welding.csv?table=secrets", "table out of stations"),
    ],
)
def test_a_bad_address_is_told_what_was_expected(
    client: FlaskClient, welding: str, path: str, told: str
) -> None:
    answer = client.get(path)
    assert answer.status_code in (400, 422)
    assert told in answer.text
    assert "<b>" not in answer.text.split("<main", 1)[1].replace("<b>%s</b>", "")


@pytest.mark.parametrize(
    "path", ["/quality/welding", "/quality/station/station-weld", "/reports/welding"]
)
def test_another_lines_people_see_nothing_of_it(
    app: Flask, database: Database, welding: str, path: str
) -> None:
    with database.sessions.begin() as session:
        other = factories.make_line(session)
    stranger = sign_in(app, Grant(Role.ENGINEER, line_id=other.id))
    assert stranger.get(path).status_code == 404
    assert stranger.get(path + ".csv").status_code == 404


def test_the_report_adds_up(client: FlaskClient, welding: str) -> None:
    text = text_of(client.get(f"/reports/{welding}?date=2026-06-30&shift=Night").text)
    assert "Welding · Night shift · 2026-06-30" in text
    assert "2026-06-30 22:00 – 2026-07-01 06:00 , 8 h (Europe/Vienna)" in text
    rows = table(client, f"/reports/{welding}.csv?date=2026-06-30&shift=Night")
    (row,) = rows
    assert row["begin"] == "2026-06-30T22:00:00+02:00"
    assert int(row["acquired"]) == int(row["inspected"]) == 960
    assert int(row["passed"]) + int(row["failed"]) == 960
    assert row["first_pass_yield"] == ""
    changed = table(client, f"/reports/{welding}.csv?date=2026-06-30&shift=Night&table=changes")
    assert [(row["kind"], row["by"]) for row in changed] == [("recipe", "Ada")]
    found = table(client, f"/reports/{welding}.csv?date=2026-06-30&shift=Night&table=pareto")
    assert sum(int(row["number"]) for row in found) >= int(row["failed"])


def test_cells_start_no_formula_and_hold_any_text(client: FlaskClient, database: Database) -> None:
    evil, quoted = '=HYPERLINK("http://x")', 'a "quoted", name\nof two lines'
    with database.sessions.begin() as session:
        line = factories.make_line(session, key="evil")
        station = factories.make_station(session, line, name=evil)
        camera = factories.make_camera(session, station)
        inspection = factories.decide(
            session, camera, "fail", found=[Found(class_name="@SUM(A1)")], captured_at=NOW - MINUTE
        )
        factories.make_discrepancy(
            session, inspection, kind="+1", place=quoted, detail="-2+3", opened_at=NOW - MINUTE
        )
    answer = client.get("/reports/evil.csv")
    assert answer.mimetype == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.data.count(b"\r\n") == 2  # RFC 4180: lines end so
    assert table(client, "/reports/evil.csv")[0]["name"] == "'" + evil
    assert table(client, "/reports/evil.csv?table=pareto")[0]["class"] == "'@SUM(A1)"
    (row,) = table(client, "/reports/evil.csv?table=discrepancies")
    assert (row["kind"], row["place"], row["detail"]) == ("'+1", quoted, "'-2+3")
    page = client.get("/reports/evil").text
    assert "=HYPERLINK(&#34;http://x&#34;)" in page


def test_pages_ask_the_database_a_fixed_number_of_questions(
    client: FlaskClient, welding: str, count_queries: Callable[[], Any]
) -> None:
    asked = []
    for path in ("?range=day", "?range=month", "?range=week&by=hour"):
        with count_queries() as statements:
            client.get(f"/quality/{welding}{path}")
        asked.append(len(statements))
    assert max(asked) - min(asked) <= 3
    assert max(asked) < 32


def table(client: FlaskClient, path: str) -> list[dict[str, str]]:
    text = client.get(path).data.decode()
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len({len(row) for row in rows}) == 1
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
