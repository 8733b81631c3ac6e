"""Keeps one process per enabled camera: starts, watches, kills and restarts them.

A camera's process beats; one that has not for ten seconds hangs where nothing else helps, and
is killed. Times are monotonic, so that a clock that steps kills nobody.
"""

from __future__ import annotations

import multiprocessing
import random
import signal
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from multiprocessing import connection, resource_tracker
from multiprocessing.context import SpawnProcess

import structlog
from sqlalchemy.exc import SQLAlchemyError

from db.base import utc_now
from db.engine import Database
from db.queries import camera_states, cameras
from db.queries.cameras import CameraSpec
from inspection.verdicts import CameraState
from services.ingest import camera_process
from services.ingest.camera_process import Surroundings
from services.ingest.reporter import Announcer
from services.ingest.shots import Shots

_log = structlog.get_logger()

SILENCE_S = 10.0
_START_SILENCE_S = 60.0  # a process that imports on a busy host is silent for long
_REREAD_EVERY_S = 2.0
_STOP_S = 1.2  # ingest as a whole ends within 2 s
_KILL_S = 1.0
_BACK_OFF_S = (1.0, 60.0)
_STEADY_S = 60.0  # one that ran as long starts again without waiting


@dataclass
class _Run:
    """A camera with its process, or the time at which it gets the next one."""

    spec: CameraSpec
    process: SpawnProcess | None = None
    beats: connection.Connection | None = None
    started_s: float = 0.0
    beat_s: float | None = None
    failures: int = 0
    next_start_s: float = 0.0
    stopping_since_s: float | None = None
    killed: bool = False  # for its silence
    retired: bool = False  # disabled or removed


