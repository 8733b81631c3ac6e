"""The images of a frame store: their names, and what can be said of one.

A key is `ab/<sha256>.jpg`: 256 folders, so that none grows large and few are ever new, since a new
folder costs an fsync more.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

_KEY = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{62})\.([a-z0-9]{1,8})")
_SUFFIX = re.compile(r"\.?([a-z0-9]{1,8})")


@dataclass(frozen=True)
class StoredImage:
    """A file in the store. `sha256` is lower-case hex of the file's bytes."""

    key: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class StoredFile:
    """What a walk through the store finds; the file need not have a row."""

    key: str
    size_bytes: int
    touched_at: datetime  # when it was written, or last put again


class StoreFull(Exception):
    """There is no room for one more image; nothing was written."""


class FrameMissing(LookupError):
    """There is no such image, or its key is none of this store's."""

    def __init__(self, key: str) -> None:
        super().__init__(f"no image under the key {key!r}")
        self.key = key


def name_image(data: bytes, suffix: str) -> StoredImage:
    """Where an image belongs. Raises ValueError for a suffix that is none."""
    matched = _SUFFIX.fullmatch(suffix)
    if matched is None:
        raise ValueError(f"expected a suffix such as jpg or png, got {suffix!r}")
    sha256 = hashlib.sha256(data).hexdigest()
    key = f"{sha256[:2]}/{sha256}.{matched[1]}"
    return StoredImage(key, sha256, len(data))


def is_key(text: str) -> bool:
    """Whether a text can be a key: nothing else ever becomes a path."""
    return _KEY.fullmatch(text) is not None
