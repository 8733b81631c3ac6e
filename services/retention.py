"""Keeps the frame store within its size and age, so that a night does not fill the disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from db.base import utc_now
from db.engine import Database
from db.frames import FrameStore
from db.queries import retention
from db.queries.retention import Purged, Tier

_log = structlog.get_logger()

_BATCH = 200  # rows of one transaction, so that nobody waits long for it
_DOWN_TO = 0.9  # of the cap, so that it is not reached again at once
_ORPHAN_AGE = timedelta(hours=1)  # a file is written before its row, and may wait for it
# The file of a row is written before the row. Put again later, it is another row's.
_PUT_AGAIN = timedelta(seconds=2)


@dataclass(frozen=True)
class Swept:
    """What one run did. `usage_bytes` is what is left."""

    images: int
    orphans: int
    freed_bytes: int
    usage_bytes: int


def run_once(
    database: Database,
    store: FrameStore,
    cap_bytes: int,
    max_age_days: float,
    *,
    now: datetime | None = None,
) -> Swept:
    """Purge images that are too old or too many, and files that no row names.

    What shadows said and the figures of pictures go with what is too old.

    Passed images go first, then the older of the others; those of open discrepancies and those
    that wait never go. Rows stay. Safe to run twice at once, and to be killed at any point: what
    a row does not name any more is removed as an orphan later.

    Args:
        cap_bytes: the store is brought to nine tenths of it where it is larger.
        max_age_days: images older than this go, whatever their verdict.
    """
    now = now or utc_now()
    files = {file.key: file for file in store.files()}
    usage_bytes = sum(file.size_bytes for file in files.values())
    run = _Run(database, store, {key: file.size_bytes for key, file in files.items()})

    old = now - timedelta(days=max_age_days)
    for tier in Tier:
        while run.purge(tier, before=old):
            pass
    if usage_bytes - run.freed_bytes > cap_bytes:
        enough = usage_bytes - cap_bytes * _DOWN_TO
        for tier in Tier:
            while run.freed_bytes < enough and run.purge(tier):
                pass
    images = run.removed

    # A file that is put again while this runs is known by its time, and stays.
    aged = [key for key, file in files.items() if file.touched_at < now - _ORPHAN_AGE]
    if aged:
        with database.reads() as session:
            named = retention.named_keys(session)
        for key in aged:
            if key not in named:
                run.remove(key, now - _ORPHAN_AGE)

    # Last, since nothing above may wait for it.
    while run.forget(old):
        pass

    swept = Swept(images, run.removed - images, run.freed_bytes, usage_bytes - run.freed_bytes)
    if run.removed:
        _log.info("retention.swept", images=swept.images, orphans=swept.orphans)
    if swept.usage_bytes > cap_bytes:
        _log.warning("retention.over_cap", usage_bytes=swept.usage_bytes, cap_bytes=cap_bytes)
    return swept


class _Run:
    """One run's purges, and what they freed."""

    def __init__(self, database: Database, store: FrameStore, sizes: dict[str, int]) -> None:
        self._database, self._store, self._sizes = database, store, sizes
        self.removed = 0
        self.freed_bytes = 0

    def purge(self, tier: Tier, *, before: datetime | None = None) -> bool:
        """Purge a batch; False where there is none left."""
        # The row first: a file without row is found as an orphan, a row without file is a loss.
        with self._database.sessions.begin() as session:
            purged = retention.purge_keys(session, tier, limit=_BATCH, before=before)
        if not purged:
            return False
        newest = _newest(purged)
        with self._database.reads() as session:
            named = retention.still_named(session, list(newest))
        for key, received_at in newest.items():
            if key not in named:
                self.remove(key, received_at + _PUT_AGAIN)
        return True

    def forget(self, before: datetime) -> bool:
        """Forget a batch of what shadows said and of figures of pictures; False: none is left."""
        with self._database.sessions.begin() as session:
            return retention.forget_watched(session, before, limit=_BATCH) > 0

    def remove(self, key: str, unless_touched_since: datetime) -> None:
        if self._store.delete(key, unless_touched_since=unless_touched_since):
            self.removed += 1
            self.freed_bytes += self._sizes.pop(key, 0)


def _newest(purged: Sequence[Purged]) -> dict[str, datetime]:
    newest: dict[str, datetime] = {}
    for image in purged:
        newest[image.key] = max(image.received_at, newest.get(image.key, image.received_at))
    return newest
