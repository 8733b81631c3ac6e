"""`lineside review-queue`: filled now, listed, and what the random sample says."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from db import migrate
from db.base import utc_now
from db.engine import Database, connect
from db.queries import review_sampling, reviews
from db.queries.review_sampling import Sampling
from db.queries.reviews import ReviewVerdict
from lineside.cli import group
from tests import factories
from tests.factories import Found


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setenv("LINESIDE_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("LINESIDE_DATABASE_URL", raising=False)
    database = connect(f"sqlite:///{tmp_path / 'lineside.sqlite3'}")
    migrate.upgrade(database.engine)
    return database


def run(*words: str) -> Result:
    return CliRunner().invoke(group, ["review-queue", *words])


def test_it_is_filled_listed_and_counted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.sessions.begin() as session:
        station = factories.make_station(session, key="press")
        camera = factories.make_camera(session, station)
        review_sampling.set_sampling(session, station.id, Sampling(None, 1.0, 0.0))
        old = utc_now() - timedelta(minutes=2)
        failed = factories.decide(session, camera, "fail", found=[Found()], created_at=old)
        said = reviews.say(session, failed.id, ReviewVerdict.FALSE_CALL, "Ada", note="dust")
        said.review.at = old
    filled = run("fill")
    assert filled.output == "Added: 2. Pictures looked at: 2, near-copies: 0.\n"
    listed = run("list", "--station", "press")
    assert "0.90  false_call    inspection 1  Ada: dust" in listed.output
    # One inspection, for two reasons.
    assert listed.output.endswith("1 of 1 open.\n")
    row = json.loads(run("list", "--reason", "random", "--json").output)
    assert (row["inspection_id"], row["probability"]) == (failed.id, 1.0)
    rates = run("rates", "press").output
    assert "1 of 1 drawn have been looked at." in rates
    assert "100.00%   95 %: 2.50% to 100.00%   (1 of 1)" in rates
    assert "escapes, of bad parts" in rates


@pytest.mark.parametrize(
    "words", [("rates", "nowhere"), ("list", "--station", "nowhere"), ("list", "--reason", "x")]
)
def test_what_is_not_there_is_told(database: Database, words: tuple[str, ...]) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert "Invalid value" in result.output
