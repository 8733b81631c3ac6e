"""The pool child: its one runtime, built when the first ring comes, and its way to end softly."""

from __future__ import annotations

import functools
import signal
import threading
from collections.abc import Callable
from typing import Any

import structlog
from celery.signals import worker_process_init
from kombu.exceptions import OperationalError

from workers.inspecting.runtime import Runtime, build_runtime

_log = structlog.get_logger()

stopping = threading.Event()


def inspect_queue(
    queue: str,
    *,
    ring_again: Callable[[], object],
    runtime: Callable[[], Runtime] | None = None,
) -> None:
    """Drain a queue with this process's runtime; rings again where more waits."""
    if stopping.is_set():
        # Told to stop, yet given work: the parent lives on, and replaces a child that ends.
        raise SystemExit
    more_waits = (runtime or _runtime)().drain(queue)
    if more_waits and not stopping.is_set():
        try:
            ring_again()
        except (OperationalError, OSError) as error:
            # The sweeper rings when Redis is back.
            _log.warning("bell.unheard", error=str(error))


@functools.cache
def _runtime() -> Runtime:
    return build_runtime(stopping)


def _stop_softly(**_: Any) -> None:
    """End the drain at SIGTERM, which the parent passes on, or at Ctrl-C in a terminal.

    Celery has just set both to be ignored. Without these handlers the drain would go on until
    the soft shutdown is over and be killed in the middle of a claim.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())


worker_process_init.connect(_stop_softly)
