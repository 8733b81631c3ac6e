"""Everything under /api/v1 asks for the token; nothing says more than that without it."""

import stat
from pathlib import Path

import pytest
from flask import Flask

from services.api.token import TOKEN_VARIABLE, WeakToken, ensure_api_token, is_token
from tests.unit.services.api.conftest import TOKEN

WITHOUT_TOKEN = {"/healthz", "/readyz", "/api/v1/openapi.json"}


def addresses(app: Flask) -> list[tuple[str, str]]:
    """Method and path of every route, with 1 for each part that varies."""
    found = []
    for rule in app.url_map.iter_rules():
        _, path = rule.build(dict.fromkeys(rule.arguments, "1")) or ("", "")
        found += [(method, path) for method in sorted(rule.methods or ())]
    return found


def test_every_route_but_three_refuses_without_the_token(app: Flask) -> None:
    plain = app.test_client()
    walked = addresses(app)
    assert len(walked) > 60
    for method, path in walked:
        for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
            answer = plain.open(path, method=method, headers={"Authorization": ""} | header)
            if path in WITHOUT_TOKEN:
                assert answer.status_code in (200, 204), path
                continue
            assert answer.status_code == 401, (method, path)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            if method != "HEAD":
                assert answer.mimetype == "application/problem+json"


def test_an_unknown_path_is_not_told_apart_without_the_token(app: Flask) -> None:
    answer = app.test_client().get("/api/v1/nothing", headers={"Authorization": ""})
    assert answer.status_code == 401


@pytest.mark.parametrize("presented", ["", "ä", TOKEN + "x", TOKEN[:-1], TOKEN.upper()])
def test_only_the_token_is_the_token(presented: str) -> None:
    assert not is_token(TOKEN, presented)
    assert is_token(TOKEN, TOKEN)


def test_the_first_start_writes_the_token_for_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    token = ensure_api_token(tmp_path / "new")
    path = tmp_path / "new" / "api-token"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(token) >= 40
    assert ensure_api_token(tmp_path / "new") == token
    assert [each.name for each in path.parent.iterdir()] == ["api-token"]


def test_a_token_from_outside_stands_above_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "sixteen-characters")
    assert ensure_api_token(tmp_path) == "sixteen-characters"
    assert not (tmp_path / "api-token").exists()
    monkeypatch.setenv(TOKEN_VARIABLE, "short")
    with pytest.raises(WeakToken, match="16 or more"):
        ensure_api_token(tmp_path)