class Fleet:
    """Runs the cameras of a database until `stop`.

    Args:
        keys: only these cameras; all enabled ones where empty.
        beat: called again and again from the loop: a sign of life.
    """

    def __init__(
        self,
        database: Database,
        surroundings: Surroundings,
        *,
        keys: Collection[str] = (),
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._database, self._surroundings, self._keys = database, surroundings, keys
        self._beat = beat
        self._announcer = Announcer(surroundings.redis_url)
        self._context = multiprocessing.get_context("spawn")
        # The first child would start it, and it unblocks the signal that `_start` blocks.
        resource_tracker.ensure_running()
        self._runs: dict[int, _Run] = {}
        self._shots = Shots(database, surroundings, self._context)
        self._stopping = False
        self._next_read_s = self._listened_s = 0.0
        self._rng = random.Random()  # noqa: S311 - jitter

    def stop(self) -> None:
        """End all cameras and return from `run`; a signal handler may call it."""
        self._stopping = True

    def run(self) -> None:
        try:
            while not self._stopping:
                self._beat()
                if time.monotonic() >= self._next_read_s:
                    self._next_read_s = time.monotonic() + _REREAD_EVERY_S
                    self._reread()
                self._shots.tend()
                for run in list(self._runs.values()):
                    self._tend(run, time.monotonic())
                self._listen(0.2)
        finally:
            self._shots.close()
            self._end_all()
            self._announcer.close()

    def _reread(self) -> None:
        try:
            with self._database.reads() as session:
                specs = cameras.cameras_to_run(session, self._keys)
        except SQLAlchemyError as error:
            # The cameras that run go on: they hold or count their frames until it is back.
            _log.warning("fleet.database_away", error=type(error).__name__)
            return
        present = {spec.camera_id for spec in specs}
        for camera_id, run in self._runs.items():
            if camera_id not in present:
                self._retire(run)
        for spec in specs:
            run = self._runs.setdefault(spec.camera_id, _Run(spec))
            if _same_work(run.spec, spec):
                run.retired = False
            else:
                self._tell_to_stop(run)
                run.failures, run.next_start_s = 0, 0.0
            run.spec = spec
            if spec.frames is None:
                self._tell_to_stop(run)
                self._say([run.spec], CameraState.OFFLINE, "the station has no active recipe")

    def _retire(self, run: _Run) -> None:
        if not run.retired:
            run.retired = True
            self._tell_to_stop(run)

    def _tend(self, run: _Run, now_s: float) -> None:
        if run.process is None:
            wanted = not run.retired and run.spec.frames is not None
            if wanted and run.spec.state is not CameraState.ENDED and now_s >= run.next_start_s:
                self._start(run, now_s)
            return
        if run.process.exitcode is not None:
            self._bury(run, run.process.exitcode, now_s)
        elif run.stopping_since_s is not None:
            if now_s - run.stopping_since_s > _STOP_S:
                run.process.kill()
        elif self._silent_s(run, now_s) > (_START_SILENCE_S if run.beat_s is None else SILENCE_S):
            _log.warning("camera.hangs", camera=run.spec.key, pid=run.process.pid)
            run.process.kill()
            run.killed = True

    def _silent_s(self, run: _Run, now_s: float) -> float:
        # Where this process itself stood still, nobody is silent before their beats were read.
        if now_s - self._listened_s > 1.0:
            return 0.0
        return now_s - (run.started_s if run.beat_s is None else run.beat_s)

    def _start(self, run: _Run, now_s: float) -> None:
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(
            target=camera_process.main,
            args=(run.spec, self._surroundings, sender),
            name=f"camera-{run.spec.key}",
            daemon=True,
        )
        # Ctrl-C reaches the whole group. A child that is just importing would die of it with a
        # traceback; it inherits the block and leaves ending to this process.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        sender.close()
        run.process, run.beats = process, receiver
        run.started_s, run.beat_s, run.stopping_since_s, run.killed = now_s, None, None, False
        _log.info("camera.started", camera=run.spec.key, pid=process.pid)

    def _bury(self, run: _Run, exit_code: int, now_s: float) -> None:
        assert run.process is not None
        run.process.join()
        run.process.close()
        if run.beats is not None:
            run.beats.close()
        run.process, run.beats = None, None
        if run.retired:
            self._say([run.spec], CameraState.DISABLED, "disabled")
            del self._runs[run.spec.camera_id]
            return
        if exit_code == 0 or run.stopping_since_s is not None:
            # It ended, and said so, or was told to stop: the next reading decides.
            run.next_start_s = now_s + (_REREAD_EVERY_S + 0.5 if exit_code == 0 else 0.0)
            self._next_read_s = min(self._next_read_s, now_s)
            return
        run.failures = 1 if now_s - run.started_s > _STEADY_S else run.failures + 1
        least_s, most_s = _BACK_OFF_S
        wait_s = self._rng.uniform(0.2, min(most_s, least_s * 2 ** min(run.failures - 1, 10)))
        run.next_start_s = now_s + wait_s
        how = f"signal {-exit_code}" if exit_code < 0 else f"exit status {exit_code}"
        reason = (
            f"gave no sign of life for {SILENCE_S:.0f} s; its process is started anew"
            if run.killed
            else f"its process ended ({how}) and is started anew"
        )
        _log.warning("camera.died", camera=run.spec.key, how=how, retry_s=round(wait_s, 1))
        self._say([run.spec], CameraState.OFFLINE, reason)
        self._next_read_s = now_s  # its acquisitions have been numbered on since

    def _listen(self, timeout_s: float) -> None:
        pipes = {run.beats: run for run in self._runs.values() if run.beats is not None}
        if not pipes:
            time.sleep(timeout_s)
        for pipe in connection.wait(list(pipes), timeout_s):
            run = pipes[pipe]  # type: ignore[index]
            try:
                while run.beats is not None and run.beats.poll():
                    run.beat_s = run.beats.recv()
            except (EOFError, OSError):
                assert run.beats is not None
                run.beats.close()
                run.beats = None
        self._listened_s = time.monotonic()

    def _tell_to_stop(self, run: _Run) -> None:
        if run.process is not None and run.stopping_since_s is None:
            run.process.terminate()
            run.stopping_since_s = time.monotonic()

    def _end_all(self) -> None:
        running = [run for run in self._runs.values() if run.process is not None]
        for run in running:
            self._tell_to_stop(run)
        until_s = time.monotonic() + _STOP_S
        for run in running:
            assert run.process is not None
            run.process.join(max(0.0, until_s - time.monotonic()))
            if run.process.exitcode is None:
                run.process.kill()
                run.process.join(_KILL_S)
        self._say([run.spec for run in running], CameraState.OFFLINE, "ingest is stopped")

    def _say(self, specs: Sequence[CameraSpec], state: CameraState, reason: str) -> None:
        try:
            with self._database.sessions.begin() as session:
                told = [
                    spec
                    for spec in specs
                    if camera_states.write_state(session, spec.camera_id, state, reason, utc_now())
                ]
        except SQLAlchemyError as error:
            _log.warning("fleet.state_unwritten", error=type(error).__name__)
            return
        for spec in told:
            self._announcer.camera(spec.station_id, spec.camera_id, state.value)


def _same_work(before: CameraSpec, after: CameraSpec) -> bool:
    """Whether a running process can go on although its row was read anew."""

    def work(spec: CameraSpec) -> tuple[object, ...]:
        options = spec.options.model_copy(update={"started_at": None})
        return (
            spec.kind,
            spec.source,
            spec.secret,
            options,
            spec.frames,
            spec.model,
            spec.station_id,
        )

    return work(before) == work(after)
