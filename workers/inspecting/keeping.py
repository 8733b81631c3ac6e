"""Keeps what a drain holds, so that an image has one worker at a time, however long it takes.

A lease is short, so that what a killed worker held is soon taken over. Work may take longer than
a lease, and a hung engine takes for ever. So leases are renewed for as long as this process
lives, and a process that hangs is ended: by itself where it still can, else by its guard, before
its leases run out. See docs/decisions/0150.
"""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self

import structlog
from sqlalchemy.exc import SQLAlchemyError

from db.engine import Database
from db.queries.claims import note_failure, renew
from workers.inspecting.guard import Guard
from workers.inspecting.held import HeldClaim
from workers.inspecting.models import Pace

_log = structlog.get_logger()

_BEATS_PER_LEASE = 3
_GUARD_SHARE = 0.9  # of a lease: its holder is gone before anybody else may claim


class LeaseKeeper:
    """Renews the leases of one drain from a thread, and notices when its engine hangs."""

    def __init__(self, database: Database, pace: Pace, guard: Guard, *, lease_s: float) -> None:
        self._database, self._pace, self._guard = database, pace, guard
        self._lease_s = lease_s
        self._beat_s = lease_s / _BEATS_PER_LEASE
        self._held: list[HeldClaim] = []
        self._lock = threading.Lock()
        self._deadline: float | None = None  # of the engine's next result, monotonic
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keep", daemon=True)

    def __enter__(self) -> Self:
        self._guard.arm(_GUARD_SHARE * self._lease_s)
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        self._guard.disarm()

    def keep(self, held: HeldClaim) -> None:
        """Renew the lease of a claim until it is settled."""
        with self._lock:
            self._held = [one for one in self._held if not one.settled]
            self._held.append(held)

    def engine_works(self, model: str) -> None:
        """The engine has an image and owes its result, from now on.

        How long that may take is known once the model has given a result in this process. Before,
        it may be warming up, and only the limit of the whole task ends it.
        """
        patience_s = self._pace.patience_s(model, self._lease_s)
        self._deadline = None if patience_s is None else time.monotonic() + patience_s

    def engine_rests(self) -> None:
        """The engine owes nothing."""
        self._deadline = None

    def _run(self) -> None:
        slept_from = time.monotonic()
        while not self._over.wait(self._beat_s):
            self._guard.arm(_GUARD_SHARE * self._lease_s)
            slept_s = time.monotonic() - slept_from
            if slept_s > 2 * self._beat_s and self._deadline is not None:
                # The whole process stood still, and its engine with it.
                self._deadline += slept_s
            self._beat()
            slept_from = time.monotonic()

    def _beat(self) -> None:
        with self._lock:
            held = [one for one in self._held if not one.settled]
        deadline = self._deadline
        try:
            if deadline is not None and time.monotonic() > deadline:
                self._let_go(held)
                self._guard.end()
            else:
                self._renew(held)
        except SQLAlchemyError as error:
            # Leases run out while the database is away, and then the fence decides.
            _log.warning("lease.not_renewed", error=str(error))

    def _renew(self, held: list[HeldClaim]) -> None:
        if not held:
            return
        lease_s = self._pace.lease_s(self._lease_s)
        began = time.monotonic()
        with self._database.sessions.begin() as session:
            for one in held:
                renew(session, one.claim.token, lease_s=lease_s)
        for one in held:
            one.leased_until = began + lease_s

    def _let_go(self, held: list[HeldClaim]) -> None:
        """End the attempts of a hung engine, so that nobody waits for their leases."""
        frames = [(one.claim.token, frame) for one in held for frame in one.claim.frames]
        _log.error("engine.hung", acquisition_ids=[frame.acquisition_id for _, frame in frames])
        with self._database.sessions.begin() as session:
            for token, frame in frames:
                error = "the engine hung, at this image or at one beside it"
                note_failure(session, token, frame.acquisition_id, error, retry_s=0)
