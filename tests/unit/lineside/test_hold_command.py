"""`lineside hold` and `lineside shadows`."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from db import migrate
from db.engine import connect
from lineside.cli import group
from tests import factories


@pytest.fixture
def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'lineside.sqlite3'}"
    monkeypatch.setenv("LINESIDE_DATABASE_URL", url)
    database = connect(url)
    migrate.upgrade(database.engine)
    with database.sessions.begin() as session:
        station = factories.make_station(session, key="press")
        camera = factories.make_camera(session, station, key="top")
        inspection = factories.decide(session, camera, "fail")
        factories.make_shadow(session, inspection)
    database.dispose()


def run(*words: str) -> Result:
    return CliRunner().invoke(group, words)


def test_a_station_goes_on_hold_and_is_released(plant: None) -> None:
    assert run("hold", "begin", "press", "--reason", "camera was hit").exit_code == 0
    status = run("hold", "status")
    assert "press  ON HOLD: camera was hit" in status.output
    assert "top  no check" in status.output
    again = run("hold", "begin", "press", "--reason", "again")
    assert (again.exit_code, "on hold already" in again.output) == (2, True)
    assert run("hold", "release", "press", "--word", "set again").exit_code == 0
    assert "press  inspected" in run("hold", "status").output
    nowhere = run("hold", "release", "nowhere", "--word", "x")
    assert (nowhere.exit_code, "there is no station 'nowhere'" in nowhere.output) == (2, True)


def test_shadows_are_listed_and_ended(plant: None) -> None:
    listed = run("shadows", "list", "--station", "press")
    assert "1 of 1 differ, 0 passed over  runs" in listed.output
    refused = run("shadows", "start", "press", "nothing-here")
    assert (refused.exit_code, "there is no model 'nothing-here'" in refused.output) == (2, True)
    assert run("shadows", "end", "1").exit_code == 0
    assert "ended by" in run("shadows", "list").output
    assert run("shadows", "end", "1").exit_code == 2
