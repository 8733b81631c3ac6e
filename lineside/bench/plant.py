"""The processes of a pipeline benchmark: Redis, ingest, worker and sweeper on a data folder."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from db.engine import Database, connect
from db.migrate import upgrade
from inspection.recipe import Recipe
from lineside import embedded_redis
from lineside.bench import pictures
from lineside.own_camera import OwnCamera, ensure_camera

_START_TIMEOUT_S = 20.0
_STOP_TIMEOUT_S = 10.0


class PlantFailed(Exception):
    """A process of the benchmark ended or did not start; the text has its last lines."""


@dataclass(frozen=True)
class Plant:
    """Running processes, by their names, and their database."""

    database: Database
    processes: dict[str, subprocess.Popen[bytes]]
    folder: Path

    def check(self) -> None:
        """Raise PlantFailed if a process has ended."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise PlantFailed(f"{name} ended by itself:\n{_tail(self.folder, name)}")

    def tail(self, name: str) -> str:
        """The last lines of a process."""
        return _tail(self.folder, name)


@contextlib.contextmanager
def running(folder: Path, recipe: Recipe, *, interval_s: float | None = None) -> Iterator[Plant]:
    """Run a plant whose one camera gives the drawn pictures as fast as they are taken.

    Args:
        interval_s: seconds from picture to picture instead.

    Raises PlantFailed, or embedded_redis.RedisMissing.
    """
    url = f"sqlite:///{folder / 'lineside.sqlite3'}"
    with contextlib.ExitStack() as stack:
        database = connect(url)
        stack.callback(database.dispose)
        upgrade(database.engine)
        _add_camera(database, folder, recipe, interval_s)
        redis_folder = stack.enter_context(embedded_redis.socket_folder(folder))
        environment = {
            **os.environ,
            "LINESIDE_DATA_DIR": str(folder),
            "LINESIDE_DATABASE_URL": url,
            "LINESIDE_REDIS_URL": embedded_redis.redis_url(redis_folder),
            "LINESIDE_RUN_DIR": str(folder / "run"),
            "PYTHONUNBUFFERED": "1",
        }
        processes: dict[str, subprocess.Popen[bytes]] = {}
        stack.callback(_stop, processes)
        argv = embedded_redis.redis_argv(embedded_redis.find_redis_binary(), redis_folder)
        _start(processes, "redis", argv, environment, folder)
        plant = Plant(database, processes, folder)
        _wait_for_redis(plant, redis_folder)
        # The worker first: it loads the model while the others come up.
        for name in ("worker", "sweeper", "ingest"):
            _start(processes, name, (sys.executable, "-m", "lineside", name), environment, folder)
        yield plant


def _add_camera(database: Database, folder: Path, recipe: Recipe, interval_s: float | None) -> None:
    from db.credentials import SecretBox

    camera = OwnCamera(
        kind=pictures.CAMERA_KIND,
        source="",
        recipe=recipe,
        station_key="bench",
        station_name="Benchmark",
        mm_per_px=None,
        options=pictures.CAMERA_OPTIONS | ({"interval_s": interval_s} if interval_s else {}),
    )
    with database.sessions.begin() as session:
        ensure_camera(session, camera, SecretBox(folder / "secret.key"))


def _start(
    processes: dict[str, subprocess.Popen[bytes]],
    name: str,
    argv: Sequence[str],
    environment: dict[str, str],
    folder: Path,
) -> None:
    with (folder / f"{name}.log").open("wb") as log:
        processes[name] = subprocess.Popen(
            argv,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait_for_redis(plant: Plant, folder: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while not embedded_redis.answers(folder):
        plant.check()
        if time.monotonic() > deadline:
            raise PlantFailed(f"Redis did not answer within {_START_TIMEOUT_S:g} s")
        time.sleep(0.05)


def _stop(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    """In the order of the frames: whoever gives ends before whoever takes, and Redis last."""
    for name in ("ingest", "sweeper", "worker", "redis"):
        if name in processes:
            processes[name].terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                processes[name].wait(_STOP_TIMEOUT_S)
            # Whatever it left behind has its session, and ends with it.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(processes[name].pid, signal.SIGKILL)
            processes[name].wait()


def _tail(folder: Path, name: str) -> str:
    return "\n".join((folder / f"{name}.log").read_text(errors="replace").splitlines()[-20:])
