"""One channel's deliveries: claimed one by one, several under way at once, each settled by itself.

What is told about one discrepancy keeps its order all the same: the claim passes over an end
until its opening is settled, whoever has it under way.
"""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import structlog

from db.engine import Database, database_now
from db.queries import alert_channels, deliveries
from services.alerting.message import Channel, NotDelivered, message_of, trial_message
from services.alerting.peace import in_peace
from services.alerting.policy import Clock, Policy

log = structlog.get_logger()

_STOP_POLL_S = 0.2


class ChannelSender:
    """Hands what is due to one channel, at most `policy.in_flight` at once."""

    def __init__(
        self,
        database: Database,
        channel: Channel,
        *,
        policy: Policy,
        public_url: str,
        stop: threading.Event,
        clock: Clock = database_now,
    ) -> None:
        self._database = database
        self._channel = channel
        self._policy = policy
        self._public_url = public_url
        self._stop = stop
        self._clock = clock
        self._slots = threading.BoundedSemaphore(policy.in_flight)
        self._under_way: set[threading.Thread] = set()
        self._lock = threading.Lock()
        self._settled: Callable[[], object] = lambda: None

    @property
    def name(self) -> str:
        return self._channel.name

    def when_settled(self, tell: Callable[[], object]) -> None:
        """Call `tell` after each attempt: what waited for it may be due now."""
        self._settled = tell

    def start_due(self) -> int:
        """Begin to send what is due, as slots become free; returns how many were begun.

        Raises DBAPIError where the database is away.
        """
        begun = 0
        self._start_test()
        # The slot comes first, since a lease runs from the claim.
        while self._wait_for_slot():
            claimed = None
            try:
                claimed = self._claim()
            finally:
                if claimed is None:
                    self._slots.release()
            if claimed is None:
                break
            self._start(claimed)
            begun += 1
        return begun

    def wait(self, timeout_s: float | None = None) -> None:
        """Return when nothing is under way, or after `timeout_s`."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        with self._lock:
            threads = list(self._under_way)
        for thread in threads:
            thread.join(None if until is None else max(until - time.monotonic(), 0))

    def _wait_for_slot(self) -> bool:
        while not self._stop.is_set():
            if self._slots.acquire(timeout=_STOP_POLL_S):
                return True
        return False

    def _claim(self) -> deliveries.ClaimedDelivery | None:
        # Looking first keeps an idle loop from taking SQLite's one write lock every second.
        with self._database.reads() as session:
            if not deliveries.due(session, self.name, self._clock(session)):
                return None
        with self._database.sessions.begin() as session:
            now = self._clock(session)
            dropped = deliveries.drop_gone(session, self.name, now)
            lost = deliveries.give_up(session, self.name, self._policy.attempts, now)
            lease = timedelta(seconds=self._policy.lease_s)
            claimed = deliveries.claim(session, self.name, lease, now)
        if dropped:
            log.info("alerts dropped, their discrepancies are gone", count=dropped)
        if lost:
            log.error("alerts given up, every attempt ended the process", count=lost)
        return claimed

    def _start_test(self) -> None:
        """Make the test that somebody asked for, beside what is under way."""
        with self._database.reads() as session:
            test = alert_channels.asked_test(session, self.name)
        if test is None:
            return
        with self._database.sessions.begin() as session:
            mine = alert_channels.take_test(session, test, self._clock(session))
        if mine:
            self._in_thread(lambda: self._test(test))

    def _test(self, test: alert_channels.AskedTest) -> None:
        ok, said = True, "taken"
        try:
            self._channel.send(trial_message(self.name, test.asked_at))
        except NotDelivered as error:
            ok, said = False, str(error)
        with self._database.sessions.begin() as session:
            alert_channels.settle_test(session, test, ok, said, self._clock(session))
        log.info("channel tested", channel=self.name, ok=ok, said=said)

    def _start(self, claimed: deliveries.ClaimedDelivery) -> None:
        def attempt() -> None:
            try:
                self._attempt(claimed)
            finally:
                self._slots.release()

        self._in_thread(attempt)

    def _in_thread(self, work: Callable[[], None]) -> None:
        # A daemon, so that a send that hangs holds up nobody's end; its lease runs out then, and
        # the delivery is repeated with the same key.
        thread = threading.Thread(target=self._run, args=[work], daemon=True)
        with self._lock:
            self._under_way.add(thread)
        thread.start()

    def _run(self, work: Callable[[], None]) -> None:
        try:
            in_peace(work, self.name)
        finally:
            with self._lock:
                self._under_way.discard(threading.current_thread())
            self._settled()

    def _attempt(self, claimed: deliveries.ClaimedDelivery) -> None:
        bound = log.bind(
            channel=self.name,
            alert=claimed.idempotency_key,
            discrepancy_id=claimed.discrepancy_id,
            attempt=claimed.attempt,
            others=len(claimed.others),
        )
        try:
            self._channel.send(message_of(claimed, self._public_url))
        except NotDelivered as error:
            wait_s = self._policy.wait_s(claimed.attempt)
            retry_in = None if wait_s is None else timedelta(seconds=wait_s)
            with self._database.sessions.begin() as session:
                now = self._clock(session)
                held = deliveries.settle_failed(session, claimed, str(error), retry_in, now)
            if retry_in is None:
                bound.error("alert given up", error=str(error))
            else:
                bound.warning(
                    "alert not delivered", error=str(error), retry_in_s=round(wait_s or 0, 1)
                )
        else:
            with self._database.sessions.begin() as session:
                held = deliveries.settle_sent(session, claimed, self._clock(session))
            bound.info("alert delivered")
        if not held:
            bound.warning("another process took this delivery over; nothing was written")
