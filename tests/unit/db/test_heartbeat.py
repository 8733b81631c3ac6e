"""Signs of life, and what `lineside health` makes of them."""

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from db.heartbeat import Heartbeat, age_s
from lineside.cli import group


@pytest.fixture
def run_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LINESIDE_RUN_DIR", str(tmp_path / "run"))
    return tmp_path / "run"


def write_beat(run_dir: Path, seconds_ago: float) -> None:
    run_dir.mkdir(parents=True, exist_ok=True)
    beat = {"pid": 1, "monotonic_s": time.monotonic() - seconds_ago}
    (run_dir / "sweeper.beat").write_text(json.dumps(beat))


def health(*arguments: str):
    return CliRunner().invoke(group, ["health", *arguments])


def test_a_beat_is_fresh_and_makes_its_own_folder(run_dir):
    Heartbeat(run_dir, "sweeper")()
    assert 0 <= age_s(run_dir, "sweeper") < 30
    assert health("sweeper").exit_code == 0
    assert [path.name for path in run_dir.iterdir()] == ["sweeper.beat"]


def test_a_busy_loop_writes_no_file_a_turn(run_dir):
    beat = Heartbeat(run_dir, "sweeper")
    beat()
    first = (run_dir / "sweeper.beat").stat().st_ino
    beat()
    assert (run_dir / "sweeper.beat").stat().st_ino == first


def test_an_old_beat_is_not_healthy(run_dir):
    write_beat(run_dir, seconds_ago=61)
    result = health("sweeper")
    assert result.exit_code == 1
    assert "61 s ago" in result.output
    assert health("sweeper", "--max-age", "90").exit_code == 0


@pytest.mark.parametrize("content", [None, "", "{}", "[]", '{"monotonic_s": 1e99}'])
def test_no_beat_a_broken_one_and_one_of_another_boot_are_not_healthy(run_dir, content):
    if content is not None:
        run_dir.mkdir()
        (run_dir / "sweeper.beat").write_text(content)
    assert health("sweeper").exit_code == 1


def test_beating_into_a_folder_that_cannot_be_made_disturbs_nobody(tmp_path):
    (tmp_path / "file").touch()
    Heartbeat(tmp_path / "file" / "run", "sweeper")()


def test_a_page_that_does_not_answer_is_not_healthy():
    # Port 1 needs root and is nobody's.
    result = health("api", "--port", "1")
    assert result.exit_code == 1
    assert "does not answer" in result.output


def test_an_unknown_process_is_named():
    assert health("sweper").exit_code == 2
