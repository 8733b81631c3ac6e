"""The trainer's one act: take up the run that waits longest, if this device is free, and do it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from db.engine import Database, connect
from db.frames import open_store
from db.queries import training_runs
from db.settings import StorageSettings
from workers.trainer.settings import TrainerSettings
from workers.trainer.supervising import TrainerPlace, do_run


def open_place(stop: threading.Event) -> TrainerPlace:
    """What the environment names."""
    storage, settings = StorageSettings(), TrainerSettings()
    assert storage.models_dir is not None  # by its own validator
    return TrainerPlace(
        database=connect(storage.resolved_database_url),
        store=open_store(storage.resolved_frame_store_url, min_free_bytes=0),
        root=(settings.dir or storage.data_dir / "training").absolute(),
        models_dir=storage.models_dir.absolute(),
        device=settings.device,
        threads=settings.resolved_threads,
        nice=settings.nice,
        lease_s=settings.lease_s,
        stop=stop,
    )


def train_step(place: TrainerPlace) -> bool:
    """Do the next run, if any; True where more wait and this device could do them."""
    with device_lock(place) as free:
        if not free:
            return False
        with place.database.sessions.begin() as session:
            taken = training_runs.take_up(session, place.lease_s)
        if taken is None:
            return False
        do_run(place, taken)
    with place.database.reads() as session:
        return training_runs.any_waiting(session)


def note_trainer(database: Database, device: str) -> None:
    """Write that this host has a trainer for a device."""
    with database.sessions.begin() as session:
        training_runs.note_trainer(session, f"{socket.gethostname()}:{device}"[:100], device)


@contextlib.contextmanager
def device_lock(place: TrainerPlace) -> Iterator[bool]:
    """One run at a time on a device of this host, however many trainers there are."""
    place.root.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^A-Za-z0-9]+", "-", place.device)
    lock = os.open(_lock_path(place.root, name), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(lock)


def _lock_path(root: Path, device: str) -> Path:
    return root / f"device-{device}.lock"
