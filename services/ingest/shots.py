"""Test shots: one picture of a camera that somebody in the lab asked for, taken by a process.

A process of its own, because opening a camera may hang where nothing else helps: it is killed when
its time is up. Frames that cameras give meanwhile are not touched.
"""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError

from db.base import utc_now
from db.credentials import SecretBox, SecretUnreadable, join_url
from db.engine import Database, connect
from db.frames import StoreFull, open_store
from db.queries import camera_shots
from db.queries.camera_shots import ShotOrder
from inspection.decode import ImageRefused, decode_image, encode_jpeg
from services.ingest.frame import Frame, Pulse, SourceUnavailable

if TYPE_CHECKING:
    from services.ingest.camera_process import Surroundings

_log = structlog.get_logger()

TAKING_S = 15.0  # opening a stream may take 5 s, its first whole picture as long again
_LOOK_EVERY_S = 0.5
_QUALITY = 90


@dataclass(frozen=True)
class _Taking:
    process: SpawnProcess
    order: ShotOrder
    until_s: float


class Shots:
    """Takes the pictures that are asked for; `tend` is called again and again from a loop."""

    def __init__(
        self,
        database: Database,
        surroundings: Surroundings,
        context: SpawnContext,
        *,
        taking_s: float = TAKING_S,
    ) -> None:
        self._database, self._surroundings, self._context = database, surroundings, context
        self._taking_s = taking_s
        self._taking: list[_Taking] = []
        self._looked_s = float("-inf")

    def tend(self) -> None:
        """Start what is asked for, and end what takes too long. Returns at once."""
        now_s = time.monotonic()
        for taking in list(self._taking):
            if taking.process.exitcode is None and now_s < taking.until_s:
                continue
            self._end(taking)
        if now_s - self._looked_s < _LOOK_EVERY_S:
            return
        self._looked_s = now_s
        try:
            with self._database.reads() as session:
                asked = camera_shots.any_asked(session)
            if not asked:
                return
            with self._database.sessions.begin() as session:
                orders = camera_shots.take_orders(session)
        except SQLAlchemyError as error:
            _log.warning("shots.database_away", error=type(error).__name__)
            return
        for order in orders:
            self._start(order, now_s)

    def close(self) -> None:
        for taking in list(self._taking):
            self._end(taking, "ingest was stopped before there was a picture")

    def _start(self, order: ShotOrder, now_s: float) -> None:
        process = self._context.Process(
            target=take, args=(order, self._surroundings), name=f"shot-{order.shot_id}", daemon=True
        )
        # As a camera's process: Ctrl-C is for this process to pass on.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        self._taking.append(_Taking(process, order, now_s + self._taking_s))

    def _end(self, taking: _Taking, reason: str = "") -> None:
        self._taking.remove(taking)
        ended = taking.process.exitcode
        if ended is None:
            taking.process.kill()
        taking.process.join()
        taking.process.close()
        if not reason:
            reason = (
                f"no picture within {self._taking_s:.0f} s"
                if ended is None
                else f"the process that opened the camera ended ({ended}) without an answer"
            )
        try:
            # Changes nothing where the process has answered.
            with self._database.sessions.begin() as session:
                camera_shots.answer_shot(session, taking.order.shot_id, reason=reason)
        except SQLAlchemyError as error:
            _log.warning("shots.answer_unwritten", error=type(error).__name__)


class _NoMemory:
    """A test shot is no play of the source: it begins now and continues nothing."""

    def began_at(self) -> datetime:
        return utc_now()

    def last_at(self) -> datetime | None:
        return None

    def taken_keys(self) -> set[str]:
        return set()


def take(order: ShotOrder, surroundings: Surroundings) -> None:
    """The process of one shot: open, take a picture, store it, write the answer."""
    from db.logs import configure_logs

    configure_logs(camera=order.camera_key)
    database = connect(surroundings.database_url, pool_size=1)
    try:
        key, size_wh, reason = _picture(order, surroundings)
        with database.sessions.begin() as session:
            camera_shots.answer_shot(
                session, order.shot_id, image_key=key, size_wh=size_wh, reason=reason
            )
    finally:
        database.dispose()


def _picture(
    order: ShotOrder, surroundings: Surroundings
) -> tuple[str | None, tuple[int, int] | None, str]:
    """The key of the stored picture with its size, or why there is none."""
    from services.ingest.sources import opener
    from services.ingest.streams import prepare_ffmpeg

    prepare_ffmpeg(network=order.kind == "rtsp")
    address = order.source
    try:
        if order.secret is not None:
            unlocked = SecretBox(surroundings.secret_key_path).unlock(order.secret)
            address = join_url(address, unlocked)
        options = order.options.model_copy(update={"loop": False, "fast": True, "watch": False})
        source = opener(
            order.kind,
            address,
            options,
            camera_key=order.camera_key,
            next_sequence=order.next_sequence,
            memory=_NoMemory(),
            rules=surroundings.sources,
        )()
        try:
            frame = next(iter(source.frames(Pulse(lambda: None))), None)
            data, size_wh = _jpeg(frame)
        finally:
            source.close()
        store = open_store(surroundings.frame_store_url, min_free_bytes=surroundings.min_free_bytes)
        return store.put(data, "jpg").key, size_wh, ""
    except (SourceUnavailable, SecretUnreadable) as error:
        return None, None, str(error)
    except ImageRefused as error:
        return None, None, error.detail
    except StoreFull:
        return None, None, "the disk is full, so that the picture could not be kept"


def _jpeg(frame: Frame | None) -> tuple[bytes, tuple[int, int]]:
    if frame is None:
        raise SourceUnavailable("the source gives no picture")
    if frame.encoded is not None:
        rgb = decode_image(frame.encoded[0])
    elif frame.pixels is not None:
        rgb = frame.pixels()[:, :, ::-1].copy()
    else:
        raise SourceUnavailable(frame.refusal[1] if frame.refusal else "the frame has no picture")
    return encode_jpeg(rgb, _QUALITY), (rgb.shape[1], rgb.shape[0])
