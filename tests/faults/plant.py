"""A plant of real processes for fault tests: producers here, workers and a sweeper outside."""

import itertools
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
import psutil
from celery import Celery
from click.testing import CliRunner, Result
from sqlalchemy import func, make_url, select
from sqlalchemy.exc import SQLAlchemyError

from db.base import utc_now
from db.bell import BROKER_TRANSPORT_OPTIONS, INSPECT_QUEUE, INSPECT_TASK, celery_broker_url
from db.engine import connect
from db.frames import open_store
from db.models import Acquisition
from db.queries.acquisitions import NewAcquisition, accept
from db.queries.ledger import Ledger, read_ledger
from inspection.decode import encode_png
from lineside.cli import group
from services.bell import Bell
from tests.factories import make_camera, make_recipe_version, make_station, recipe_body
from tests.servers import RedisServer, wait_until

ROOT = Path(__file__).parents[2]
FRAMES = 200
HARMLESS = 200  # a grey value
LEASE_S, SWEEP_S = 3.0, 0.5
READY_S = 120
DONE_S = 200


@dataclass
class Plant:
    """One database, one Redis, one frame store, and the processes that work on them."""

    folder: Path
    url: str
    redis: RedisServer
    seed: int
    lease_s: float = LEASE_S
    fence: str = "on"
    settings: Mapping[str, str] = field(default_factory=dict)  # LINESIDE_… of every process
    _processes: list[psutil.Popen] = field(default_factory=list)
    _logs: list[IO[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.database = connect(self.url)
        self.store = open_store(str(self.folder / "frames"), min_free_bytes=0)
        self.bell = Bell(self.redis.url)
        self._numbers = itertools.count()
        with self.database.sessions.begin() as session:
            version = make_recipe_version(
                session,
                body=recipe_body(
                    model="classical-threshold",
                    classes={"defect": {"limits": {"count": {"fail": 0}}}},
                    frames={"max_waiting": 10_000},
                ),
            )
            # Several cameras, so that claims mix them.
            self.camera_ids = [
                make_camera(session, make_station(session, recipe=version)).id for _ in range(3)
            ]

    # The producer

    def push(
        self, count: int, *, ring: bool = True, greys: Mapping[int, int] | None = None
    ) -> list[int]:
        """Accept so many frames, in small transactions; returns their ids.

        Args:
            greys: of which grey value some are, by their place: those of `faulty_engine`.
        """
        ids: list[int] = []
        news = [self._frame((greys or {}).get(n, HARMLESS)) for n in range(count)]
        for start in range(0, count, 10):
            ids += self._accept(news[start : start + 10])
            if ring:
                self.bell.ring(INSPECT_QUEUE)
        return ids

    def _frame(self, grey: int) -> NewAcquisition:
        number = next(self._numbers)
        pixels = np.full((32, 32, 3), HARMLESS, dtype=np.uint8)
        pixels[0, 0] = grey
        pixels[1, 0] = (number & 255, number >> 8 & 255, number >> 16 & 255)
        image = self.store.put(encode_png(pixels), "png")
        camera_id = self.random.choice(self.camera_ids)
        return NewAcquisition(camera_id, utc_now(), image, idempotency_key=f"frame {number}")

    def _accept(self, news: list[NewAcquisition]) -> list[int]:
        """As ingest does it: again until it is committed, with a key that makes it one."""
        ids: list[int] = []

        def accepted() -> bool:
            with suppress(SQLAlchemyError), self.database.sessions.begin() as session:
                ids[:] = [one.acquisition_id for one in accept(session, news)]
                return True
            return False

        wait_until(accepted, 60, "the frames are accepted")
        return ids

    def ring_now(self, *, times: int = 1, task_id: str | None = None) -> None:
        """Ring here and now, as often as that, with one message or with several."""
        app = Celery(broker=celery_broker_url(self.redis.url), set_as_current=False)
        app.conf.broker_transport_options = BROKER_TRANSPORT_OPTIONS
        for _ in range(times):
            app.send_task(INSPECT_TASK, args=[INSPECT_QUEUE], queue=INSPECT_QUEUE, task_id=task_id)

    def waiting_rings(self) -> int:
        with self.redis.client() as client:
            return int(
                client.llen(f"{BROKER_TRANSPORT_OPTIONS['global_keyprefix']}{INSPECT_QUEUE}")
            )

    def listeners(self) -> int:
        """Workers that wait for a ring at this moment."""
        with self.redis.client() as client:
            return sum("b" in one["flags"] for one in client.client_list())

    # The processes

    def start_worker(self, *, concurrency: int = 1) -> "Worker":
        arguments = ("-m", "tests.faults.worker", str(concurrency), INSPECT_QUEUE)
        return Worker(self._start("worker", *arguments), self._log_path("worker"))

    def start_ready_worker(self, *, concurrency: int = 1) -> "Worker":
        """A worker that has loaded its model and inspected something."""
        worker = self.start_worker(concurrency=concurrency)
        self.push(1)
        self.wait_until_done()
        return worker

    def start_sweeper(self) -> psutil.Popen:
        return self._start("sweeper", "-m", "lineside", "sweeper")

    def start(self, name: str, *arguments: str, **environment: str) -> psutil.Popen:
        """Any other process of the plant."""
        return self._start(name, *arguments, **environment)

    def close(self) -> None:
        self.bell.close(timeout_s=0.1)
        for process in self._processes:
            kill_tree(process)
        for log in self._logs:
            log.close()
        self.database.dispose()

    def _start(self, name: str, *arguments: str, **more: str) -> psutil.Popen:
        log = self._log_path(name).open("ab")
        self._logs.append(log)
        environment = {
            **os.environ,
            "LINESIDE_DATA_DIR": str(self.folder),
            "LINESIDE_DATABASE_URL": self.url,
            "LINESIDE_REDIS_URL": self.redis.url,
            "LINESIDE_LEASE_S": str(self.lease_s),
            "LINESIDE_SWEEP_S": str(SWEEP_S),
            "FAULTS_SEED": str(self.seed),
            "FAULTS_FENCE": self.fence,
            "PYTHONUNBUFFERED": "1",
            **self.settings,
            **more,
        }
        process = psutil.Popen(
            [sys.executable, *arguments],
            env=environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        self._processes.append(process)
        return process

    def _log_path(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    # What is true now

    def lineside(self, *arguments: str) -> Result:
        """`lineside …`, here."""
        return CliRunner().invoke(group, arguments, env={"LINESIDE_DATABASE_URL": self.url})

    def ledger(self) -> Ledger:
        with self.database.reads() as session:
            return read_ledger(session)

    def count(self, state: str) -> int:
        with self.database.reads() as session:
            statement = select(func.count()).where(Acquisition.state == state)
            return int(session.execute(statement.select_from(Acquisition)).scalar_one())

    def stop_between_commits(
        self, worker: "Worker", still: Callable[[], bool] = lambda: True
    ) -> None:
        """SIGSTOP a worker that holds no lock, while `still` holds.

        One that is stopped within a transaction keeps SQLite's only write lock, which is a fault
        of another kind: nobody could write until it goes on.
        """

        def stopped() -> bool:
            worker.stop()
            if self._can_write() and still():
                return True
            worker.go_on()
            return False

        self.wait_for(stopped, "it is stopped between two transactions")

    def _can_write(self) -> bool:
        if not self.url.startswith("sqlite"):
            return True
        connection = sqlite3.connect(str(make_url(self.url).database), timeout=0.2)
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        finally:
            connection.close()
        return True

    def wait_until_done(self, timeout_s: float = DONE_S) -> None:
        self.wait_for(lambda: self.ledger().in_flight == 0, "everything has its verdict", timeout_s)

    def wait_for(
        self, condition: Callable[[], object], what: str, timeout_s: float = DONE_S
    ) -> None:
        def holds() -> bool:
            # While the database is away nothing is known, and that is not yet a failure.
            with suppress(SQLAlchemyError):
                return bool(condition())
            return False

        try:
            wait_until(holds, timeout_s, what)
        except AssertionError as error:
            logs = "\n".join(
                f"--- {path.name}\n{path.read_text(errors='replace')[-3000:]}"
                for path in sorted(self.folder.glob("*.log"))
            )
            raise AssertionError(f"{error}\nseed {self.seed}, {self.ledger()}\n{logs}") from None

    def assert_clean(self, acquired: int, *, dead: int = 0) -> None:
        """Every acquisition has exactly one verdict, and `lineside audit` says so."""
        self.wait_until_done()
        ledger = self.ledger()
        not_inspected = {"failed": dead} if dead else {}
        assert (ledger.acquired, ledger.passed, ledger.not_inspected) == (
            acquired,
            acquired - dead,
            not_inspected,
        ), f"seed {self.seed}: {ledger}"
        assert ledger.consistent, ledger.problems
        audit = self.lineside("audit")
        assert audit.exit_code == 0, audit.output


@dataclass
class Worker:
    """A worker's main process and its pool children."""

    process: psutil.Popen
    log_path: Path

    def children(self) -> list[psutil.Process]:
        """The processes that have an engine."""
        found = []
        for child in self.process.children(recursive=True):
            with suppress(psutil.Error):
                if "billiard.spawn" in " ".join(child.cmdline()):
                    found.append(child)
        return found

    def kill(self) -> None:
        """SIGKILL the whole worker, as the kernel or an impatient operator would."""
        kill_tree(self.process)

    def kill_main(self) -> None:
        """SIGKILL the main process alone; its children have to notice by themselves."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        """SIGSTOP: alive, and deaf to everything."""
        for process in [self.process, *self.process.children(recursive=True)]:
            process.suspend()

    def go_on(self) -> None:
        for process in [self.process, *self.process.children(recursive=True)]:
            process.resume()

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")


def kill_tree(process: psutil.Popen) -> None:
    with suppress(psutil.NoSuchProcess):
        tree = [process, *process.children(recursive=True)]
        for one in tree:
            with suppress(psutil.NoSuchProcess):
                one.send_signal(signal.SIGKILL)
        psutil.wait_procs(tree, timeout=10)
