"""One drain: claims, inspects and commits until nothing waits or its time is over.

Three threads, because OpenCV, OpenVINO and SQLite let go of the interpreter while they work:
the next claim is read and decoded, and the one before judged and committed, while the engine
runs in this one.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Iterator

import structlog

from inspection.judgement import Judgement
from inspection.verdicts import Reason
from workers.engines import EngineImage
from workers.inspecting.fetching import Fetcher
from workers.inspecting.finishing import Finisher
from workers.inspecting.held import Detected, Failed, Job, NotTried, Refused
from workers.inspecting.keeping import LeaseKeeper
from workers.inspecting.models import ModelMissing, Models, Pace, WarmModel

_log = structlog.get_logger()

# The engine's stream is given this long for its next image before it is asked for its results.
_NEXT_IMAGE_S = 0.005


class Drain:
    """The engine's side of the pipeline."""

    def __init__(
        self,
        fetcher: Fetcher,
        finisher: Finisher,
        models: Models,
        pace: Pace,
        stop: threading.Event,
        keeper: LeaseKeeper,
    ) -> None:
        self._fetcher, self._finisher, self._keeper = fetcher, finisher, keeper
        self._models, self._pace, self._stop = models, pace, stop
        self._next: Job | None = None
        self._ended = False

    def run(self) -> bool:
        """Returns whether it ended although more may wait."""
        self._fetcher.start()
        self._finisher.start()
        try:
            while self._wait_for_next():
                assert self._next is not None
                self._run_model(self._next.held.claim.model)
        finally:
            if not self._ended:  # killed by an exception: what is fetched keeps its lease
                self._fetcher.abort()
            self._finisher.close()
            self._fetcher.join()
        return self._fetcher.more_waits

    def _wait_for_next(self, timeout_s: float | None = None) -> bool:
        if self._next is None and not self._ended:
            try:
                self._next = self._fetcher.jobs.get(timeout=timeout_s)
            except queue.Empty:
                return False
            self._ended = self._next is None
        return self._next is not None

    def _run_model(self, name: str) -> None:
        """Take jobs as long as they are of one model, and at least the next one."""
        try:
            model = self._models.get(name)
        except ModelMissing as error:
            _log.error("model.missing", model=name, error=str(error))
            refused = Refused(Judgement.not_inspected(Reason.MODEL_MISSING, str(error)))
            for job, _ in self._images(name):
                self._finisher.put(job.held, job.frame, refused)
        except Exception as error:  # noqa: BLE001 - whatever an engine raises while it loads
            _log.exception("model.failed", model=name)
            for job, _ in self._images(name):
                self._finisher.put(job.held, job.frame, Failed(f"loading the model: {error!r}"))
        else:
            self._stream(name, model)

    def _stream(self, name: str, model: WarmModel) -> None:
        begun: deque[tuple[Job, float]] = deque()

        def images() -> Iterator[EngineImage]:
            for job, image in self._images(name):
                begun.append((job, time.monotonic()))
                if len(begun) == 1:
                    self._keeper.engine_works(name)
                yield image

        last = 0.0
        try:
            for detections in model.detector.detect_stream(images()):
                job, since = begun.popleft()
                now = time.monotonic()
                # What it cost by itself: it began, or was next in turn, at the later of the two.
                engine_s = now - max(since, last)
                last = now
                self._pace.note(name, engine_s)
                if begun:
                    self._keeper.engine_works(name)
                else:
                    self._keeper.engine_rests()
                outcome = Detected(detections, model, engine_s, _pixels(job))
                self._finisher.put(job.held, job.frame, outcome)
        except Exception as error:  # noqa: BLE001 - whatever an engine raises on an image
            _log.exception("engine.failed", model=name, frames=len(begun))
            # Which of those in the engine it was, it does not say: each is tried again alone.
            for job, _ in begun:
                self._finisher.put(job.held, job.frame, Failed(f"engine: {error!r}"))
        finally:
            self._keeper.engine_rests()

    def _images(self, name: str) -> Iterator[tuple[Job, EngineImage]]:
        """Jobs of one model, until the next is of another or is not there yet.

        Those that have no image go straight to the end.
        """
        while self._next is not None and self._next.held.claim.model == name:
            job, self._next = self._next, None
            if isinstance(job.image, Refused | Failed | NotTried):
                self._finisher.put(job.held, job.frame, job.image)
            elif self._stop.is_set():
                self._finisher.put(job.held, job.frame, NotTried())
            else:
                yield job, job.image
            if not self._wait_for_next(_NEXT_IMAGE_S):
                return


def _pixels(job: Job) -> EngineImage | None:
    """The image of a job that the engine has had, and that therefore has one."""
    return None if isinstance(job.image, Refused | Failed | NotTried) else job.image
