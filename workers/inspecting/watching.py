"""Figures of the few pictures that are watched: one picture a step while the line has work."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt
import structlog

from db.frames import FrameMissing
from db.queries import watched_pictures
from db.queries.claims import queues_with_work
from db.queries.watched_pictures import Wanted
from inspection.decode import ImageRefused, decode_image
from inspection.watching.dirt import cells_of, pack
from inspection.watching.picture import camera_shift, picture_statistics
from workers.inspecting.runtime import Runtime

_log = structlog.get_logger()

_STEP_S = 1.0
_IMAGES = 8  # of one step, and one alone while the line has work


def watch_step(runtime: Runtime) -> bool:
    """Take the figures of the next pictures; True where more are to be looked at."""
    with runtime.database.reads() as session:
        most = 1 if queues_with_work(session) else _IMAGES
        wanted = watched_pictures.wanted_pictures(session, most=most + 1)
    begun_s = time.monotonic()
    done = 0
    for one in wanted[:most]:
        values, cells = _figures(runtime, one)
        with runtime.database.sessions.begin() as session:
            watched_pictures.write_statistic(session, one, values, cells)
        done += 1
        if runtime.stop.is_set() or time.monotonic() - begun_s > _STEP_S:
            break
    return done < len(wanted)


def _figures(runtime: Runtime, wanted: Wanted) -> tuple[dict[str, float], str]:
    """Figures and cells of a picture; none of one that cannot be read, so that it is over."""
    rgb = _read(runtime, wanted.image_key)
    if rgb is None:
        return {}, ""
    values = picture_statistics(rgb)
    reference = _read(runtime, wanted.reference_key) if wanted.reference_key else None
    if reference is not None:
        values |= camera_shift(reference, rgb)
    return values, pack(cells_of(rgb))


def _read(runtime: Runtime, key: str) -> npt.NDArray[np.uint8] | None:
    try:
        return decode_image(runtime.store.get(key))
    except (FrameMissing, ImageRefused) as error:
        _log.info("watching.unreadable", image_key=key, error=str(error))
        return None
