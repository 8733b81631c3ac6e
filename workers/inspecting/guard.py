"""Ends this very process when it hangs, whatever it hangs in."""

from __future__ import annotations

import faulthandler
import os
from typing import NoReturn, Protocol

_STANDARD_ERROR = 2  # by its number: Celery puts an object without one in place of sys.stderr


class Guard(Protocol):
    """A dead man's switch."""

    def arm(self, timeout_s: float) -> None:
        """End this process after `timeout_s`, unless armed or disarmed again before."""

    def disarm(self) -> None:
        """Let it live."""

    def end(self) -> None:
        """End this process now."""


class ProcessGuard:
    """Of a process that has a parent to start it anew.

    Python's own watchdog does it, a thread that never asks for the interpreter: native code that
    hangs and keeps the interpreter lets no other thread run, and no handler of a signal. What
    every thread was doing stands in the log then, by file and line, without any value.
    """

    def arm(self, timeout_s: float) -> None:
        faulthandler.dump_traceback_later(timeout_s, exit=True, file=_STANDARD_ERROR)

    def disarm(self) -> None:
        faulthandler.cancel_dump_traceback_later()

    def end(self) -> NoReturn:
        faulthandler.dump_traceback(file=_STANDARD_ERROR)
        os._exit(1)


class NoGuard:
    """Of a process that nobody would start anew."""

    def arm(self, timeout_s: float) -> None:
        """Nothing is armed."""

    def disarm(self) -> None:
        """Nothing was armed."""

    def end(self) -> None:
        """It goes on."""
