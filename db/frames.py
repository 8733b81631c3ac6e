"""The frame store: one image, one file, named by the SHA-256 of its bytes.

`open_store` gives a local folder or, for a URL such as `s3://bucket/frames`, whatever fsspec
reaches. A key is `ab/<sha256>.jpg`: 256 folders, so that none grows large and few are ever new,
since a new folder costs an fsync more.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import fsspec

_KEY = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{62})\.([a-z0-9]{1,8})")
_SUFFIX = re.compile(r"\.?([a-z0-9]{1,8})")

# Below this much free space nothing more is stored, so that the database beside it still can be
# written: the ledger must be able to say that the disk is full.
MIN_FREE_BYTES = 200_000_000


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


class FrameStore(Protocol):
    """Images under their keys. Safe to share between threads and processes."""

    def put(self, data: bytes, suffix: str) -> StoredImage:
        """Keep an image for good; the same bytes again give the same file.

        Args:
            data: the file's bytes, unchanged.
            suffix: `jpg` or `png`, with or without a dot.

        Raises:
            StoreFull: there is no room.
            OSError: the store cannot be written for another reason.
        """
        ...

    def get(self, key: str) -> bytes:
        """The image's bytes. Raises FrameMissing."""
        ...

    def delete(self, key: str, *, unless_touched_since: datetime | None = None) -> bool:
        """Remove an image; False where it stays or was gone.

        Args:
            unless_touched_since: keep it if it was put (again) later than that, since whoever
                put it is about to name it in a row.
        """
        ...

    def files(self) -> Iterator[StoredFile]:
        """All images, in no order."""
        ...

    def usage_bytes(self) -> int:
        """Sum of all sizes, by a walk through the store."""
        ...


def open_store(url: str, *, min_free_bytes: int = MIN_FREE_BYTES) -> FrameStore:
    """Open the store at a folder or an fsspec URL; a local folder is made where it is missing.

    Args:
        min_free_bytes: local folders refuse to store below this much free space.
    """
    from db.frame_folder import FrameFolder

    if "://" in url and not url.startswith("file://"):
        return _UrlStore(url)
    return FrameFolder(url.removeprefix("file://"), min_free_bytes)


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


class _UrlStore:
    """A store behind fsspec. Object stores write whole objects or nothing, and never fill up."""

    def __init__(self, url: str) -> None:
        # Without listings of its own: what another process has just put again would look old, and
        # be deleted.
        self._files, self._root = fsspec.core.url_to_fs(url, use_listings_cache=False)

    def put(self, data: bytes, suffix: str) -> StoredImage:
        image = name_image(data, suffix)
        path = self._path(image.key)
        # Written again even where it is there, so that its time says that it is wanted.
        self._files.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        self._files.pipe_file(path, data)
        return image

    def get(self, key: str) -> bytes:
        if not is_key(key):
            raise FrameMissing(key)
        try:
            data: bytes = self._files.cat_file(self._path(key))
        except FileNotFoundError as error:
            raise FrameMissing(key) from error
        return data

    def delete(self, key: str, *, unless_touched_since: datetime | None = None) -> bool:
        if not is_key(key):
            return False
        try:
            touched_at = _touched_at(self._files.info(self._path(key)))
            if unless_touched_since is not None and touched_at > unless_touched_since:
                return False
            self._files.rm_file(self._path(key))
        except FileNotFoundError:
            return False
        return True

    def files(self) -> Iterator[StoredFile]:
        for path, info in self._files.find(self._root, detail=True).items():
            key = str(path)[len(self._root) :].lstrip("/")
            if is_key(key):
                yield StoredFile(key, int(info["size"]), _touched_at(info))

    def usage_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files())

    def _path(self, key: str) -> str:
        return f"{self._root.rstrip('/')}/{key}"


def _touched_at(info: dict[str, Any]) -> datetime:
    """The time in an fsspec listing, which each file system calls by a name of its own."""
    for name in ("LastModified", "mtime", "last_modified", "updated", "created"):
        value = info.get(name)
        if isinstance(value, (int, float)):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, datetime):
            return value if value.tzinfo else value.replace(tzinfo=UTC)
    # A file system that keeps no times: whoever asks for the age of a file gets "just now".
    return datetime.now(UTC)
