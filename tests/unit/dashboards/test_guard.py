import pytest
from flask import Flask
from flask.testing import FlaskClient

from dashboards.guard import host_is_allowed
from dashboards.values import LOOPBACK
from db.engine import Database
from tests import factories
from tests.signed_in import SignedInClient, sign_in
from tests.unit.dashboards.conftest import SAME_SITE


@pytest.fixture
def open_id(database: Database) -> int:
    with database.sessions.begin() as session:
        return factories.make_discrepancy(session).id


def test_every_answer_forbids_scripts_and_frames_of_others(client: FlaskClient) -> None:
    for path in ("/", "/nowhere", "/discrepancies", "/healthz"):
        headers = client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_no_page_has_an_inline_script_or_style(client: FlaskClient, open_id: int) -> None:
    for path in ("/", "/discrepancies", f"/discrepancies/{open_id}"):
        html = client.get(path).text
        assert "<style" not in html
        assert " style=" not in html
        assert "<script>" not in html
        assert " onclick=" not in html


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:9999"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_another_site_cannot_act(
    client: FlaskClient, open_id: int, headers: dict[str, str]
) -> None:
    answer = client.post(f"/discrepancies/{open_id}/acknowledge", headers=headers)
    assert answer.status_code == 403
    assert "acknowledged" not in client.get(f"/discrepancies/{open_id}").text


@pytest.mark.parametrize("token", ["", "another", None])
def test_a_form_without_its_token_is_refused(
    client: SignedInClient, app: Flask, open_id: int, token: str | None
) -> None:
    foreign = sign_in(app).form_token
    client.form_token = foreign if token is None else token
    answer = client.post(f"/discrepancies/{open_id}/acknowledge", headers=SAME_SITE)
    assert answer.status_code == 400
    assert "acknowledged" not in client.get(f"/discrepancies/{open_id}").text


@pytest.mark.parametrize("headers", [SAME_SITE, {"Origin": "http://localhost"}])
def test_our_own_pages_can(client: FlaskClient, open_id: int, headers: dict[str, str]) -> None:
    answer = client.post(f"/discrepancies/{open_id}/acknowledge", headers=headers)
    assert answer.status_code == 303
    assert "acknowledged" in client.get(f"/discrepancies/{open_id}").text


def test_a_name_that_somebody_points_at_this_host_gets_nothing(client: FlaskClient) -> None:
    assert client.get("/", headers={"Host": "rebind.example:8000"}).status_code == 421
    assert client.get("/healthz", headers={"Host": "127.0.0.1:8000"}).status_code == 200
    assert client.get("/healthz", headers={"Host": "[::1]:8000"}).status_code == 200


def test_addresses_are_allowed_only_where_other_hosts_are_let_in() -> None:
    named = LOOPBACK | {"plant.example"}
    assert not host_is_allowed("192.0.2.7", LOOPBACK, remote=False)
    assert host_is_allowed("192.0.2.7", named, remote=True)
    assert host_is_allowed("Plant.Example", named, remote=True)
    assert not host_is_allowed("rebind.example", named, remote=True)
    assert host_is_allowed("rebind.example", None, remote=True)
    assert not host_is_allowed(None, None, remote=True)


def test_a_form_sends_nobody_to_another_site(client: FlaskClient, open_id: int) -> None:
    for back in ("https://elsewhere.example", "//elsewhere.example", "/\\elsewhere.example"):
        answer = client.post(
            f"/discrepancies/{open_id}/acknowledge", headers=SAME_SITE, data={"back": back}
        )
        assert "elsewhere" not in answer.headers.get("Location", "")


@pytest.mark.parametrize(
    "path",
    [
        "/images/" + "9" * 30,
        "/discrepancies?after=2026-01-01T00:00:00%2B00:00|" + "9" * 30,
        "/discrepancies?after=0001-01-01T00:00:00%2B05:00|1",
    ],
)
def test_numbers_and_times_beyond_all_columns_are_refused(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 400
