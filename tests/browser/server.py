"""`lineside dashboard` as a process that a test can kill and start again on the same port."""

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from tests.servers import wait_until

_START_S = 120

# What a page may log once its server was killed: whatever was under way breaks off in its own way.
KILLED = "net::ERR_"


class DashboardServer:
    def __init__(self, data_dir: Path, redis_url: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = data_dir / f"dashboard-{self.port}.log"
        self._environment = os.environ | {
            "LINESIDE_DATA_DIR": str(data_dir),
            "LINESIDE_REDIS_URL": redis_url,
        }
        self._environment.pop("LINESIDE_DATABASE_URL", None)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "lineside", "dashboard", "--port", str(self.port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        wait_until(self._answers, _START_S, f"the pages answer; see {self._log}")

    def kill(self) -> None:
        """As a crash: connections break off."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()[-3000:]
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def _end(self, number: int) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, number)
            self._process.wait(60)
            self._process = None
