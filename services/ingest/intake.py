"""The way of a frame from its source to its row: encode, store, accept, ring.

A thread takes what has queued up, so that several frames share one commit when they come fast,
and one that comes alone waits for nobody.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile
from typing import Protocol

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from db.bell import INSPECT_QUEUE
from db.engine import Database
from db.frames import FrameStore, StoredImage, StoreFull
from db.models import Acquisition
from db.queries.acquisitions import (
    Held,
    KeyReused,
    NewAcquisition,
    NoRecipe,
    UnknownCamera,
    accept,
)
from inspection.feed import UInt8
from inspection.recipe import FramePolicy
from inspection.verdicts import Reason
from services.ingest.encoding import encode
from services.ingest.frame import Pulse
from services.ingest.health import Health, MinuteCounts
from services.ingest.pace import Pace

_log = structlog.get_logger()

_BATCH = 8  # frames whose pixels are taken out of the queue at once
_COMMIT = 16  # rows of one commit; with half as many each costs a tenth of a millisecond more
# What a live camera may run ahead of a disk or database that is slow for a moment: about a second.
_QUEUE_FRAMES, _QUEUE_BYTES = 32, 96_000_000
_HELD_RETRY_S = 0.2
# A camera that is faster than its worker is held and let go again with every claim, which is one
# state to a person and not four rows and lines of log a second.
_HELD_SAID_S = 2.0
_AWAY_RETRY_S = 1.0


class Rope(Protocol):
    """What wakes workers: `services.bell.Bell`, or a test's."""

    def ring(self, queue: str) -> None: ...


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """A frame that a trigger took: its pixels (uint8 BGR), or its file as it came."""

    captured_at: datetime
    bgr: UInt8 | None = None
    encoded: tuple[bytes, str] | None = None
    key: str | None = None
    refusal: tuple[Reason, str] | None = None
    part: str | None = None  # its serial number

    @property
    def size_bytes(self) -> int:
        return (0 if self.bgr is None else self.bgr.nbytes) + len((self.encoded or (b"",))[0])


