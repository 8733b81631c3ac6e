"""The loop of `lineside alerts`: one thread dispatches, one per channel begins its deliveries.

A channel that refuses, hangs or answers late delays nobody but itself, and nothing on the line
ever waits for any of this: alerts are rows, written with what they tell.
"""

import threading
import time
from collections.abc import Callable, Sequence

import structlog

from db.engine import Database
from db.queries import deliveries
from services.alerting.message import Channel
from services.alerting.peace import in_peace
from services.alerting.policy import Policy
from services.alerting.sender import ChannelSender

log = structlog.get_logger()

_POLL_S = 1.0
_DATABASE_AWAY_S = 5.0
_END_S = 0.8  # for sends that are nearly done when the loop is stopped


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
        self._stop = stop
        self._beat = beat
        self._senders = [
            ChannelSender(database, channel, policy=policy, public_url=public_url, stop=stop)
            for channel in channels
        ]
        self._wake = {channel.name: threading.Event() for channel in channels}

    def run(self) -> None:
        """Dispatch and deliver until stopped; returns within two seconds of it.

        A send that is under way then is left to its time-out in a daemon thread, which ends with
        the process; its lease runs out and the delivery is repeated, with the same key.
        """
        threads = [
            threading.Thread(target=self._deliver_forever, args=[sender], daemon=True)
            for sender in self._senders
        ]
        for thread in threads:
            thread.start()
        while not self._stop.is_set():
            self._beat()
            self._stop.wait(_POLL_S if in_peace(self._dispatch, "dispatch") else _DATABASE_AWAY_S)
        for wake in self._wake.values():
            wake.set()
        until = time.monotonic() + _END_S
        for thread in threads:
            thread.join(max(until - time.monotonic(), 0))
        for sender in self._senders:
            sender.wait(max(until - time.monotonic(), 0))

    def run_once(self) -> int:
        """Dispatch and deliver what is due now, and return how many deliveries were tried."""
        self._dispatch()
        tried = 0
        for sender in self._senders:
            # Again, since an end becomes due when its opening is settled.
            while begun := sender.start_due():
                sender.wait()
                tried += begun
        return tried

    def _deliver_forever(self, sender: ChannelSender) -> None:
        wake = self._wake[sender.name]
        sender.when_settled(wake.set)
        while not self._stop.is_set():
            fine = in_peace(sender.start_due, sender.name)
            wake.wait(_POLL_S) if fine else self._stop.wait(_DATABASE_AWAY_S)
            wake.clear()

    def _dispatch(self) -> None:
        names = [sender.name for sender in self._senders]
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
