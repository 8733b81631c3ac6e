"""No password shows anywhere: in logs, tables, pages and answers, with all working and all broken.

Every secret is a word of its own, so that a failure says whose it was.
"""

import base64
import contextlib
import itertools
import os
import re
import signal
import socket
import subprocess
import sys
import time
import traceback
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from dashboards.app import create_app
from dashboards.values import values_from_settings
from db.base import Base
from db.credentials import SecretBox
from db.engine import Database, connect
from db.models import Camera, Delivery
from db.queries.cameras import add_camera
from db.queries.outbox import write_alert
from lineside.cli import group
from tests.factories import make_discrepancy, make_station
from tests.integration.test_redis_access import ComposeRedis
from tests.servers import PostgresServer, wait_until

CAMERA = "camera/pa:ss@w0rd"
DATABASE = "database-pa55word"
WEBHOOK_PATH = "webhook-path-pa55"
WEBHOOK_SECRET = "webhook-secret-pa55word"
SMTP = "smtp-pa55word"
API_TOKEN = "api-token-pa55word-long"
REDIS = "5c8e-of-the-test"  # of ComposeRedis


def forms(secret: str) -> set[str]:
    """A secret as it stands, quoted for a URL, and in base64 as it would go over a wire."""
    return {secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("=")}


def leaks(text: str, *, allowed: str | None = None) -> list[str]:
    secrets = (CAMERA, DATABASE, WEBHOOK_PATH, WEBHOOK_SECRET, SMTP, API_TOKEN, REDIS)
    return [
        secret
        for secret in secrets
        if secret != allowed and any(form in text for form in forms(secret))
    ]


def test_the_search_finds_what_it_looks_for():
    assert leaks("rtsp://u:camera%2Fpa%3Ass%40w0rd@host/") == [CAMERA]
    assert leaks("AUTH LOGIN " + base64.b64encode(SMTP.encode()).decode()) == [SMTP]
    assert leaks("redis://lineside:***@host/0") == []


