"""The worker's main process: Celery's consumer, and what it tells its child at the end."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import warnings
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import billiard
import structlog
from billiard.util import get_logger
from celery import Celery
from celery.apps.worker import install_worker_term_handler
from celery.exceptions import SecurityWarning
from celery.signals import setup_logging, worker_ready

_log = structlog.get_logger()

_BEAT_S = 2.0


def serve(
    app: Celery,
    *,
    queues: Sequence[str],
    concurrency: int,
    soft_shutdown_s: float,
    beat: Callable[[], None],
) -> int:
    """Run a worker until it is told to stop; returns its exit status.

    Args:
        soft_shutdown_s: how long a child may take to end its drain before it is killed.
        beat: called again and again from the consumer's own loop: a sign of life.
    """
    # It warns root of pickled messages, which this app does not accept from anybody.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    setup_logging.connect(_keep_logging, weak=False)

    def when_ready(sender: Any, **_: Any) -> None:
        sender.timer.call_repeatedly(_BEAT_S, beat)
        # What the pool says of a child that died; by default the bare text, past any log. Here,
        # since Celery makes that logger anew while it starts.
        get_logger().propagate = True
        # The same handler without its line on the standard output, which is no log line.
        install_worker_term_handler(sender, verbose=False)
        _pass_on_the_end(soft_shutdown_s)

    worker_ready.connect(when_ready, weak=False)
    worker = app.Worker(
        hostname=f"{'-'.join(queues)}-{os.getpid()}@%h",
        queues=list(queues),
        concurrency=concurrency,
        # Neighbours say nothing that matters here, and Redis has less to carry.
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        # No banner among the lines of `lineside up`.
        quiet=True,
    )
    worker.start()
    status = int(worker.exitcode or 0)
    _log.info("worker.stopped", status=status)
    return status


def _keep_logging(**_: Any) -> None:
    """Celery leaves logging alone where somebody listens to this signal."""


def _pass_on_the_end(soft_shutdown_s: float) -> None:
    """Let the children know of a shutdown at its beginning, so that they end their drains.

    Celery's own handler then waits for them, which takes as long as one frame. Celery's soft
    shutdown instead tells them nothing, sleeps its time to the end and kills them.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)
        if not callable(before) or getattr(before, "passes_on", False):
            continue

        def pass_on(
            number: int, frame: FrameType | None, before: Callable[..., Any] = before
        ) -> None:
            _signal_children(signal.SIGTERM)
            # A child that hangs is not waited for: its lease runs out, as after a crash.
            killing = threading.Timer(soft_shutdown_s, _signal_children, [signal.SIGKILL])
            killing.daemon = True
            killing.start()
            before(number, frame)

        pass_on.passes_on = True  # type: ignore[attr-defined]
        signal.signal(number, pass_on)


def _signal_children(number: int) -> None:
    for child in billiard.active_children():
        if child.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, number)
