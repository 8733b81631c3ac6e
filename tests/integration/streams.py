"""Cameras on the network for tests: a real RTSP server, and servers that are none."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).with_name("rtsp_server.py")
_SYSTEM_PYTHON = "/usr/bin/python3"
_NEEDS = (
    "gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-base, -good, -bad, -ugly and python3-gi"
    " of Debian (apt-get install …)"
)


def need_gstreamer() -> None:
    """Skip where GStreamer's RTSP server is missing; in CI, where nothing is left out, fail."""
    check = (
        "import gi; gi.require_version('GstRtspServer', '1.0');"
        " from gi.repository import Gst, GstRtspServer; Gst.init(None);"
        " raise SystemExit(not all(map(Gst.ElementFactory.find, ['x264enc', 'rtph264pay'])))"
    )
    try:
        found = subprocess.run([_SYSTEM_PYTHON, "-c", check], capture_output=True, timeout=60)
        there = found.returncode == 0
    except FileNotFoundError:
        there = False
    if there:
        return
    reason = f"the RTSP tests need {_NEEDS}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RtspServer:
    """GStreamer's RTSP server in a process of its own, which tests kill and start again."""

    def __init__(self, *options: str) -> None:
        self.port = free_port()
        self._options = options
        self._process: subprocess.Popen[str] | None = None

    def url(self, user: str = "") -> str:
        return f"rtsp://{user}{'@' if user else ''}127.0.0.1:{self.port}/stream"

    def start(self) -> None:
        command = [_SYSTEM_PYTHON, str(_SCRIPT), str(self.port), *self._options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(10)
            self._process = None


@contextlib.contextmanager
def running_rtsp(*options: str) -> Iterator[RtspServer]:
    need_gstreamer()
    server = RtspServer(*options)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def say_nothing(connection: socket.socket) -> None:
    """Read on and never answer."""
    with contextlib.suppress(OSError):
        while connection.recv(4096):
            pass


def send_garbage(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.recv(4096)
        connection.sendall(bytes(range(256)) * 64)


@contextlib.contextmanager
def fake_server(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A TCP server that does with each connection what it is told; gives its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_answer, args=(connection,), daemon=True).start()

    def _answer(connection: socket.socket) -> None:
        with connection:
            answer(connection)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


class IngestProcess:
    """`lineside ingest` as a user starts it, with everything it needs in a folder."""

    def __init__(self, data_dir: Path, redis_url: str, database_url: str = "") -> None:
        self.data_dir = data_dir
        self.log_path = data_dir / "ingest.log"
        self._environment = os.environ | {
            "LINESIDE_DATA_DIR": str(data_dir),
            "LINESIDE_DATABASE_URL": database_url,
            "LINESIDE_REDIS_URL": redis_url,
            "LINESIDE_MIN_FREE_BYTES": "0",
            # Tests put their clips beside the data folder.
            "LINESIDE_CAMERA_FOLDERS": str(data_dir.parent),
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "lineside", "ingest"],
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def send(self, number: signal.Signals) -> int:
        """Send a signal and wait for the end; gives the exit status."""
        assert self._process is not None
        self._process.send_signal(number)
        status = self._process.wait(60)
        self._process = None
        return status

    def stop(self) -> None:
        if self._process is not None:
            self.send(signal.SIGTERM)

    def log(self) -> str:
        return self.log_path.read_text()
