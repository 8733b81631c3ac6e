"""What was judged already, so that a page can go on with a long trial where it stopped.

A limit in a quantity that nobody measured then is held against the stored masks, a few
milliseconds for each: a hundred images of them are more than one request should take.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

_KEPT = 5000  # some hundred bytes each
Said = tuple[str, str]  # verdict and detail


class Rejudged:
    """Verdicts by what they were made from, the newest few thousand; for all requests."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._found: OrderedDict[Hashable, Said] = OrderedDict()
        self._lock = threading.Lock()

    def within(self, seconds: float) -> Work:
        """What one request may spend on verdicts that are not known yet."""
        return Work(self, time.monotonic() + seconds)

    def get(self, key: Hashable) -> Said | None:
        with self._lock:
            said = self._found.get(key)
            if said is not None:
                self._found.move_to_end(key)
            return said

    def keep(self, key: Hashable, said: Said) -> None:
        with self._lock:
            self._found[key] = said
            while len(self._found) > self._kept:
                self._found.popitem(last=False)


class Work:
    """The work of one request. Something new is made in each, however little time there is."""

    def __init__(self, known: Rejudged, until_s: float) -> None:
        self._known, self._until_s = known, until_s
        self._made = 0

    def said(self, key: Hashable, make: Callable[[], Said]) -> Said | None:
        """What is known under a key, else what `make` says; None: the time is up."""
        known = self._known.get(key)
        if known is not None:
            return known
        if self._made and time.monotonic() >= self._until_s:
            return None
        said = make()
        self._made += 1
        self._known.keep(key, said)
        return said
