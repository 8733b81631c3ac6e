"""Several deliveries of one channel at once, to a real receiver that takes its time."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

from db.engine import Database
from services.alerting.loop import AlertLoop
from services.alerting.policy import Policy
from services.alerting.webhook import WebhookChannel
from tests.integration.alerting.receivers import (
    SECRET,
    Behaviour,
    HttpReceiver,
    Request,
    answer,
    http_receiver,
    verified,
)
from tests.integration.alerting.test_outbox import end_one, open_one, states
from tests.servers import wait_until

IN_FLIGHT = 3


class Gate:
    """A receiver that answers nobody until it is opened, and counts who waits."""

    def __init__(self) -> None:
        self._opened = threading.Event()
        self._lock = threading.Lock()
        self.waiting = self.most_at_once = 0

    def open(self) -> None:
        self._opened.set()

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        with self._lock:
            self.waiting += 1
            self.most_at_once = max(self.most_at_once, self.waiting)
        self._opened.wait(60)
        with self._lock:
            self.waiting -= 1
        answer(204)(handler)


@contextmanager
def sending(database: Database, receiver: HttpReceiver, **policy: float) -> Iterator[None]:
    """The loop of `lineside alerts`, towards a receiver, until the block ends."""
    stop = threading.Event()
    loop = AlertLoop(
        database,
        [WebhookChannel(receiver.url, SECRET, allow_private=True, timeout_s=60)],
        policy=Policy(**{"in_flight": IN_FLIGHT} | policy),
        public_url="",
        stop=stop,
    )
    thread = threading.Thread(target=loop.run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def told(receiver: HttpReceiver) -> list[tuple[str, str]]:
    """Event and key of each request, in the order in which they came."""
    return [(of(request), request.key) for request in list(receiver.requests)]


def of(request: Request) -> str:
    return request.headers["lineside-event"].partition(".")[2]


def all_sent(database: Database, count: int) -> bool:
    return [state for _, _, state in states(database)] == ["sent"] * count


def test_a_slow_receiver_gets_several_at_once_and_each_but_once(any_database: Database) -> None:
    gate, count = Gate(), 10
    for _ in range(count):
        open_one(any_database)
    with http_receiver(gate) as receiver, sending(any_database, receiver):
        wait_until(lambda: gate.waiting == IN_FLIGHT, 20, "as many as may are under way")
        gate.open()
        wait_until(lambda: all_sent(any_database, count), 20, "all are sent")
        keys = [key for _, key in told(receiver)]
    assert len(keys) == len(set(keys)) == count
    assert gate.most_at_once == IN_FLIGHT


def test_an_end_never_overtakes_its_opening(any_database: Database) -> None:
    slow = Gate()
    first = open_one(any_database)
    with http_receiver(slow, verified) as receiver, sending(any_database, receiver):

        def told_of(discrepancy_id: int) -> list[str]:
            return [of(each) for each in list(receiver.requests) if about(each, discrepancy_id)]

        wait_until(lambda: told_of(first), 20, "the opening is under way and hangs")
        end_one(any_database, first)
        # Others go on beside it from beginning to end, and so would its end if nothing kept it.
        others = [open_one(any_database) for _ in range(2 * IN_FLIGHT)]
        wait_until(lambda: all(map(told_of, others)), 20, "the others are told")
        for other in others:
            end_one(any_database, other)
        wait_until(
            lambda: all(told_of(other) == ["opened", "resolved"] for other in others),
            20,
            "the ends of the others are told",
        )
        assert told_of(first) == ["opened"]
        slow.open()
        wait_until(lambda: told_of(first) == ["opened", "resolved"], 20, "its end follows")
        wait_until(lambda: all_sent(any_database, 2 + 2 * len(others)), 20, "all are sent")


def about(request: Request, discrepancy_id: int) -> bool:
    return bool(json.loads(request.body)["discrepancy"]["id"] == discrepancy_id)


def test_two_processes_with_several_under_way_send_each_but_once(any_database: Database) -> None:
    gate, count = Gate(), 20
    with http_receiver(gate) as receiver, sending(any_database, receiver):
        with sending(any_database, receiver):
            for _ in range(count):
                open_one(any_database)
            wait_until(lambda: gate.waiting == 2 * IN_FLIGHT, 20, "both have their hands full")
            gate.open()
            wait_until(lambda: all_sent(any_database, count), 20, "all are sent")
        keys = [key for _, key in told(receiver)]
    assert len(keys) == len(set(keys)) == count


def test_what_was_under_way_at_the_end_is_repeated_with_its_key(any_database: Database) -> None:
    silent = Gate()
    behaviours: list[Behaviour] = [silent] * IN_FLIGHT + [verified]
    for _ in range(IN_FLIGHT):
        open_one(any_database)
    with http_receiver(*behaviours) as receiver:
        with sending(any_database, receiver, lease_s=0.5):
            wait_until(lambda: silent.waiting == IN_FLIGHT, 20, "all are under way")
        first = {key for _, key in told(receiver)}
        # Their leases run out; nobody has settled them.
        with sending(any_database, receiver, lease_s=0.5):
            wait_until(lambda: all_sent(any_database, IN_FLIGHT), 20, "all are sent")
        again = {key for _, key in told(receiver)[IN_FLIGHT:]}
        silent.open()
    assert first == again
