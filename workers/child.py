"""The pool child: its one runtime, built when the first ring comes, and its way to end softly."""

from __future__ import annotations

import functools
import signal
import threading
from collections.abc import Callable

import cv2
import structlog
from kombu.exceptions import OperationalError

from db.logs import configure_logs
from workers.inspecting.background import background_step
from workers.inspecting.guard import ProcessGuard
from workers.inspecting.runtime import Runtime, build_runtime
from workers.trainer.supervising import TrainerPlace
from workers.trainer.training import open_place, train_step

_log = structlog.get_logger()

stopping = threading.Event()
_draining = threading.Event()


def inspect_queue(
    queue: str,
    *,
    ring_again: Callable[[], object],
    runtime: Callable[[], Runtime] | None = None,
) -> None:
    """Drain a queue with this process's runtime; rings again where more waits."""
    _work(lambda: (runtime or _runtime)().drain(queue), ring_again)


def work_beside(
    *, ring_again: Callable[[], object], runtime: Callable[[], Runtime] | None = None
) -> None:
    """A second's work of what gives way to the line; rings again where more waits."""
    _work(lambda: background_step((runtime or _runtime)()), ring_again)


def train_next(
    *, ring_again: Callable[[], object], place: Callable[[], TrainerPlace] | None = None
) -> None:
    """Do the training run that waits longest; rings again where more wait."""
    _work(lambda: train_step((place or _trainer_place)()), ring_again)


def _work(step: Callable[[], bool], ring_again: Callable[[], object]) -> None:
    if stopping.is_set():
        # Told to stop, yet given work: the parent lives on, and replaces a child that ends.
        raise SystemExit
    _draining.set()
    _listen_for_the_end()
    try:
        more_waits = step()
    finally:
        _draining.clear()
    if more_waits and not stopping.is_set():
        try:
            ring_again()
        except (OperationalError, OSError) as error:
            # The sweeper rings when Redis is back.
            _log.warning("bell.unheard", error=str(error))


@functools.cache
def _runtime() -> Runtime:
    configure_logs()
    # The engine has the cores. OpenCV's own pool would spin beside it after every small resize.
    cv2.setNumThreads(1)
    return build_runtime(stopping, guard=ProcessGuard())


@functools.cache
def _trainer_place() -> TrainerPlace:
    configure_logs()
    return open_place(stopping)


@functools.cache
def _listen_for_the_end() -> None:
    """End the drain at SIGTERM, which the parent passes on, or at Ctrl-C in a terminal.

    The pool sets both after every signal by which Celery would let us do this before the first
    task. Without these handlers a drain would be killed in the middle of a claim.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)


def _stop(*_: object) -> None:
    stopping.set()
    if not _draining.is_set():
        raise SystemExit
