"""The process of one camera: everything that may hang or crash does it here, alone."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import cv2
import structlog

from db.camera_sources import SourceRules
from db.credentials import SecretBox, SecretUnreadable, join_url
from db.engine import Database, connect
from db.frames import open_store
from db.logs import configure_logs
from db.queries.cameras import CameraSpec
from inspection.model_input import input_px
from services.bell import Bell
from services.ingest.capture import Capture
from services.ingest.frame import Pulse
from services.ingest.health import Health, MinuteCounts
from services.ingest.intake import Intake
from services.ingest.ledger_memory import LedgerMemory
from services.ingest.pace import Pace
from services.ingest.reporter import Announcer, Reporter
from services.ingest.sources import opener
from services.ingest.streams import prepare_ffmpeg

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Surroundings:
    """Where a camera's process finds everything. Handed over in a pipe, never in arguments."""

    database_url: str
    frame_store_url: str
    min_free_bytes: int
    redis_url: str
    secret_key_path: Path
    models_dir: Path | None = None
    sources: SourceRules | None = None  # None: cameras may be whatever there is


def main(spec: CameraSpec, surroundings: Surroundings, beats: Connection) -> None:
    """Run a camera until its source ends (exit 0) or it is told to stop."""
    parent = os.getppid()
    _die_with_parent()
    configure_logs(camera=spec.key)

    def beat() -> None:
        # Where the parent cannot be bound to (not Linux), its end is seen here.
        if os.getppid() != parent:
            os._exit(1)
        try:
            beats.send(time.monotonic())
        except OSError:
            os._exit(1)

    pulse = Pulse(beat)
    signal.signal(signal.SIGTERM, lambda *_: pulse.stop())
    beat()
    database = connect(surroundings.database_url, pool_size=3)
    bell = Bell(surroundings.redis_url)
    announcer = Announcer(surroundings.redis_url)
    try:
        _run(spec, surroundings, database, bell, announcer, pulse)
    except Exception:  # noqa: BLE001 - outermost: the traceback goes where passwords are blotted out
        structlog.get_logger().exception("camera.failed")
        sys.exit(1)
    finally:
        bell.close(0.2)
        announcer.close()
        database.dispose()


def _run(
    spec: CameraSpec,
    surroundings: Surroundings,
    database: Database,
    bell: Bell,
    announcer: Announcer,
    pulse: Pulse,
) -> None:
    # Looks at a frame are too short to share: OpenCV's pool would only spin for more of them.
    cv2.setNumThreads(1)
    prepare_ffmpeg(network=spec.kind == "rtsp")
    health, minutes, pace = Health(), MinuteCounts(), Pace()
    reporter = Reporter(
        database,
        announcer,
        camera_id=spec.camera_id,
        station_id=spec.station_id,
        health=health,
        minutes=minutes,
        pace=pace,
    )
    reporter.start()
    try:
        try:
            address = _address(spec, surroundings)
        except SecretUnreadable as error:
            health.offline(str(error))
            while not pulse.wait(60):
                pass
            return
        frames = spec.frames
        assert frames is not None, "cameras without a recipe are not started"
        store = open_store(surroundings.frame_store_url, min_free_bytes=surroundings.min_free_bytes)
        intake = Intake(
            database,
            store,
            bell,
            camera_id=spec.camera_id,
            next_sequence=spec.next_sequence,
            frames=frames,
            health=health,
            minutes=minutes,
            pace=pace,
            preview_px=_preview_px(spec, surroundings),
        )
        memory = LedgerMemory(database, spec, pulse, health)
        capture = Capture(
            opener(
                spec.kind,
                address,
                spec.options,
                camera_key=spec.key,
                next_sequence=spec.next_sequence,
                memory=memory,
                rules=surroundings.sources,
            ),
            intake,
            frames=frames,
            health=health,
            minutes=minutes,
            pulse=pulse,
            files=spec.kind == "folder",
        )
        try:
            capture.run()
        finally:
            intake.close(0.5)
    finally:
        reporter.close(0.3)


def _preview_px(spec: CameraSpec, surroundings: Surroundings) -> int | None:
    places = [] if surroundings.models_dir is None else [surroundings.models_dir]
    return None if spec.model is None else input_px(spec.model, places)


def _address(spec: CameraSpec, surroundings: Surroundings) -> str:
    if spec.secret is None:
        return spec.source
    box = SecretBox(surroundings.secret_key_path)
    return join_url(spec.source, box.unlock(spec.secret))


def _die_with_parent() -> None:
    """Linux: this process is killed when its parent ends, even while it hangs in a read."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
