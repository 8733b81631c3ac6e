"""The loop of `lineside alerts`: one thread dispatches, one thread per channel delivers.

A channel that refuses, hangs or answers late delays nobody but itself, and nothing on the line
ever waits for any of this: alerts are rows, written with what they tell.
"""

import random
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy.exc import DBAPIError

from db.engine import Database
from db.queries import deliveries
from services.alerting.message import Channel, NotDelivered, message_of

log = structlog.get_logger()

_POLL_S = 1.0
_DATABASE_AWAY_S = 5.0


@dataclass(frozen=True)
class Policy:
    """How often and how long a delivery is tried: 12 attempts from 2 s on are about four hours."""

    attempts: int = 12
    first_wait_s: float = 2
    factor: float = 3
    longest_wait_s: float = 3600
    lease_s: float = 60

    def wait_s(self, attempt: int, draw: Callable[[], float] = random.random) -> float | None:
        """Seconds until the attempt after the `attempt`-th (from 1); None: there is none.

        Exponential with "equal jitter" (AWS Architecture Blog, "Exponential Backoff And Jitter"):
        half of it is certain, so that a receiver in trouble gets its rest, and half is drawn in
        [0, 1), so that what failed together does not come back together.
        """
        if attempt >= self.attempts:
            return None
        # Capped before the power, which overflows a float after some 600 attempts.
        whole = min(self.longest_wait_s, self.first_wait_s * self.factor ** min(attempt - 1, 100))
        return whole / 2 + draw() * whole / 2


class AlertLoop:
    """Runs until `stop` is set. Safe to run twice: rows are held by leases."""

    def __init__(
        self,
        database: Database,
        channels: Sequence[Channel],
        *,
        policy: Policy,
        public_url: str,
        stop: threading.Event,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._channels = channels
        self._policy = policy
        self._public_url = public_url
        self._stop = stop
        self._beat = beat
        self._wake = {channel.name: threading.Event() for channel in channels}

    def run(self) -> None:
        """Dispatch and deliver until stopped; returns within two seconds of it.

        A send that is under way then is left to its time-out in a daemon thread, which ends with
        the process; its lease runs out and the delivery is repeated, with the same key.
        """
        threads = [
            threading.Thread(target=self._deliver_forever, args=[channel], daemon=True)
            for channel in self._channels
        ]
        for thread in threads:
            thread.start()
        while not self._stop.is_set():
            self._beat()
            self._stop.wait(
                _POLL_S if self._in_peace(self._dispatch, "dispatch") else _DATABASE_AWAY_S
            )
        for wake in self._wake.values():
            wake.set()
        for thread in threads:
            thread.join(timeout=0.8 / len(threads))

    def run_once(self) -> int:
        """Dispatch and deliver what is due now, and return how many deliveries were tried."""
        self._dispatch()
        return sum(self._deliver_due(channel) for channel in self._channels)

    def _deliver_forever(self, channel: Channel) -> None:
        wake = self._wake[channel.name]
        while not self._stop.is_set():
            fine = self._in_peace(lambda: self._deliver_due(channel), channel.name)
            wake.wait(_POLL_S) if fine else self._stop.wait(_DATABASE_AWAY_S)
            wake.clear()

    def _dispatch(self) -> None:
        names = [channel.name for channel in self._channels]
        while not self._stop.is_set():
            # Looking first keeps an idle loop from taking SQLite's one write lock every second.
            with self._database.reads() as session:
                if not deliveries.waiting_alerts(session):
                    return
            with self._database.sessions.begin() as session:
                count = deliveries.dispatch(session, names)
            log.info("alerts dispatched", alerts=count, channels=names)
            for wake in self._wake.values():
                wake.set()

    def _deliver_due(self, channel: Channel) -> int:
        tried = 0
        while not self._stop.is_set():
            with self._database.reads() as session:
                if not deliveries.due(session, channel.name):
                    break
            with self._database.sessions.begin() as session:
                dropped = deliveries.drop_gone(session, channel.name)
                lost = deliveries.give_up(session, channel.name, self._policy.attempts)
                claimed = deliveries.claim(
                    session, channel.name, timedelta(seconds=self._policy.lease_s)
                )
            if dropped:
                log.info("alerts dropped, their discrepancies are gone", count=dropped)
            if lost:
                log.error("alerts given up, every attempt ended the process", count=lost)
            if claimed is None:
                break
            self._attempt(channel, claimed)
            tried += 1
        return tried

    def _attempt(self, channel: Channel, claimed: deliveries.ClaimedDelivery) -> None:
        bound = log.bind(
            channel=channel.name,
            alert=claimed.idempotency_key,
            discrepancy_id=claimed.discrepancy_id,
            attempt=claimed.attempt,
        )
        try:
            channel.send(message_of(claimed, self._public_url))
        except NotDelivered as error:
            wait_s = self._policy.wait_s(claimed.attempt)
            retry_in = None if wait_s is None else timedelta(seconds=wait_s)
            with self._database.sessions.begin() as session:
                held = deliveries.settle_failed(session, claimed, str(error), retry_in)
            if retry_in is None:
                bound.error("alert given up", error=str(error))
            else:
                bound.warning(
                    "alert not delivered", error=str(error), retry_in_s=round(wait_s or 0, 1)
                )
        else:
            with self._database.sessions.begin() as session:
                held = deliveries.settle_sent(session, claimed)
            bound.info("alert delivered")
        if not held:
            bound.warning("another process took this delivery over; nothing was written")

    def _in_peace(self, work: Callable[[], object], name: str) -> bool:
        """Run one turn of an outermost loop; False if the database is away or the turn failed."""
        try:
            work()
        except DBAPIError as error:
            # Its text holds the statement with its values; the driver's own error is enough.
            log.warning("database not reached", turn=name, error=type(error.orig).__name__)
            return False
        except Exception:  # noqa: BLE001
            # The next turn must come. Not by exc_info: some renderers print the frames' values.
            log.error("turn failed", turn=name, trace=traceback.format_exc(limit=-5))
            return False
        return True
