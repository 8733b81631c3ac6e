"""Watches a feed for what is no picture: black, blank, over-exposed, frozen, damaged."""

from __future__ import annotations

from inspection import feed
from inspection.feed import UInt8
from inspection.verdicts import Reason

_BLIND_AFTER_S = 3.0
_FROZEN_AFTER_S = 10.0
_DAMAGED_SHARE = 0.15
_DAMAGED_IN_A_ROW = 5


class FeedWatch:
    """Remembers since when a feed has looked the way it does.

    A live feed is given some seconds before it is called blind or frozen: a hand before the lens
    is no fault. A clip is judged frame by frame, and never called frozen or damaged.
    """

    def __init__(self, *, live: bool) -> None:
        self._live = live
        self._blind_since_s: float | None = None
        self._last_print: int | None = None
        self._shown_s: dict[int, float] = {}  # fingerprint to when it was last shown
        self._news_s = 0.0
        self._damaged = 0

    def damaged(self, bgr: UInt8) -> bool:
        """Whether a live frame is the decoder's filling rather than the camera's picture."""
        if not self._live or feed.decoder_fill_share(bgr) <= _DAMAGED_SHARE:
            self._damaged = 0
            return False
        self._damaged += 1
        return True

    @property
    def broken(self) -> bool:
        """So many damaged frames in a row that only a new connection helps."""
        return self._damaged >= _DAMAGED_IN_A_ROW

    def refusal(self, bgr: UInt8, time_s: float) -> tuple[Reason, str] | None:
        """Why a frame, uint8 BGR at `time_s` of the source's clock, shows nothing; else None."""
        frozen_s = self._frozen_s(bgr, time_s)
        blind = feed.blindness(feed.look(feed.small_gray(bgr)))
        if blind is None:
            self._blind_since_s = None
        else:
            if self._blind_since_s is None:
                self._blind_since_s = time_s
            if not self._live or time_s - self._blind_since_s >= _BLIND_AFTER_S:
                return Reason.BLIND, blind
        if frozen_s >= _FROZEN_AFTER_S:
            return Reason.FROZEN, f"no new picture for {frozen_s:.0f} s"
        return None

    def _frozen_s(self, bgr: UInt8, time_s: float) -> float:
        """Seconds since the feed last showed a picture that it had not just shown.

        An encoder that is fed one still picture gives a cycle of a few: one per kind of frame in
        its group of pictures. So a picture that was there seconds ago is no news either.
        """
        if not self._live:
            return 0.0
        now = feed.fingerprint(bgr)
        known = now == self._last_print or now in self._shown_s
        if not known or self._last_print is None:
            self._news_s = time_s
        self._last_print, self._shown_s[now] = now, time_s
        oldest_s = time_s - _FROZEN_AFTER_S
        self._shown_s = {one: at_s for one, at_s in self._shown_s.items() if at_s >= oldest_s}
        return time_s - self._news_s