class Plant:
    """All processes of Lineside with secrets in every setting that takes one."""

    def __init__(self, folder: Path, database_url: str, redis: ComposeRedis) -> None:
        self.folder = folder
        self.redis = redis
        self.database_url = database_url
        self.database = connect(database_url)
        self.ports = {"api": _free_port(), "dashboard": _free_port()}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def environment(self, **changes: str) -> dict[str, str]:
        settings = {
            "LINESIDE_DATA_DIR": str(self.folder),
            "LINESIDE_DATABASE_URL": self.database_url,
            "LINESIDE_REDIS_URL": self.redis.url(),
            "LINESIDE_API_TOKEN": API_TOKEN,
            "LINESIDE_WEBHOOK_URL": f"http://127.0.0.1:1/{WEBHOOK_PATH}",
            "LINESIDE_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "LINESIDE_WEBHOOK_ALLOW_PRIVATE": "true",
            "LINESIDE_SMTP_URL": f"smtp://line:{quote(SMTP)}@127.0.0.1:1",
            "LINESIDE_ALERT_TO": "who@example.com",
            "LINESIDE_ALERT_FROM": "line@plant.example",
            "LINESIDE_ALERT_ATTEMPTS": "2",
            "LINESIDE_ALERT_RETRY_S": "0.1",
        }
        own = {name: value for name, value in os.environ.items() if "LINESIDE" not in name}
        return {**own, **settings, **changes}

    def start(self, **changes: str) -> None:
        for name in ("ingest", "sweeper", "alerts", "worker", "api", "dashboard"):
            port = ["--port", str(self.ports[name])] if name in self.ports else []
            with (self.folder / f"{name}.log").open("ab") as log:
                self._processes[name] = subprocess.Popen(
                    [sys.executable, "-m", "lineside", name, *port],
                    env=self.environment(**changes),
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )

    def stop(self) -> None:
        until = time.monotonic() + 4
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(until - time.monotonic(), 0.1))
            # What is left of its group: a worker that looks for its Redis ends late.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
        self._processes.clear()

    def said(self) -> dict[str, str]:
        return {path.name: path.read_text(errors="replace") for path in self.folder.glob("*.log")}

    def get(self, process: str, path: str) -> tuple[int, str]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports[process]}{path}",
            headers={"Authorization": f"Bearer {API_TOKEN}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode(errors="replace")
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace")

    def answers(self, process: str, path: str = "/healthz") -> bool:
        try:
            return bool(self.get(process, path)[0])
        except OSError:
            return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@pytest.fixture
def plant(tmp_path: Path, postgres_server: PostgresServer) -> Iterator[Plant]:
    url = postgres_server.new_database().replace("postgres@", f"postgres:{DATABASE}@")
    assert DATABASE in url
    (tmp_path / "redis").mkdir()
    redis = ComposeRedis(tmp_path / "redis")
    redis.start()
    folder = tmp_path / "data"
    folder.mkdir()
    made = Plant(folder, url, redis)
    yield made
    made.stop()
    made.database.dispose()
    assert redis.process is not None
    if redis.process.poll() is None:
        redis.process.kill()
        redis.process.wait(10)


def seed(plant: Plant) -> int:
    password = quote(CAMERA, safe="")
    with plant.database.sessions.begin() as session:
        station = make_station(session)
        camera = add_camera(
            session,
            station.id,
            "gate",
            "rtsp",
            f"rtsp://operator:{password}@127.0.0.1:1/stream?token={password}",
            box=SecretBox(plant.folder / "secret.key"),
        )
        write_alert(session, make_discrepancy(session), "discrepancy.opened")
        return camera.id


def dump(database: Database) -> Iterator[tuple[str, str]]:
    """Every cell of every table as text."""
    with database.reads() as session:
        for table in Base.metadata.sorted_tables:
            for row in session.execute(select(table)).mappings():
                for column, value in row.items():
                    yield f"{table.name}.{column}", str(value)


def pages() -> Iterator[str]:
    """Every page's address, with 1 for each number and word in it."""
    app = create_app(values_from_settings())
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and rule.rule != "/events" and rule.endpoint != "static":
            yield re.sub(r"<[^>]+>", "1", rule.rule)


def api_addresses(plant: Plant) -> Iterator[str]:
    _, text = plant.get("api", "/api/v1/openapi.json")
    for path in re.findall(r'"(/(?:api/v1|healthz|readyz)[^"]*)":', text):
        yield re.sub(r"\{[^}]+\}", "1", path)


def camera_state(plant: Plant, camera_id: int) -> str:
    with plant.database.reads() as session:
        return session.get_one(Camera, camera_id).state_reason


def delivery_states(plant: Plant) -> list[str]:
    with plant.database.reads() as session:
        return list(session.scalars(select(Delivery.state)))


@pytest.mark.postgres
def test_no_password_shows_while_all_works_and_receivers_refuse(plant):
    camera_id = seed(plant)
    plant.start()
    wait_until(lambda: plant.answers("api") and plant.answers("dashboard"), 90, "both answer")
    wait_until(lambda: delivery_states(plant) == ["failed"] * 2, 60, "both alerts are given up")
    refused = "camera has been tried"
    wait_until(lambda: "camera.lost" in plant.said()["ingest.log"], 60, refused)
    assert camera_state(plant, camera_id)
    asked = 0
    for process, path in itertools.chain(
        (("api", path) for path in api_addresses(plant)),
        (("dashboard", path) for path in pages()),
    ):
        status, text = plant.get(process, path)
        assert leaks(text) == [], f"{process} {path} ({status})"
        asked += 1
    assert asked > 20
    plant.stop()
    for name, text in plant.said().items():
        assert leaks(text) == [], name
    for place, text in dump(plant.database):
        assert leaks(text) == [], place


@pytest.mark.postgres
def test_no_password_shows_while_database_and_redis_are_gone(plant):
    seed(plant)
    assert plant.redis.process is not None
    plant.redis.process.kill()
    plant.redis.process.wait(10)
    gone = f"postgresql+psycopg://lineside:{DATABASE}@127.0.0.1:1/lineside"
    plant.start(LINESIDE_DATABASE_URL=gone)
    wait_until(lambda: plant.answers("api") and plant.answers("dashboard"), 90, "both answer")
    for process, path in (("api", "/readyz"), ("api", "/api/v1/stations"), ("dashboard", "/")):
        status, text = plant.get(process, path)
        assert status >= 500, (process, path, status)
        assert leaks(text) == [], (process, path)
    complaints = {"ingest.log": "database", "sweeper.log": "sweep", "alerts.log": "database"}
    for name, word in complaints.items():
        wait_until(lambda: word in plant.said()[name], 60, f"{name} says {word}")  # noqa: B023
    plant.stop()
    for name, text in plant.said().items():
        assert leaks(text) == [], name


@pytest.mark.parametrize(
    ("command", "name", "value"),
    [
        ("alerts", "LINESIDE_SMTP_URL", f"smtp://line:{SMTP}/x@host"),
        ("alerts", "LINESIDE_WEBHOOK_URL", f"https://hooks.example/{WEBHOOK_PATH}"),
        ("migrate", "LINESIDE_DATABASE_URL", f"nonsense://lineside:{DATABASE}@host/x"),
        ("migrate", "LINESIDE_DATABASE_URL", f"postgresql+psycopg://u:{DATABASE}@127.0.0.1:1/x"),
        ("audit", "LINESIDE_DATABASE_URL", f"postgresql+psycopg://u:{DATABASE}@127.0.0.1:1/x"),
    ],
)
def test_a_wrong_setting_is_refused_without_showing_it(command, name, value, tmp_path, monkeypatch):
    monkeypatch.setenv("LINESIDE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv(name, value)
    result = CliRunner().invoke(group, [command])
    assert result.exit_code != 0
    # What Python would print of an exception that nobody caught is shown too.
    shown = result.output + "".join(traceback.format_exception(result.exception))
    assert leaks(shown) == []
