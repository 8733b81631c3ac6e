"""The loop of `lineside alerts`: one thread dispatches, one per channel begins its deliveries.

A channel that refuses, hangs or answers late delays nobody but itself, and nothing on the line
ever waits for any of this: alerts are rows, written with what they tell.
"""

import threading
import time
from collections.abc import Callable, Sequence

import structlog

from db.engine import Database, database_now
from db.queries import alert_dispatch, alert_firing
from services.alerting.message import Channel
from services.alerting.peace import in_peace
from services.alerting.policy import Clock, Policy
from services.alerting.senders import MakeChannel, Senders

log = structlog.get_logger()

_POLL_S = 1.0
_DATABASE_AWAY_S = 5.0
_END_S = 0.8  # for sends that are nearly done when the loop is stopped


class AlertLoop:
    """Runs until `stop` is set. Safe to run twice: rows are held by leases, rules by a lock.

    `channels` are those of the environment; `make` turns a row into one of the database's.
    """

    def __init__(
        self,
        database: Database,
        channels: Sequence[Channel],
        *,
        policy: Policy,
        public_url: str,
        stop: threading.Event,
        make: MakeChannel | None = None,
        beat: Callable[[], None] = lambda: None,
        clock: Clock = database_now,
    ) -> None:
        self._database = database
        self._environment = [channel.name for channel in channels]
        self._stop = stop
        self._beat = beat
        self._clock = clock
        self._senders = Senders(
            database, channels, make=make, policy=policy, public_url=public_url, clock=clock
        )

    def run(self) -> None:
        """Dispatch and deliver until stopped; returns within two seconds of it.

        A send that is under way then is left to its time-out in a daemon thread, which ends with
        the process; its lease runs out and the delivery is repeated, with the same key.
        """
        self._senders.start()
        while not self._stop.is_set():
            self._beat()
            self._stop.wait(_POLL_S if in_peace(self._turn, "dispatch") else _DATABASE_AWAY_S)
        until = time.monotonic() + _END_S
        self._senders.stop(lambda: max(until - time.monotonic(), 0))

    def run_once(self) -> int:
        """Dispatch and deliver what is due now, and return how many deliveries were tried."""
        self._turn()
        return self._senders.send_due()

    def _turn(self) -> None:
        self._senders.refresh()
        while not self._stop.is_set():
            # Looking first keeps an idle loop from taking SQLite's one write lock every second.
            with self._database.reads() as session:
                now = self._clock(session)
                if not (
                    alert_dispatch.waiting_alerts(session)
                    or alert_firing.anything_to_fire(session, now)
                ):
                    return
            with self._database.sessions.begin() as session:
                now = self._clock(session)
                count = alert_dispatch.take_in(session, self._environment, now)
                told = alert_firing.fire(session, now)
            log.info("alerts dispatched", alerts=count, told_by_rules=told)
            self._senders.wake()
            if not count:
                return  # or another process dispatches; the next turn looks again
