"""Test clients of the pages that are signed in, as a browser would be after the form."""

import secrets
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer

from dashboards.values import EXTENSION
from db.access import Role
from db.engine import Database
from db.queries import people, sign_ins
from db.queries.people import Grant


class SignedInClient(FlaskClient):
    """Sends the token against forged forms with everything, as the pages' forms do."""

    form_token = ""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        headers = dict(kwargs.pop("headers", None) or {})
        headers.setdefault("X-CSRFToken", self.form_token)
        return super().open(*args, headers=headers, **kwargs)


def sign_in(app: Flask, *grants: Grant, name: str = "") -> SignedInClient:
    """A client of somebody new with these roles; with none, of an admin everywhere."""
    database: Database = app.extensions[EXTENSION].values.database
    with database.sessions.begin() as session:
        person = people.create_person(
            session, name or f"Ada {secrets.token_hex(4)}", grants or [Grant(Role.ADMIN)]
        )
        token = sign_ins.begin_session(session, person=person, address="::1", browser="test")
    return _client(app, token)


def sign_in_device(app: Flask, line_ref: str) -> SignedInClient:
    """A client of a wall board that is paired with a line."""
    database: Database = app.extensions[EXTENSION].values.database
    with database.sessions.begin() as session:
        device, _code = sign_ins.add_device(session, line_ref, f"Wall {secrets.token_hex(4)}")
        token = sign_ins.begin_session(session, device=device, address="::1", browser="test")
    return _client(app, token)


def _client(app: Flask, token: str) -> SignedInClient:
    client = SignedInClient(app, app.response_class, use_cookies=True)
    plain = secrets.token_hex(20)
    with client.session_transaction() as session:
        session.update({"_user_id": token, "_fresh": True, "csrf_token": plain})
    client.form_token = URLSafeTimedSerializer(app.secret_key, salt="wtf-csrf-token").dumps(plain)
    return client
