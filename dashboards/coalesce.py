"""Answers the same question once for all who ask it at the same time.

An event makes every open screen ask again in the same moment. One of them reads the database,
the others get what it read. Nobody gets an answer that was begun before he asked, so that nothing
is ever older than the event that made a screen ask, and there is no time after which to forget.
"""

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")

_PATIENCE_S = 30.0


class _Flight(Generic[Answer]):
    """One reading, for those who asked before it began."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.answer: list[Answer] = []


class Coalesced(Generic[Answer]):
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: dict[Hashable, _Flight[Answer]] = {}
        self._running: dict[Hashable, _Flight[Answer]] = {}

    def get(self, question: Hashable, read: Callable[[], Answer]) -> Answer:
        """The answer of a reading that began after this call. Raises what `read` raises."""
        with self._lock:
            joined = self._next.get(question)
            before = self._running.get(question)
            flight = joined or _Flight[Answer]()
            if joined is None:
                self._next[question] = flight
        if joined is None:
            if before is not None:
                before.done.wait(_PATIENCE_S)
            self._fly(question, flight, read)
        else:
            flight.done.wait(_PATIENCE_S)
        # Where the reading failed or takes too long, each reads for himself and sees why.
        return flight.answer[0] if flight.answer else read()

    def _fly(self, question: Hashable, flight: _Flight[Answer], read: Callable[[], Answer]) -> None:
        with self._lock:
            del self._next[question]
            self._running[question] = flight
        try:
            flight.answer.append(read())
        finally:
            with self._lock:
                if self._running.get(question) is flight:
                    del self._running[question]
            flight.done.set()
