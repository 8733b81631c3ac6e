"""Ends the children of `lineside up` when `up` itself is killed and can end nothing any more.

`up` starts this file as a process of its own and keeps the only other end of its standard input.
When `up` dies, however it dies, the kernel closes that end: the guard reads the end of the file
and kills every process group that was announced, with the processes that gunicorn and Celery
started inside. It imports nothing but the standard library, and little of that.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path


class Guard:
    """The side that `up` holds."""

    def __init__(self, keep_open: int | None = None) -> None:
        """Start the guard. It keeps the file `keep_open` open for as long as it lives: with the
        lock in it, no second `up` starts before the children of the first are gone."""
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Away from the terminal's Ctrl-C and from signals to `up`'s group.
            start_new_session=True,
            pass_fds=() if keep_open is None else (keep_open,),
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def watch(self, group: int) -> None:
        self._tell(f"+{group}\n")

    def forget(self, group: int) -> None:
        """No longer kill `group`: it has ended, and its number may be given to others."""
        self._tell(f"-{group}\n")

    def close(self, timeout_s: float = 1.0) -> None:
        """Let the guard end; it kills what is still announced."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            # Somebody killed the guard. `up` still ends its children itself.
            return


def kill_group(group: int) -> None:
    """SIGKILL to whatever is left of a process group."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        # macOS says EPERM for a group of which only a zombie is left.
        return


def _watch_over() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        sign, group = line[0], int(line[1:])
        if sign == "+":
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        kill_group(group)


if __name__ == "__main__":
    _watch_over()
