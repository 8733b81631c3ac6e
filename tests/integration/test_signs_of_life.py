"""What containers ask (`lineside health …`), asked of the real processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from db import migrate
from db.engine import connect
from lineside.cli import group
from tests.servers import RedisServer, wait_until


@pytest.mark.parametrize("process", ["ingest", "sweeper", "alerts", "worker"])
def test_a_loop_is_alive_while_it_turns_and_not_when_it_stands_still(
    process: str, tmp_path: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LINESIDE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LINESIDE_RUN_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("LINESIDE_REDIS_URL", redis_server.url)
    monkeypatch.delenv("LINESIDE_DATABASE_URL", raising=False)
    database = connect(f"sqlite:///{tmp_path / 'lineside.sqlite3'}")
    migrate.upgrade(database.engine)
    database.dispose()

    def healthy(max_age_s: str = "60") -> bool:
        asked = ["health", process, "--max-age", max_age_s]
        return CliRunner().invoke(group, asked).exit_code == 0

    assert not healthy()
    log = tmp_path / f"{process}.log"
    with log.open("wb") as output:
        running = subprocess.Popen(
            [sys.executable, "-m", "lineside", process],
            stdout=output,
            stderr=output,
            env=os.environ,
            start_new_session=True,
        )
    try:
        wait_until(healthy, 60, f"{process} beats; it said: {log.read_text()[-2000:]}")
        os.kill(running.pid, signal.SIGSTOP)
        wait_until(lambda: not healthy("3"), 20, "a process that stands still is not healthy")
        os.kill(running.pid, signal.SIGCONT)
        wait_until(lambda: healthy("3"), 20, "it is healthy again when it goes on")
        running.terminate()
        running.wait(30)
    finally:
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait(10)
