"""The sweeper's chore that fills the review queue, and finds near-copies among what is queued."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from db.engine import Database
from db.frames import FrameMissing, FrameStore
from db.queries import review_copies, review_filling
from inspection import thumbprints
from inspection.datasets.likeness import look_at
from inspection.decode import ImageRefused, decode_image

_log = structlog.get_logger()

_PICTURES = 100  # of one run: each is read and decoded


@dataclass(frozen=True)
class Filled:
    """What one run did."""

    added: int
    looked_at: int
    copies: int


def run_once(
    database: Database, store: FrameStore, *, lag_s: float = review_filling.LAG_S
) -> Filled:
    """Add what is new, then look at the pictures of what is queued and was not looked at yet."""
    added = review_filling.fill(database, lag_s=lag_s)
    with database.reads() as session:
        waiting = review_copies.without_thumbprint(session, limit=_PICTURES)
    copies = 0
    for item_id, image_key in waiting:
        kept = _look(store, image_key)
        with database.sessions.begin() as session:
            copies += review_copies.keep(session, item_id, kept)
    return Filled(added, len(waiting), copies)


def chore(database: Database, store: FrameStore) -> None:
    """The same for the sweeper, which says in the log what was done."""
    filled = run_once(database, store)
    if filled.added or filled.copies:
        _log.info("review_queue.filled", added=filled.added, copies=filled.copies)


def _look(store: FrameStore, image_key: str | None) -> bytes:
    """The thumbprint of a stored picture; empty where it is gone or cannot be read."""
    if image_key is None:
        return b""
    try:
        return thumbprints.to_bytes(look_at(decode_image(store.get(image_key))))
    except (FrameMissing, ImageRefused):
        return b""
