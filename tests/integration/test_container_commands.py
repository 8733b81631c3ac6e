"""The commands that containers start, started as they stand there, but for the address."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from db import migrate
from db.engine import connect
from lineside.cli import group
from tests.servers import RedisServer, wait_until
from tests.unit.deploy.files import compose, manifests


def of_compose(name: str) -> list[str]:
    words: list[str] = compose()["services"][name]["command"]
    return words


def of_kubernetes(name: str) -> list[str]:
    (command,) = (
        one["spec"]["template"]["spec"]["containers"][0]["command"]
        for _, one in manifests()
        if one["kind"] == "Deployment" and one["metadata"]["name"] == name
    )
    words: list[str] = command
    return words


@pytest.mark.parametrize("name", ["api", "dashboard"])
@pytest.mark.parametrize("command", [of_compose, of_kubernetes])
def test_pages_and_api_start_so_and_are_healthy(
    name: str,
    command: Callable[[str], list[str]],
    tmp_path: Path,
    redis_server: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("LINESIDE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LINESIDE_REDIS_URL", redis_server.url)
    monkeypatch.delenv("LINESIDE_DATABASE_URL", raising=False)
    database = connect(f"sqlite:///{tmp_path / 'lineside.sqlite3'}")
    migrate.upgrade(database.engine)
    database.dispose()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    words = command(name)
    words[words.index("--port") + 1] = port
    log = tmp_path / "log"
    with log.open("wb") as output:
        running = subprocess.Popen(
            [sys.executable, "-m", "lineside", *words[1:]],
            stdout=output,
            stderr=output,
            env=os.environ,
        )
    try:
        asked = ["health", name, "--port", port]
        wait_until(
            lambda: CliRunner().invoke(group, asked).exit_code == 0,
            60,
            f"{name} is healthy; it said: {log.read_text()[-2000:]}",
        )
        if name == "dashboard":
            # Whatever name the front is asked under, nobody sees a page without signing in.
            answer = httpx.get(f"http://127.0.0.1:{port}/", headers={"Host": "plant.example"})
            assert answer.headers["Location"] == "/sign-in"
    finally:
        running.terminate()
        running.wait(20)
