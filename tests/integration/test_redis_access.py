"""The Redis of docker-compose.yml, started by its own script with its own configuration.

No container is needed for that: the script, the configuration and the access list are what the
container mounts. A real Celery worker then has to get along with what the access list allows.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from celery import Celery

from db.bell import BROKER_TRANSPORT_OPTIONS, EVENTS_CHANNEL
from tests.servers import _redis_program, wait_until

DEPLOY = Path(__file__).parents[2] / "deploy"
PASSWORD = "5c8e-of-the-test"

WORKER = """
import sys
from celery import Celery
from db.bell import BROKER_TRANSPORT_OPTIONS

app = Celery(broker=sys.argv.pop(1))
app.conf.broker_transport_options = BROKER_TRANSPORT_OPTIONS
app.conf.task_ignore_result = True

@app.task(name="test.touch")
def touch(path):
    open(path, "w").close()

app.worker_main(["worker", "--pool=solo", "--queues=test", "--loglevel=INFO"])
"""


class ComposeRedis:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        programs = folder / "bin"
        programs.mkdir()
        (programs / "redis-server").symlink_to(_redis_program())
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.environment = {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "REDIS_PASSWORD": PASSWORD,
            "REDIS_CONF": str(DEPLOY / "redis" / "redis.conf"),
            "REDIS_RUN_DIR": str(folder / "run"),
            "REDIS_DATA_DIR": str(folder),
            "REDIS_HEALTH_PORT": str(self.port),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self._folder / "redis.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *("/bin/sh", str(DEPLOY / "redis" / "start.sh")),
                    *("--port", str(self.port), "--bind", "127.0.0.1"),
                ],
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, 20, f"Redis answers; see {self._folder}/redis.log")

    def url(self, user="lineside", password=PASSWORD) -> str:
        return f"redis://{user}:{password}@127.0.0.1:{self.port}/0"

    def client(self, **who: str) -> redis.Redis:
        return redis.Redis.from_url(self.url(**who), socket_timeout=5)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


@pytest.fixture(scope="module")
def compose_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComposeRedis]:
    server = ComposeRedis(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    assert server.process is not None
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(20)


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1:{port}/0",
        "redis://default:none@127.0.0.1:{port}/0",
        "redis://lineside:wrong@127.0.0.1:{port}/0",
    ],
)
def test_nobody_gets_in_without_the_password(compose_redis, url):
    with (
        redis.Redis.from_url(url.format(port=compose_redis.port)) as client,
        pytest.raises((redis.AuthenticationError, redis.ResponseError)),
    ):
        client.get("lineside:x")


@pytest.mark.parametrize(
    "command",
    [
        ("CONFIG", "GET", "*"),
        ("FLUSHALL",),
        ("FLUSHDB",),
        ("KEYS", "*"),
        ("SHUTDOWN",),
        ("MODULE", "LIST"),
        ("ACL", "LIST"),
        ("RESTORE", "lineside:x", "0", "x"),
        ("REPLICAOF", "127.0.0.1", "1"),
        ("GET", "of-somebody-else"),
    ],
)
def test_the_user_may_not_harm_the_server_or_read_other_keys(compose_redis, command):
    with compose_redis.client() as client, pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command(*command)


def test_the_password_is_nowhere_in_the_servers_files(compose_redis, tmp_path_factory):
    for path in Path(compose_redis.environment["REDIS_RUN_DIR"]).parent.rglob("*"):
        if path.is_file() and "bin" not in path.parts:
            assert PASSWORD.encode() not in path.read_bytes(), path
    acl = Path(compose_redis.environment["REDIS_RUN_DIR"]) / "users.acl"
    assert acl.stat().st_mode & 0o077 == 0


def test_what_must_last_and_what_must_not_be_evicted_is_set(compose_redis):
    with compose_redis.client() as client:
        info = client.info()
    assert info["aof_enabled"] == 1
    assert info["maxmemory_policy"] == "noeviction"
    assert info["maxmemory"] > 0


def test_its_health_check_needs_no_password_and_can_do_nothing_else(compose_redis):
    with compose_redis.client(user="health", password="none") as client:
        assert client.ping()
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.get("lineside:x")
    if shutil.which("redis-cli") is None:
        pytest.skip("redis-cli is not installed here; the image has it")
    environment = {k: v for k, v in compose_redis.environment.items() if k != "REDIS_PASSWORD"}
    script = ["/bin/sh", str(DEPLOY / "redis" / "healthy.sh")]
    assert subprocess.run(script, env=environment, capture_output=True).returncode == 0
    unused = environment | {"REDIS_HEALTH_PORT": "1"}
    assert subprocess.run(script, env=unused, capture_output=True).returncode != 0


def test_a_celery_worker_gets_along_with_it(compose_redis, tmp_path):
    log = tmp_path / "worker.log"
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, compose_redis.url()],
            stdout=output,
            stderr=output,
        )
    try:
        app = Celery(broker=compose_redis.url())
        app.conf.broker_transport_options = BROKER_TRANSPORT_OPTIONS
        done = tmp_path / "done"
        app.send_task("test.touch", [str(done)], queue="test")
        wait_until(done.exists, 60, f"the task runs; {log.read_text()[-1500:]}")
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(20)
    assert "NOPERM" not in log.read_text()
    assert "no permission" not in log.read_text().lower()
    with compose_redis.client() as client:
        names = [name.decode() for name in client.scan_iter("*")]
    assert all(name.startswith("lineside:") for name in names)


def test_live_events_pass(compose_redis):
    with compose_redis.client() as client, client.pubsub() as listener:
        listener.subscribe(EVENTS_CHANNEL)
        assert listener.get_message(timeout=5)["type"] == "subscribe"
        client.publish(EVENTS_CHANNEL, b"{}")
        assert listener.get_message(timeout=5)["data"] == b"{}"


def test_without_a_password_it_does_not_start(compose_redis):
    environment = compose_redis.environment | {"REDIS_PASSWORD": ""}
    started = subprocess.run(
        ["/bin/sh", str(DEPLOY / "redis" / "start.sh"), "--port", "0"],
        env=environment,
        capture_output=True,
        timeout=20,
    )
    assert started.returncode != 0
    assert b"REDIS_PASSWORD" in started.stderr
