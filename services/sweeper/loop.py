"""Rings where something waits or a lease ran out, and ends what has had its attempts.

This is the only mechanism of recovery: every lost, early or doubled ring, every dead worker and
every wiped Redis comes down to acquisitions that may be claimed and a bell that did not ring.
Two sweepers do no harm: a ring too many finds nothing, and rows are buried under locks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from sqlalchemy.exc import SQLAlchemyError

from db.bell import TRAIN_QUEUE, TRIAL_QUEUE
from db.engine import Database
from db.queries import background, training_runs
from db.queries.claims import bury_exhausted, queues_with_work

_log = structlog.get_logger()


@dataclass(frozen=True)
class Swept:
    """What one look found."""

    rung: tuple[str, ...]  # queues
    buried: tuple[int, ...]  # acquisition ids


def sweep(database: Database, ring: Callable[[str], object]) -> Swept:
    """Look once. Raises SQLAlchemyError while the database is away."""
    with database.sessions.begin() as session:
        buried = bury_exhausted(session)
        training_runs.end_abandoned(session)
    if buried:
        _log.error("acquisitions.dead", acquisition_ids=buried)
    with database.reads() as session:
        queues = queues_with_work(session)
        if background.any_waiting(session):
            queues = [*queues, TRIAL_QUEUE]
        if training_runs.any_waiting(session):
            queues = [*queues, TRAIN_QUEUE]
    for queue in queues:
        ring(queue)
    return Swept(tuple(queues), tuple(buried))


def run(
    database: Database,
    ring: Callable[[str], object],
    *,
    every_s: float,
    stop: threading.Event,
    beat: Callable[[], None],
) -> None:
    """Look every `every_s` until `stop` is set."""
    while not stop.is_set():
        started = time.monotonic()
        try:
            sweep(database, ring)
        except SQLAlchemyError as error:
            _log.warning("sweep.failed", error=str(error), retry_s=every_s)
        beat()
        stop.wait(max(every_s - (time.monotonic() - started), 0))


def run_chore(
    name: str, chore: Callable[[], object], *, every_s: float, stop: threading.Event
) -> threading.Thread:
    """Run something slow beside the sweeps, in a thread of its own, every `every_s`."""

    def go_on() -> None:
        while not stop.wait(every_s):
            try:
                chore()
            except Exception:  # noqa: BLE001 - outermost loop; the next time may go better
                _log.exception("chore.failed", chore=name, retry_s=every_s)

    thread = threading.Thread(target=go_on, name=name, daemon=True)
    thread.start()
    return thread
