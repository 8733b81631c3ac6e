"""What the children of `lineside up` say: one readable stream, and a bounded file for each."""

import queue
import sys
import threading
from pathlib import Path
from typing import TextIO

LINE_BYTES = 8192  # a longer line is cut
FILE_BYTES = 5_000_000  # two such files a child at most: NAME.log and NAME.log.1

_COLOURS = (36, 32, 33, 35, 34, 96, 92)


class BoundedLog:
    """A log file that is turned over once when it is full, so that a night does not fill a disk."""

    def __init__(self, path: Path, max_bytes: int = FILE_BYTES) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._file = path.open("ab")

    def write(self, line: bytes) -> None:
        try:
            if self._file.tell() + len(line) + 1 > self._max_bytes:
                self._file.close()
                self._path.replace(self._path.with_name(self._path.name + ".1"))
                self._file = self._path.open("ab")
            self._file.write(line + b"\n")
            self._file.flush()
        except OSError:
            # A full disk stops the log, not the plant.
            if self._file.closed:
                self._file = self._path.open("ab")

    def close(self) -> None:
        self._file.close()


class Terminal:
    """Prints lines from a thread of its own.

    A terminal that is paused (Ctrl-S) blocks whoever writes to it. If that were `up`, the
    children's pipes would fill and the plant would stand still; so lines wait in a bounded queue,
    and what does not fit is only in the log files.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stdout
        self._lines: queue.Queue[str | None] = queue.Queue(maxsize=2000)
        self._thread = threading.Thread(target=self._print, name="terminal", daemon=True)
        self._thread.start()

    @property
    def coloured(self) -> bool:
        return self._stream.isatty()

    def print(self, text: str) -> None:
        try:
            self._lines.put_nowait(text)
        except queue.Full:
            return

    def close(self, timeout_s: float = 0.5) -> None:
        """Print what waits, for at most `timeout_s`."""
        try:
            self._lines.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(timeout_s)

    def _print(self) -> None:
        while (text := self._lines.get()) is not None:
            try:
                self._stream.write(text + "\n")
                if self._lines.empty():
                    self._stream.flush()
            except (OSError, ValueError):
                # The terminal is gone (`up | head`, a closed window). The files have it all.
                return


class ChildOutput:
    """Turns one child's bytes into prefixed lines."""

    def __init__(
        self,
        name: str,
        width: int,
        number: int,
        log: BoundedLog,
        to: Terminal | None,
        *,
        calm: bool = False,
    ) -> None:
        """
        Args:
            to: where the lines go beside the file; None: nowhere.
            calm: there without those of the levels info and debug.
        """
        prefix = f"{name:<{width}} |"
        if to is not None and to.coloured:
            prefix = f"\x1b[{_COLOURS[number % len(_COLOURS)]}m{prefix}\x1b[0m"
        self._prefix = prefix
        self._log = log
        self._terminal = to
        self._calm = calm
        self._rest = b""

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._put(line)
        while len(self._rest) > LINE_BYTES:
            self._put(self._rest[:LINE_BYTES])
            self._rest = self._rest[LINE_BYTES:]

    def end(self) -> None:
        """The child has ended; a line without an end is one all the same."""
        if self._rest:
            self._put(self._rest)
            self._rest = b""

    def close(self) -> None:
        self.end()
        self._log.close()

    def _is_left_out(self, line: bytes) -> bool:
        return self._calm and (b" [info " in line[:60] or b" [debug " in line[:60])

    def _put(self, line: bytes) -> None:
        line = line[:LINE_BYTES].rstrip(b"\r")
        self._log.write(line)
        if self._terminal is not None and line.strip() and not self._is_left_out(line):
            self._terminal.print(f"{self._prefix} {line.decode(errors='replace')}")
