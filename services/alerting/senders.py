"""The senders of all channels: of the environment, and those that come and go in the pages."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from db.engine import Database
from db.models import AlertChannel
from db.queries import alert_channels
from services.alerting.message import Channel
from services.alerting.peace import in_peace
from services.alerting.policy import Clock, Policy
from services.alerting.sender import ChannelSender

log = structlog.get_logger()

_POLL_S = 1.0
_DATABASE_AWAY_S = 5.0

MakeChannel = Callable[[AlertChannel], Channel]


@dataclass
class _Running:
    """A sender, the revision of its channel (None: the environment's), and what wakes and ends it.

    One that is replaced goes on with what it has under way; its leases keep the next one off.
    """

    sender: ChannelSender
    revision: int | None
    stop: threading.Event
    wake: threading.Event
    thread: threading.Thread | None = None


class Senders:
    """One sender a channel, each with a thread of its own once `start` was called."""

    def __init__(
        self,
        database: Database,
        environment: Sequence[Channel],
        *,
        make: MakeChannel | None,
        policy: Policy,
        public_url: str,
        clock: Clock,
    ) -> None:
        self._database = database
        self._make = make
        self._policy = policy
        self._public_url = public_url
        self._clock = clock
        self._started = False
        self._running: dict[str, _Running] = {}
        for channel in environment:
            self._running[channel.name] = self._new(channel, None)

    def refresh(self) -> None:
        """Take in what was made, changed, switched off or removed in the pages."""
        if self._make is None:
            return
        with self._database.reads() as session:
            rows = {row.key: row for row in alert_channels.sendable(session)}
            absent = alert_channels.unsendable(session)
        for key, running in list(self._running.items()):
            if running.revision is None:
                continue
            if key not in rows or rows[key].revision != running.revision:
                running.stop.set()
                running.wake.set()
                del self._running[key]
        for key, row in rows.items():
            if key not in self._running:
                self._running[key] = self._new(self._make(row), row.revision)
                if self._started:
                    self._start(self._running[key])
        if absent:
            with self._database.sessions.begin() as session:
                count = alert_channels.drop_unsendable(session)
            log.warning("alerts dropped, their channels are switched off or gone", count=count)

    def start(self) -> None:
        self._started = True
        for running in self._running.values():
            self._start(running)

    def wake(self) -> None:
        for running in list(self._running.values()):
            running.wake.set()

    def send_due(self) -> int:
        """Send what is due on every channel, one after the other; how many attempts those were."""
        tried = 0
        for running in self._running.values():
            # Again, since an end becomes due when its opening is settled.
            while begun := running.sender.start_due():
                running.sender.wait()
                tried += begun
            running.sender.wait()
        return tried

    def stop(self, left_s: Callable[[], float]) -> None:
        """End them all; what is under way has `left_s()` to be settled."""
        for running in self._running.values():
            running.stop.set()
            running.wake.set()
        for running in self._running.values():
            if running.thread is not None:
                running.thread.join(left_s())
            running.sender.wait(left_s())

    def _new(self, channel: Channel, revision: int | None) -> _Running:
        stop, wake = threading.Event(), threading.Event()
        sender = ChannelSender(
            self._database,
            channel,
            policy=self._policy,
            public_url=self._public_url,
            stop=stop,
            clock=self._clock,
        )
        return _Running(sender, revision, stop, wake)

    def _start(self, running: _Running) -> None:
        running.thread = threading.Thread(
            target=_deliver_forever, args=[running], name=running.sender.name, daemon=True
        )
        running.thread.start()


def _deliver_forever(running: _Running) -> None:
    sender, wake, stop = running.sender, running.wake, running.stop
    sender.when_settled(wake.set)
    while not stop.is_set():
        fine = in_peace(sender.start_due, sender.name)
        wake.wait(_POLL_S) if fine else stop.wait(_DATABASE_AWAY_S)
        wake.clear()
