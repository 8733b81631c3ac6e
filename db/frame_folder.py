"""A frame store in a local folder: whole files or none, for good before they are named in a row.

One new image costs an fsync of the file and one of each folder that got an entry; on the
machines measured that is 1 to 1.5 ms, and fsyncs of several images at once gain nothing over it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from db.stored_images import FrameMissing, StoredFile, StoredImage, StoreFull, is_key, name_image

_FULL = (errno.ENOSPC, errno.EDQUOT)
_TEMPORARY_SUFFIX = ".part"
_TEMPORARY_AGE_S = 3600.0  # what is older was left behind by a process that died


class FrameFolder:
    """Implements `db.frames.FrameStore`. Folders are 0700 and files 0600."""

    def __init__(self, root: str | Path, min_free_bytes: int) -> None:
        self._root = Path(root).absolute()
        self._min_free_bytes = min_free_bytes
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock_path = self._root / ".lock"

    def put(self, data: bytes, suffix: str) -> StoredImage:
        image = name_image(data, suffix)
        path = f"{self._root}/{image.key}"  # no Path: its parsing takes longer than the calls
        try:
            if not self._touch(path, image.size_bytes):
                self._check_room(image.size_bytes)
                self._write(path, data)
        except OSError as error:
            if error.errno in _FULL:
                raise StoreFull(
                    f"no room for {image.size_bytes} bytes: {error.strerror}"
                ) from error
            raise
        return image

    def get(self, key: str) -> bytes:
        if not is_key(key):
            raise FrameMissing(key)
        try:
            # A link in the place of an image would read a file outside the store.
            descriptor = os.open(f"{self._root}/{key}", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise FrameMissing(key) from error
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise FrameMissing(key) from error
            raise
        with os.fdopen(descriptor, "rb") as file:
            return file.read()

    def delete(self, key: str, *, unless_touched_since: datetime | None = None) -> bool:
        if not is_key(key):
            return False
        path = self._root / key
        with self._locked(fcntl.LOCK_EX):
            try:
                if unless_touched_since is not None:
                    touched_at = datetime.fromtimestamp(path.lstat().st_mtime, UTC)
                    if touched_at > unless_touched_since:
                        return False
                path.unlink()
            except FileNotFoundError:
                return False
        return True

    def files(self) -> Iterator[StoredFile]:
        now_s = datetime.now(UTC).timestamp()
        for path, status in self._walk():
            key = path.relative_to(self._root).as_posix()
            if is_key(key):
                touched_at = datetime.fromtimestamp(status.st_mtime, UTC)
                yield StoredFile(key, status.st_size, touched_at)
            elif (
                path.name.endswith(_TEMPORARY_SUFFIX) and now_s - status.st_mtime > _TEMPORARY_AGE_S
            ):
                path.unlink(missing_ok=True)

    def usage_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files())

    def _touch(self, path: str, size_bytes: int) -> bool:
        """Whether the image is there already; its time then says that it is wanted again."""
        if not os.access(path, os.F_OK):  # nearly always, and without the lock
            return False
        with self._locked(fcntl.LOCK_SH):
            try:
                # A size that differs is a file that a power cut tore.
                if os.lstat(path).st_size != size_bytes:
                    return False
                os.utime(path, follow_symlinks=False)
            except FileNotFoundError:
                return False
        return True

    def _check_room(self, size_bytes: int) -> None:
        space = os.statvfs(self._root)
        free_bytes = space.f_bavail * space.f_frsize
        if free_bytes - size_bytes < self._min_free_bytes:
            raise StoreFull(
                f"{free_bytes // 1_000_000} MB are free under the frame store,"
                f" {self._min_free_bytes // 1_000_000} MB must stay free"
            )

    def _write(self, path: str, data: bytes) -> None:
        folder, _, name = path.rpartition("/")
        temporary = f"{folder}/.{name[:16]}-{secrets.token_hex(4)}{_TEMPORARY_SUFFIX}"
        try:
            descriptor = _create(temporary)
        except FileNotFoundError:
            self._make_folder(folder)
            descriptor = _create(temporary)
        try:
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(descriptor, view) :]
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        # Without this the name could be gone after a power cut, though the row is there.
        _sync_folder(folder)

    def _make_folder(self, folder: str) -> None:
        # Another process may have been faster, and not have come to its fsync yet.
        Path(folder).mkdir(mode=0o700, exist_ok=True)
        _sync_folder(self._root)

    def _walk(self) -> Iterator[tuple[Path, os.stat_result]]:
        for parent, _, names in os.walk(self._root):
            for name in names:
                path = Path(parent) / name
                try:
                    status = path.lstat()
                except FileNotFoundError:
                    continue  # purged meanwhile
                yield path, status

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        # Keeps a purge from removing a file between its look at the time and the removal.
        descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, how)
            yield
        finally:
            os.close(descriptor)


def _create(path: str) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(path, flags, 0o600)


def _sync_folder(folder: str | Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
