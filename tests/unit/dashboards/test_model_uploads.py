"""How much is taken in of a model folder: all of it of who may send one, nothing of others."""

import io

import pytest
from flask import Flask
from flask.testing import FlaskClient

from db.access import Role
from db.queries.people import Grant
from tests.signed_in import sign_in
from tests.unit.dashboards.conftest import SAME_SITE

LARGE = 3_000_000


def send(client: FlaskClient) -> int:
    data = {"archive": (io.BytesIO(b"0" * LARGE), "model.zip")}
    return client.post("/lab/models/upload", data=data, headers=SAME_SITE).status_code


def test_of_nobody_little_is_taken_in(app: Flask) -> None:
    assert send(app.test_client()) == 413


@pytest.mark.parametrize(("role", "status"), [(Role.OPERATOR, 413), (Role.ENGINEER, 422)])
def test_of_who_may_send_models_all_is_taken_in(app: Flask, role: Role, status: int) -> None:
    assert send(sign_in(app, Grant(role))) == status
