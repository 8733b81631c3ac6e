"""Runs the children of `lineside up`: starts, watches, starts again, and ends them all."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lineside.child_output import BoundedLog, ChildOutput, Terminal
from lineside.process_guard import Guard, kill_group

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
# A child that has run this long had no part in the failures before.
STEADY_S = 60.0
# A loop beats every few seconds; loading a model on a slow host may hold it for a while.
HUNG_S = 120.0


@dataclass(frozen=True)
class Child:
    """What to run, and when to end it."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] | None = None  # the whole environment; None: that of `up`
    last_to_stop: bool = False  # the bell stays until nobody listens any more
    quiet: bool = False  # its lines go into its file alone
    # Seconds since its last sign of life, by this host's monotonic clock; None: it gave none.
    silence_s: Callable[[], float | None] | None = None


class _Run:
    """One child and its present process."""

    def __init__(self, child: Child, output: ChildOutput) -> None:
        self.child = child
        self.output = output
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.failures = 0
        self.start_at: float | None = 0.0  # monotonic; None: running


class Supervisor:
    """Keeps children running until it is told to stop. It never gives one up.

    Each child leads a session of its own, so that Ctrl-C reaches `up` alone, which then ends them
    in order, and so that a child's own children can be killed with it.

    Args:
        calm: show only what children say above the level info; the files have it all.
    """

    def __init__(
        self,
        children: Sequence[Child],
        *,
        logs_dir: Path,
        terminal: Terminal,
        guard: Guard,
        stop_timeout_s: float = 2.5,
        hung_s: float = HUNG_S,
        calm: bool = False,
    ) -> None:
        self._terminal = terminal
        self._guard = guard
        self._stop_timeout_s = stop_timeout_s
        self._hung_s = hung_s
        self._stop_signals = 0
        self._selector = selectors.DefaultSelector()
        width = max((len(child.name) for child in children), default=0)
        logs_dir.mkdir(parents=True, exist_ok=True)
        self._runs = []
        for number, child in enumerate(children):
            log = BoundedLog(logs_dir / f"{child.name}.log")
            to = None if child.quiet else terminal
            output = ChildOutput(child.name, width, number, log, to, calm=calm)
            self._runs.append(_Run(child, output))

    def request_stop(self) -> None:
        """Let `run` end the children and return. Called twice it kills them at once."""
        self._stop_signals += 1

    @property
    def stopping(self) -> bool:
        return self._stop_signals > 0

    def run(self) -> None:
        """Keep the children running until `request_stop`, then end them."""
        try:
            self.run_until(lambda: False)
        finally:
            self.stop()

    def run_until(self, condition: Callable[[], bool], names: Sequence[str] = ()) -> None:
        """Keep the children (of these names only, if any are given) running until `condition`
        holds or a stop is requested."""
        while not self.stopping and not condition():
            for run in self._runs:
                if (not names or run.child.name in names) and self._is_due(run):
                    self._start(run)
            self._read(timeout_s=0.1)
            for run in self._runs:
                if run.process is not None and (self._has_ended(run) or self._hangs(run)):
                    self._mend(run, self._bury(run))

    def stop(self) -> None:
        """End every child: ask, wait, kill; those that are last to stop after the others."""
        for last in (False, True):
            batch = [run for run in self._runs if run.process and run.child.last_to_stop is last]
            for run in batch:
                assert run.process is not None
                run.process.terminate()
            deadline = time.monotonic() + (0.5 if last else self._stop_timeout_s)
            # What the children say while they end is read, or a full pipe would hold them.
            while time.monotonic() < deadline and self._stop_signals < 2:
                if all(self._has_ended(run) for run in batch):
                    break
                self._read(timeout_s=0.05)
            for run in batch:
                if not self._has_ended(run):
                    self._terminal.print(f"{run.child.name} did not end in time and is killed.")
                self._bury(run)
        for run in self._runs:
            run.output.close()
        self._selector.close()

    def _is_due(self, run: _Run) -> bool:
        return run.start_at is not None and time.monotonic() >= run.start_at

    def _start(self, run: _Run) -> None:
        run.started_at = time.monotonic()
        try:
            run.process = subprocess.Popen(
                run.child.argv,
                env=run.child.env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            self._mend(run, str(error))
            return
        self._guard.watch(run.process.pid)
        run.start_at = None
        assert run.process.stdout is not None
        os.set_blocking(run.process.stdout.fileno(), False)
        self._selector.register(run.process.stdout, selectors.EVENT_READ, run)

    def _read(self, timeout_s: float) -> None:
        for key, _ in self._selector.select(timeout_s):
            run: _Run = key.data
            try:
                data = os.read(key.fd, 65536)
            except BlockingIOError:
                continue
            if data:
                run.output.feed(data)
            else:
                self._selector.unregister(key.fileobj)

    def _has_ended(self, run: _Run) -> bool:
        # WNOWAIT leaves the zombie where it is: as long as nobody reaps it, its number is not
        # given to another process, and its group can be killed without hitting a stranger.
        assert run.process is not None
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, run.process.pid, flags) is not None

    def _hangs(self, run: _Run) -> bool:
        """Whether a child that has given a sign of life since its start gives none any more."""
        if run.child.silence_s is None or (silence_s := run.child.silence_s()) is None:
            return False
        has_beaten = time.monotonic() - silence_s > run.started_at
        if hangs := has_beaten and silence_s > self._hung_s:
            self._terminal.print(
                f"{run.child.name} has given no sign of life for {silence_s:.0f} s and is killed."
            )
        return hangs

    def _bury(self, run: _Run) -> str:
        """Kill what is left of a child's group and reap it. Returns how the child ended."""
        process = run.process
        assert process is not None
        assert process.stdout is not None
        kill_group(process.pid)
        code = process.wait()
        self._guard.forget(process.pid)
        while process.stdout in self._selector.get_map():
            # What the dead has still said; a pipe that is open after all is not waited for.
            try:
                data = os.read(process.stdout.fileno(), 65536)
            except BlockingIOError:
                data = b""
            if not data:
                self._selector.unregister(process.stdout)
            run.output.feed(data)
        process.stdout.close()
        run.output.end()
        run.process = None
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"

    def _mend(self, run: _Run, how: str) -> None:
        now = time.monotonic()
        run.failures = 1 if now - run.started_at >= STEADY_S else run.failures + 1
        pause_s = min(FIRST_PAUSE_S * 2 ** min(run.failures - 1, 10), LONGEST_PAUSE_S)
        run.start_at = now + pause_s
        times = f", {run.failures} times in a row now" if run.failures > 1 else ""
        self._terminal.print(
            f"{run.child.name} ended ({how}{times}); it is started again in {pause_s:g} s."
        )