class Intake:
    """Accepts the frames of one camera, in order.

    Args:
        next_sequence: what the camera's next acquisition will be numbered, as last read.
        preview_px: side of the input of the model that the frames are for; None where the small
            copies that it would do with are not wanted.
    """

    def __init__(
        self,
        database: Database,
        store: FrameStore,
        bell: Rope,
        *,
        camera_id: int,
        next_sequence: int,
        frames: FramePolicy,
        health: Health,
        minutes: MinuteCounts,
        pace: Pace,
        preview_px: int | None = None,
    ) -> None:
        self._database, self._store, self._bell = database, store, bell
        self._camera_id, self._frames, self._preview_px = camera_id, frames, preview_px
        self._health, self._minutes, self._pace = health, minutes, pace
        self._last_sequence = next_sequence - 1
        self._doubtful = False
        self._blocked_by: str | None = None
        self._queue: deque[Wanted] = deque()
        self._busy = False
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self.failed = False  # the thread died of an error of ours: end, and be started anew
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
        self._thread.start()

    def offer(self, wanted: Wanted, pulse: Pulse, *, waits: bool) -> bool:
        """Hand over a frame. Where there is no room, wait for it or count the frame as lost.

        Args:
            waits: the source stands still meanwhile (a file); a live one goes on without.

        Returns whether it was taken.
        """
        while True:
            with self._changed:
                waiting_bytes = sum(queued.size_bytes for queued in self._queue)
                if len(self._queue) < _QUEUE_FRAMES and waiting_bytes < _QUEUE_BYTES:
                    self._queue.append(wanted)
                    self._changed.notify_all()
                    return True
                if not waits:
                    self._minutes.count(self._blocked_by or "overload", wanted.captured_at)
                    return False
                self._changed.wait(0.25)
            pulse.beat()
            if pulse.stopping or self.failed:
                return False

    def idle(self) -> bool:
        """Whether all that was taken has a row."""
        with self._changed:
            return not self._queue and not self._busy

    def close(self, timeout_s: float) -> bool:
        """Accept what was taken, for at most `timeout_s`; whether all of it was."""
        with self._changed:
            self._changed.wait_for(lambda: not self._queue and not self._busy, timeout_s)
        self._closing.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join(1.0)
        return self.idle()

    def _run(self) -> None:
        try:
            self._take()
        except Exception:  # noqa: BLE001 - outermost loop of the thread
            self.failed = True
            _log.exception("intake.failed")

    def _take(self) -> None:
        while news := self._news():
            while news and not self._closing.is_set():
                try:
                    news = news[self._accept(news) :]
                except KeyReused as error:
                    # A file that was written anew within one tick of its clock.
                    _log.warning("intake.key_reused", key=error.idempotency_key)
                    news = [replace(new, idempotency_key=None) for new in news]
            if news:
                # Ended before there was room. Files are played again from here; live ones are not.
                _log.warning("intake.left", frames=len(news), blocked_by=self._blocked_by)
                return

    def _news(self) -> list[NewAcquisition]:
        """Wait for frames, and keep as many of what has queued up as one commit takes.

        Empty where it is to end.
        """
        # More than may wait would only give way to one another.
        most = min(_COMMIT, self._frames.max_waiting)
        news: list[NewAcquisition] = []
        while len(news) < most:
            batch = self._batch(min(_BATCH, most - len(news)), waits=not news)
            news += [self._keep(wanted) for wanted in batch]
            if len(batch) < _BATCH:  # no backlog: what is there is not to wait for more
                break
        return news

    def _batch(self, most: int, *, waits: bool) -> list[Wanted]:
        with self._changed:
            if waits:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._queue or self._closing.is_set())
            if self._closing.is_set():
                return []
            batch = [self._queue.popleft() for _ in range(min(most, len(self._queue)))]
            self._busy = True
            self._changed.notify_all()
            return batch

    def _keep(self, wanted: Wanted) -> NewAcquisition:
        image, refusal = None, wanted.refusal
        try:
            image = self._image(wanted)
        except StoreFull as error:
            refusal = refusal or (Reason.STORAGE_FULL, str(error))
            self._health.trouble("storage", f"the frame store is full: {error}")
        except OSError as error:
            text = f"the frame store cannot be written: {error.strerror}"
            refusal = refusal or (Reason.STORAGE_FULL, text)
            self._health.trouble("storage", text)
        else:
            self._health.settle("storage")
            if image is None and refusal is None:
                refusal = (Reason.UNREADABLE, "the picture could not be encoded")
        return NewAcquisition(
            self._camera_id,
            wanted.captured_at,
            image,
            part_serial=wanted.part,
            idempotency_key=wanted.key,
            refusal=refusal,
            image_is_own=image is not None and wanted.encoded is None,
        )

    def _image(self, wanted: Wanted) -> StoredImage | None:
        if wanted.encoded is not None:
            return self._store.put(*wanted.encoded)
        if wanted.bgr is None:
            return None
        encoded = encode(wanted.bgr, self._frames, self._preview_px)
        return self._store.put(encoded.data, encoded.suffix) if encoded is not None else None

    def _accept(self, news: Sequence[NewAcquisition]) -> int:
        """Write rows for the first of `news`, as many as there is room for, and say how many."""
        try:
            count = self._write(news)
        except Held as held:
            room = held.max_waiting - held.waiting
            if 0 < room < len(news):
                return self._accept(news[:room])
            text = f"holding: {held.max_waiting} frames wait to be inspected"
            self._block("held", text, for_s=_HELD_SAID_S)
            self._closing.wait(_HELD_RETRY_S)
            return 0
        except (NoRecipe, UnknownCamera) as error:
            self._block("no_recipe", str(error))
            self._closing.wait(_AWAY_RETRY_S)
            return 0
        except SQLAlchemyError as error:
            # Its commit may have gone through all the same: see `_write`. The text of the error
            # holds the statement with its values, and is no reading for an operator.
            self._doubtful = True
            _log.warning("intake.database_away", error=type(error).__name__)
            self._block("database_away", "the database is away")
            self._closing.wait(_AWAY_RETRY_S)
            return 0
        self._unblock()
        for new in news[:count]:
            self._pace.add(new.captured_at)
        return count

    def _write(self, news: Sequence[NewAcquisition]) -> int:
        with self._database.sessions.begin() as session:
            if self._doubtful:
                rows = session.execute(
                    select(Acquisition.captured_at, Acquisition.image_sha256).where(
                        Acquisition.camera_id == self._camera_id,
                        Acquisition.sequence > self._last_sequence,
                    )
                )
                written = {(captured_at, sha256) for captured_at, sha256 in rows}
                self._doubtful = False
                # All of a commit or nothing; another may have come between by way of `resend`.
                done = list(takewhile(lambda new: _identity(new) in written, news))
                if done:
                    return len(done)
            accepted = accept(session, news)
        self._last_sequence = max(self._last_sequence, *(row.sequence for row in accepted))
        if any(new.refusal is None for new in news):
            self._bell.ring(INSPECT_QUEUE)
        return len(news)

    def _block(self, name: str, reason: str, *, for_s: float = math.inf) -> None:
        if self._blocked_by not in (None, name):
            self._health.settle(str(self._blocked_by))
        self._blocked_by = name
        self._health.trouble(name, reason, for_s=for_s)

    def _unblock(self) -> None:
        if self._blocked_by not in (None, "held"):  # which ends by itself
            self._health.settle(str(self._blocked_by))
        self._blocked_by = None


def _identity(new: NewAcquisition) -> tuple[datetime, str | None]:
    return new.captured_at, new.image.sha256 if new.image else None
