"""The front of the pipeline: claims, reads and decodes while the engine works."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from db.engine import Database
from db.frames import FrameStore
from db.queries.claims import ClaimedFrame, claim
from db.queries.holds import holds_of
from db.queries.model_wants import wanted_models
from inspection.decode import ImageRefused
from inspection.judgement import Judgement
from inspection.verdicts import Reason
from workers.engines import EngineImage
from workers.inspecting.held import Failed, HeldClaim, Job, NotTried, Refused
from workers.inspecting.images import read_image
from workers.inspecting.models import Models, Pace

_log = structlog.get_logger()

_POLL_S = 0.02
_LOOK_S = 1.0  # between looks at which models will be needed


class Fetcher:
    """Puts decoded frames into a short queue, and None after the last one."""

    def __init__(
        self,
        database: Database,
        store: FrameStore,
        pace: Pace,
        *,
        queue_name: str,
        lease_s: float,
        drain_s: float,
        depth: int,
        stop: threading.Event,
        busy: Callable[[], bool],
        keep: Callable[[HeldClaim], None],
        input_px: Callable[[str], int | None],
        models: Models,
    ) -> None:
        """
        Args:
            depth: decoded images that wait for the engine, each as large as its pixels.
            input_px: side of the input of a model, by its name; None where it takes every pixel.
            busy: whether frames fetched before are still on their way. While they are, it is
                worth looking for more, since the engine is warm and running.
            keep: told of each claim, to renew its lease.
            models: asked to load beside what will be needed; what loads is claimed last.
        """
        self._database, self._store, self._pace = database, store, pace
        self._queue_name, self._lease_s, self._drain_s = queue_name, lease_s, drain_s
        self._stop, self._busy, self._keep, self._input_px = stop, busy, keep, input_px
        self._models, self._looked_s = models, float("-inf")
        self._aborted = threading.Event()
        self.jobs: queue.Queue[Job | None] = queue.Queue(maxsize=depth)
        self.fetched = 0  # frames put into the queue so far
        self.more_waits = False  # whether it ended although more may wait
        self._thread = threading.Thread(target=self._run, name="fetch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def abort(self) -> None:
        """Let go of a thread whose queue nobody reads any more."""
        self._aborted.set()
        while self.jobs.get() is not None:
            pass

    def _run(self) -> None:
        try:
            self._fetch_until(time.monotonic() + self._drain_s)
        except SQLAlchemyError as error:
            # Nothing is lost: what was claimed has its lease, and the sweeper rings again.
            _log.warning("claim.failed", error=str(error))
        finally:
            self.jobs.put(None)

    def _fetch_until(self, deadline: float) -> None:
        while not self._stop.is_set() and not self._aborted.is_set():
            if time.monotonic() > deadline:
                self.more_waits = True
                return
            # Asked before the claim: what ends in between must not end the search as well.
            busy = self._busy()
            held = self._claim(retries=not busy)
            if held is not None:
                input_px = self._input_px(held.claim.model)
                for frame in held.claim.frames:
                    if self._aborted.is_set():
                        return
                    self.fetched += 1
                    self.jobs.put(Job(held, frame, self._image(held, frame, input_px)))
                while held.claim.is_retry and self._busy() and not self._aborted.is_set():
                    # It may kill this process, and must find nobody else in it.
                    time.sleep(_POLL_S)
            elif busy:
                time.sleep(_POLL_S)
            else:
                return

    def _claim(self, *, retries: bool) -> HeldClaim | None:
        lease_s = self._pace.lease_s(self._lease_s)
        self._look_ahead()
        began = time.monotonic()
        with self._database.sessions.begin() as session:
            taken = claim(
                session,
                self._queue_name,
                lease_s=lease_s,
                limit=self._pace.frames_per_claim,
                retries=retries,
                avoid=self._models.loading(),
            )
            stations = {frame.frame.station_id for frame in taken.frames} if taken else set()
            on_hold = {id_: hold.reason for id_, hold in holds_of(session, stations).items()}
        if taken is None:
            return None
        held = HeldClaim(taken, began + lease_s, on_hold)
        self._keep(held)
        return held

    def _look_ahead(self) -> None:
        """Have models loaded beside that have been promoted, or may be."""
        if time.monotonic() - self._looked_s < _LOOK_S:
            return
        self._looked_s = time.monotonic()
        with self._database.reads() as session:
            wanted = wanted_models(session)
        self._models.prepare(wanted.needed, wanted.maybe)

    def _image(
        self, held: HeldClaim, frame: ClaimedFrame, input_px: int | None
    ) -> EngineImage | Refused | Failed | NotTried:
        if self._stop.is_set():
            return NotTried()
        why = held.on_hold.get(frame.frame.station_id)
        if why is not None:
            return Refused(Judgement.not_inspected(Reason.STATION_HOLD, why))
        try:
            return read_image(self._store, frame, input_px)
        except ImageRefused as error:
            return Refused(Judgement.not_inspected(error.reason, error.detail))
        except Exception as error:  # noqa: BLE001 - whatever a decoder raises on hostile bytes
            _log.warning("image.failed", acquisition_id=frame.acquisition_id, error=repr(error))
            return Failed(f"reading the image: {error!r}")
