"""`lineside up`, the whole plant, as somebody starts it: in an empty folder, on a free port."""

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from lineside.sample_plant import SHELF_STATION_KEY, SURFACE_STATION_KEY
from tests.integration import streams
from tests.servers import wait_until

# Far above what it takes; the whole suite may run beside it.
START_S = 120
STOP_S = 5

pytestmark = pytest.mark.timeout(600)


class Up:
    """A running `lineside up`, its output, and the API as a program sees it."""

    def __init__(self, data_dir: Path, *arguments: str) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("LINESIDE_")
        }
        environment |= {"LINESIDE_DATA_DIR": str(data_dir), "LINESIDE_PORT": str(self.port)}
        self.environment = environment
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lineside", "up", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # A shell that runs in the background ignores SIGINT, and its children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        self.output: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output.append(line)

    def says(self, text: str) -> bool:
        return text in "".join(self.output)

    def get(self, path: str) -> Any:
        token = (self.data_dir / "api-token").read_text().strip()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", headers={"Authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    def inspections(self, station: str) -> list[dict[str, Any]]:
        try:
            items: list[dict[str, Any]] = self.get(f"/api/v1/inspections?station={station}")[
                "items"
            ]
        except (OSError, urllib.error.URLError):
            return []  # not up yet
        return items

    def newest(self, station: str) -> int:
        return max((item["id"] for item in self.inspections(station)), default=0)

    def waits(self, condition: Callable[[], object], timeout_s: float, what: str) -> None:
        def holds_or_has_ended() -> bool:
            assert self.process.poll() is None, "".join(self.output)[-4000:]
            return bool(condition())

        try:
            wait_until(holds_or_has_ended, timeout_s, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{''.join(self.output)[-6000:]}") from error

    def child(self, name: str) -> psutil.Process:
        """The process of one child of `up`, by its program or the command that it runs."""
        for process in psutil.Process(self.process.pid).children():
            try:
                words = process.cmdline()
            except psutil.Error:
                continue  # it has just ended
            if name in words[1:5] or any(Path(word).name.startswith(name) for word in words[:1]):
                return process
        raise LookupError(name)

    def family(self) -> list[psutil.Process]:
        me = psutil.Process(self.process.pid)
        return [me, *me.children(recursive=True)]

    def stop(self, number: int = signal.SIGINT) -> float:
        """Send the signal and return how long it took until `up` had ended, seconds."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(60)
        self._reader.join(10)
        return time.monotonic() - began

    def audit(self) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "lineside", "audit", "--json"],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        ledger: dict[str, Any] = json.loads(done.stdout)
        return ledger


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Up]]:
    started: list[Up] = []

    def _start(*arguments: str, data_dir: Path | None = None) -> Up:
        up = Up(data_dir or tmp_path / "var", *arguments)
        started.append(up)
        return up

    yield _start
    for up in started:
        if up.process.poll() is None:
            up.stop()


def gone(family: list[psutil.Process]) -> bool:
    return not [
        process
        for process in family
        if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    ]


def test_a_plant_from_nothing_to_ctrl_c_and_on_again(start):
    """What somebody sees who starts it, breaks it, stops it, and starts it again."""
    up = start()
    up.waits(lambda: up.says(f"Open http://127.0.0.1:{up.port}"), START_S, "it says it is ready")
    for station in (SURFACE_STATION_KEY, SHELF_STATION_KEY):
        up.waits(lambda s=station: up.inspections(s), START_S, f"a verdict of {station}")
    page = urllib.request.urlopen(f"http://127.0.0.1:{up.port}/", timeout=10)
    assert "text/html" in page.headers["Content-Type"]

    # Every part can be killed, Redis too, and is there again without a hand.
    for name in ("redis", "worker", "ingest", "web", "sweeper", "alerts"):
        up.child(name).kill()
    up.waits(lambda: up.says("worker ended (signal SIGKILL)"), 30, "the death is said")
    for station in (SURFACE_STATION_KEY, SHELF_STATION_KEY):
        before = max((item["id"] for item in up.inspections(station)), default=0)
        up.waits(
            lambda s=station, b=before: up.newest(s) > b, START_S, f"{station} goes on after kills"
        )
    assert up.audit()["consistent"]

    refused = subprocess.run(
        [sys.executable, "-m", "lineside", "up", "--port", str(free_port())],
        env=up.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    assert "already runs" in refused.stderr
    assert str(up.process.pid) in refused.stderr

    family = up.family()
    assert len(family) >= 8  # itself, guard, Redis, five children, and what those have started
    assert up.stop() < STOP_S
    assert up.process.returncode == 0
    assert not up.says("shutdown (MainProcess)")
    wait_until(lambda: gone(family), 2, "no process stays")
    ledger = up.audit()

    again = start(data_dir=up.data_dir)
    before = ledger["acquired"]
    again.waits(
        lambda: again.inspections(SURFACE_STATION_KEY) and again.audit()["acquired"] > before,
        START_S,
        "it goes on where it was",
    )
    assert not again.says("Added the sample plant")
    family = again.family()
    # Nobody can ask it to tidy up now.
    again.process.kill()
    again.process.wait()
    wait_until(lambda: gone(family), 10, "no process stays after SIGKILL")
    assert again.audit()["consistent"]


def test_a_port_in_use_is_said_at_once(tmp_path):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "lineside", "up"],
            env={
                **os.environ,
                "LINESIDE_PORT": str(port),
                "LINESIDE_DATA_DIR": str(tmp_path / "var"),
            },
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert f"port {port} is in use" in done.stderr
    assert str(os.getpid()) in done.stderr
    assert "LINESIDE_PORT" in done.stderr


def test_a_data_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "lineside", "up", "--port", str(free_port())],
        env={**os.environ, "LINESIDE_DATA_DIR": str(tmp_path / "file" / "var")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "LINESIDE_DATA_DIR" in done.stderr
    assert "Traceback" not in done.stderr


def test_tables_of_a_newer_version_are_said(tmp_path):
    var = tmp_path / "var"
    var.mkdir()
    with contextlib.closing(sqlite3.connect(var / "lineside.sqlite3")) as tables, tables:
        tables.execute("create table alembic_version (version_num varchar(32))")
        tables.execute("insert into alembic_version values ('from the future')")
    done = subprocess.run(
        [sys.executable, "-m", "lineside", "up", "--port", str(free_port())],
        env={**os.environ, "LINESIDE_DATA_DIR": str(var)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "newer Lineside" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.rtsp
def test_a_live_source_that_goes_away_and_comes_back(start):
    # So few frames that a slow host need hold none, which would be a camera that is degraded.
    with streams.running_rtsp("--fps", "2") as server:
        up = start("--source", server.url(), "--recipe", "classical-threshold")

        def camera() -> dict[str, Any]:
            (only,) = up.get("/api/v1/cameras")["items"]
            return only

        def newest() -> int:
            items = up.get("/api/v1/inspections")["items"]
            return max((item["id"] for item in items), default=0)

        up.waits(lambda: up.says(f"Open http://127.0.0.1:{up.port}"), START_S, "it is ready")
        up.waits(newest, START_S, "a first verdict")
        assert (camera()["kind"], camera()["state"]) == ("rtsp", "online")
        server.kill()
        up.waits(
            lambda: "refuses the connection" in str(camera()["state_reason"]),
            START_S,
            "the camera is said to be away, and why",
        )
        assert camera()["state"] == "offline"
        before = newest()
        server.start()
        up.waits(lambda: camera()["state"] == "online", START_S, "the camera is back")
        up.waits(lambda: newest() > before, START_S, "verdicts go on")
    up.stop()
    assert up.process.returncode == 0
    assert up.audit()["consistent"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--source", "no-such-clip.mp4", "--recipe", "surface-sample"], "no-such-clip.mp4"),
        (["--source", ".", "--recipe", "no-such-recipe"], "no-such-recipe"),
        (["--source", "."], "go together"),
        (["--loop"], "need --source"),
    ],
)
def test_a_source_that_cannot_be_used_is_said_at_once(tmp_path, arguments, expected):
    done = subprocess.run(
        [sys.executable, "-m", "lineside", "up", *arguments],
        env={**os.environ, "LINESIDE_DATA_DIR": str(tmp_path / "var")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (1, 2)
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
