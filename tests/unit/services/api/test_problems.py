"""Every error is an RFC 9457 problem document, whoever raises it."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from db.engine import Database
from services.api.headers import HEADERS
from services.api.permissions import for_everybody

JSON = {"Content-Type": "application/json"}


def test_what_is_not_there_is_404(client: FlaskClient) -> None:
    for path in ("/nothing", "/api/v1/nothing", "/api/v1/stations/nowhere", "/api/v1/stations/9"):
        answer = client.get(path)
        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
        assert answer.json is not None
        assert answer.json["instance"] == path


def test_a_wrong_method_is_405_and_says_which_are_right(client: FlaskClient) -> None:
    answer = client.delete("/api/v1/sites")
    assert (answer.status_code, answer.mimetype) == (405, "application/problem+json")
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", JSON, 400),
        (b"[]", JSON, 400),
        (b'"{}"', JSON, 400),
        (b"[" * 200_000, JSON, 400),
        (b"key=a", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (b"x" * 1_100_000, JSON, 413),
        (b"{}", JSON, 422),
        (b"", {}, 422),
        (b'{"key": "a", "name": "b", "surplus": 1}', JSON, 422),
        (b'{"key": 7, "name": "b"}', JSON, 422),
        (b'{"key": "a", "name": "\\ud800"}', JSON, 422),
        (b'{"key": "a", "name": "\\u0000"}', JSON, 422),
        (b'{"key": "a", "name": "b", "timezone": "Mars/Olympus"}', JSON, 422),
    ],
)
def test_a_body_that_is_not_as_expected(
    client: FlaskClient, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = client.post("/api/v1/sites", data=body, headers=headers)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")


def test_every_wrong_value_is_named(client: FlaskClient) -> None:
    answer = client.get("/api/v1/inspections?limit=0&verdict=good&since=yesterday&colour=red")
    assert answer.status_code == 422
    assert answer.json is not None
    pointers = {error["pointer"] for error in answer.json["errors"]}
    assert pointers == {"limit", "verdict", "since", "colour"}


def test_a_defect_of_ours_says_nothing_and_logs_without_passwords(
    app: Flask, client: FlaskClient
) -> None:
    @for_everybody
    def broken() -> None:
        secret = "rtsp://joe:topsecret@host/live"
        raise RuntimeError(f"cannot open {secret}")

    app.add_url_rule("/broken", view_func=broken)
    with capture_logs() as logs:
        answer = client.get("/broken")
    assert (answer.status_code, answer.mimetype) == (500, "application/problem+json")
    assert "RuntimeError" not in answer.text
    assert "RuntimeError" in logs[0]["traceback"]
    assert "topsecret" not in str(logs)


def test_a_database_that_is_away_is_503(app: Flask, client: FlaskClient) -> None:
    @for_everybody
    def away() -> None:
        raise OperationalError("SELECT 1", {}, OSError("connection refused"))

    app.add_url_rule("/away", view_func=away)
    answer = client.get("/away")
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert answer.headers["Retry-After"] == "2"


def test_every_answer_carries_the_security_headers(client: FlaskClient, database: Database) -> None:
    for path in ("/healthz", "/api/v1/sites", "/api/v1/nothing"):
        answer = client.get(path)
        assert HEADERS.items() <= dict(answer.headers).items()
        assert answer.headers["Cache-Control"] == "no-store"
