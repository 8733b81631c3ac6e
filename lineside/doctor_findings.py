"""What an examination of a host gives, and whom it examines."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Status(StrEnum):
    OK = "ok"
    NOTE = "note"  # something that only some need is not there
    WARNING = "warning"  # works, but may not go well
    MISSING = "missing"  # `lineside up` does not work without it


@dataclass(frozen=True)
class Finding:
    """One line of the report. `remedy` says what to do, where there is anything to do."""

    subject: str
    status: Status
    text: str
    remedy: str = ""


@dataclass(frozen=True)
class Patient:
    """Where this host's Lineside lies, as `lineside up` would see it."""

    data_dir: Path
    database_url: str
    redis_url: str | None
    models_dir: Path | None
    host: str
    port: int


Check = Callable[[Patient], Iterator[Finding]]
