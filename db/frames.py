"""The frame store: one image, one file, named by the SHA-256 of its bytes.

`open_store` gives a local folder or, for a URL such as `s3://bucket/frames`, whatever fsspec
reaches.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Protocol

import fsspec

from db.frame_folder import FrameFolder
from db.stored_images import FrameMissing, StoredFile, StoredImage, StoreFull, is_key, name_image

# Whoever uses a store needs no second module for what it gives and raises.
__all__ = ["FrameMissing", "FrameStore", "StoreFull", "StoredImage", "open_store"]

# Below this much free space nothing more is stored, so that the database beside it still can be
# written: the ledger must be able to say that the disk is full.
MIN_FREE_BYTES = 200_000_000


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
    if "://" in url and not url.startswith("file://"):
        return _UrlStore(url)
    return FrameFolder(url.removeprefix("file://"), min_free_bytes)


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
