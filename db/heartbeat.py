"""A process's sign of life: a small file that its loop writes again and again.

It is no row, because a process whose database is away is alive and must not be restarted for it.
`lineside health NAME` reads it, which is what the containers' health checks run.
"""

import json
import os
import time
from contextlib import suppress
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

_EVERY_S = 2.0


class HeartbeatSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="LINESIDE_")

    data_dir: Path = Field(Path("var"), description="Folder of everything that must last.")
    run_dir: Path | None = Field(
        None, description="Signs of life; default: run/ in the data folder."
    )

    @property
    def folder(self) -> Path:
        return self.run_dir or self.data_dir / "run"


class Heartbeat:
    """Called from the loop itself, so that a loop that hangs stops beating."""

    def __init__(self, folder: Path, name: str) -> None:
        self._path = folder / f"{name}.beat"
        self._last_s = float("-inf")

    def __call__(self) -> None:
        """Beat, at most once in two seconds however often it is called. Never raises OSError."""
        # The monotonic clock is one for all processes of a host, and nobody sets it.
        now_s = time.monotonic()
        if now_s - self._last_s < _EVERY_S:
            return
        self._last_s = now_s
        beat = json.dumps({"pid": os.getpid(), "monotonic_s": now_s})
        # A full disk is for others to report; this loop has its own work to do.
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            new = self._path.with_suffix(f".{os.getpid()}")
            new.write_text(beat)
            new.replace(self._path)


def age_s(folder: Path, name: str) -> float | None:
    """Seconds since the last beat of a process on this host; None if there never was one.

    One from before the host was started last counts as none.
    """
    try:
        beat = json.loads((folder / f"{name}.beat").read_text())
        age = time.monotonic() - float(beat["monotonic_s"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return age if age >= 0 else None
