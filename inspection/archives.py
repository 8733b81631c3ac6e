"""Archives that somebody sent: looked through whole before the first byte of them is written.

ZIP and TAR (plain, gzip, bzip2, xz). Only plain files and folders with plain relative names come
out; links, devices, names that lead elsewhere, encrypted members and bombs are refused. What comes
out is counted while it is unpacked, whatever the archive says of its size. What describes the
members (a ZIP's directory, a TAR's long headers) is bounded too, before it is read into memory.
"""

from __future__ import annotations

import bz2
import functools
import gzip
import lzma
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, NoReturn, cast

_CHUNK = 1 << 20
_LONGEST_NAME = 255
_DEEPEST = 12
_FILE_BLOCK = 4096  # what a file of no bytes costs on a disk
_DESCRIBING_BYTES = 1024  # of a ZIP's directory or a TAR's long headers, for each file allowed
_LONGEST_HEADER = 65_536  # a long name or a PAX header; of global ones all together
_XZ_MEMORY = 128 << 20  # `xz -9` asks for 65 MiB
_FIXED_ENTRY = 46  # bytes of an entry in a ZIP's directory before its name

_LONG_HEADERS = (
    tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK,
)  # fmt: skip


class ArchiveRefused(Exception):
    """An archive that is not unpacked, with the member that is at fault and what was expected."""

    def __init__(self, reason: str, member: str = "") -> None:
        super().__init__(f"{member[:200]!r}: {reason}" if member else reason)
        self.member, self.reason = member, reason


@dataclass(frozen=True)
class ArchiveLimits:
    """How much may come out of an archive."""

    files: int = 20_000
    total_bytes: int = 4_000_000_000
    file_bytes: int = 2_000_000_000
    # Of what comes out to what went in. Masks and JSON reach 50; a bomb has 1000 and more.
    ratio: float = 200.0


@dataclass(frozen=True)
class _Member:
    name: str
    size: int
    is_folder: bool
    open: Callable[[], IO[bytes]]


def names(archive: Path, limits: ArchiveLimits | None = None) -> list[str]:
    """The files of an archive by their relative POSIX names. Raises ArchiveRefused."""
    with _opened(archive, limits or ArchiveLimits()) as members:
        return [each.name for each in _checked(members, archive, limits or ArchiveLimits())]


def unpack(archive: Path, into: Path, limits: ArchiveLimits | None = None) -> list[str]:
    """Write the files of an archive below a folder; returns their relative POSIX names.

    Args:
        into: made where it is missing. Where it fails half way (a lying archive, a full disk),
            what was written of it is removed again.

    Raises:
        ArchiveRefused: it is no archive, or holds what may not come out of one.
        OSError: it cannot be written.
    """
    limits = limits or ArchiveLimits()
    checked = names(archive, limits)
    into.mkdir(parents=True, exist_ok=True)
    try:
        _write(archive, into, limits)
    except (ArchiveRefused, OSError):
        shutil.rmtree(into, ignore_errors=True)
        raise
    return checked


def _write(archive: Path, into: Path, limits: ArchiveLimits) -> None:
    left = limits.total_bytes
    with _opened(archive, limits) as members:
        for member in _checked(members, archive, limits):
            target = into / member.name
            target.parent.mkdir(parents=True, exist_ok=True)
            with member.open() as source, target.open("xb") as sink:
                while chunk := source.read(_CHUNK):
                    left -= len(chunk)
                    if left < 0:
                        raise ArchiveRefused(f"more than {limits.total_bytes} bytes come out of it")
                    sink.write(chunk)


def _checked(members: Iterator[_Member], archive: Path, limits: ArchiveLimits) -> Iterator[_Member]:
    """The files among the members, each refused or counted before it is handed on."""
    most = min(limits.total_bytes, int(limits.ratio * max(archive.stat().st_size, _FILE_BLOCK)))
    seen: set[str] = set()
    total = count = 0
    for member in members:
        count += 1
        if count > limits.files:
            raise ArchiveRefused(f"it holds more than {limits.files} files")
        _check_name(member.name)
        if member.is_folder:
            continue
        # Names that differ in case alone are one file on some disks.
        if member.name.casefold() in seen:
            raise ArchiveRefused("stands twice in the archive", member.name)
        seen.add(member.name.casefold())
        total += member.size
        if member.size > limits.file_bytes:
            raise ArchiveRefused(f"is larger than {limits.file_bytes} bytes", member.name)
        if total > most:
            raise ArchiveRefused(
                f"more than {most} bytes would come out of {archive.stat().st_size}", member.name
            )
        yield member


def _check_name(name: str) -> None:
    parts = PurePosixPath(name).parts
    plain = (
        0 < len(name) <= _LONGEST_NAME * _DEEPEST
        and not name.startswith("/")
        and "\\" not in name
        and ":" not in name
        and name.isprintable()
        and ".." not in name.split("/")
        and 0 < len(parts) <= _DEEPEST
        and all(len(part.encode()) <= _LONGEST_NAME for part in parts)
    )
    if not plain:
        raise ArchiveRefused("expected a plain relative name without .. in it", name)


@contextmanager
def _opened(archive: Path, limits: ArchiveLimits) -> Iterator[Iterator[_Member]]:
    try:
        if zipfile.is_zipfile(archive):
            _check_directory(archive, limits)
            with zipfile.ZipFile(archive) as opened:
                yield _of_zip(opened)
        else:
            with archive.open("rb") as file:
                plain = cast("IO[bytes]", _Bounded(_uncompressed(file), limits))
                described = _described_within(limits)
                with tarfile.open(fileobj=plain, mode="r|", tarinfo=described) as tar:
                    yield _of_tar(tar)
    except (
        zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError,
        gzip.BadGzipFile, NotImplementedError, ValueError, RecursionError,
    ) as error:  # fmt: skip
        raise ArchiveRefused(f"expected a ZIP or TAR archive that is whole: {error}") from error
    except OSError as error:
        if error.errno is not None:
            raise
        # bzip2 that is broken; what a disk refuses has a number.
        raise ArchiveRefused(f"expected a ZIP or TAR archive that is whole: {error}") from error


def _check_directory(archive: Path, limits: ArchiveLimits) -> None:
    """Refuse a ZIP by the size of its directory, and by what a walk through it counts."""
    with archive.open("rb") as file:
        # zipfile's own reading of the record, ZIP64 too, so that both see the same directory.
        record = zipfile._EndRecData(file)  # type: ignore[attr-defined]
        told, length, at = int(record[4]), int(record[5]), int(record[9])
        most = limits.files * _DESCRIBING_BYTES
        if length > most:
            raise ArchiveRefused(f"its directory is {length} bytes long, expected at most {most}")
        start = at - length - (76 if record[0] == b"PK\x06\x06" else 0)
        if start < 0:
            raise ArchiveRefused("expected a ZIP or TAR archive that is whole")
        file.seek(start)
        directory = file.read(length)
    entries = place = 0
    while place + _FIXED_ENTRY <= length:
        entries += 1
        place += _FIXED_ENTRY + sum(struct.unpack_from("<3H", directory, place + 28))
    if max(told, entries) > limits.files:
        raise ArchiveRefused(f"it holds more than {limits.files} files")


def _of_zip(opened: zipfile.ZipFile) -> Iterator[_Member]:
    for info in opened.infolist():
        if info.flag_bits & 0x1:
            raise ArchiveRefused("is encrypted", info.filename)
        if info.compress_type == zipfile.ZIP_LZMA:  # whose memory nothing bounds
            raise ArchiveRefused("expected it stored or deflated, got LZMA", info.filename)
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise ArchiveRefused("expected a file, got a link or a device", info.filename)
        # `zipfile` hands out no more of a member than it says it has.
        yield _Member(
            info.filename, info.file_size, info.is_dir(), functools.partial(opened.open, info)
        )


def _of_tar(tar: tarfile.TarFile) -> Iterator[_Member]:
    while (info := tar.next()) is not None:
        # It would keep every header until the end.
        tar.members.clear()  # type: ignore[attr-defined]
        if not (info.isreg() or info.isdir()) or info.issparse():
            raise ArchiveRefused("expected a file, got a link or a device", info.name)
        yield _Member(
            info.name,
            info.size,
            info.isdir(),
            functools.partial(_file_of, tar, info),
        )


def _described_within(limits: ArchiveLimits) -> type[tarfile.TarInfo]:
    """What reads the headers of one TAR, and refuses sparse files and headers beyond the limits."""
    count = total = common = 0

    class Described(tarfile.TarInfo):
        def _proc_member(self, tar: tarfile.TarFile) -> Any:
            nonlocal count, total, common
            if self.type in _LONG_HEADERS:
                count, total = count + 1, total + self.size
                common += self.size if self.type == tarfile.XGLTYPE else 0
                if max(self.size, common) > _LONGEST_HEADER:
                    raise ArchiveRefused(f"a header is larger than {_LONGEST_HEADER} bytes")
                if total > _LONGEST_HEADER + limits.files * _DESCRIBING_BYTES:
                    raise ArchiveRefused(f"its headers are {total} bytes long, which is too much")
                if count > limits.files:
                    raise ArchiveRefused(f"it holds more than {limits.files} long headers")
            return super()._proc_member(tar)  # type: ignore[misc]

        def _no_sparse(self, *_: object) -> NoReturn:
            raise ArchiveRefused("expected a file, got a sparse one", self.name)

        # The old form, and the three of PAX, whose maps are as long as they like.
        _proc_sparse = _no_sparse
        _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10 = _no_sparse

    return Described


def _file_of(tar: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    return cast("IO[bytes]", tar.extractfile(info))


def _uncompressed(file: IO[bytes]) -> IO[bytes]:
    begins = file.read(6)
    file.seek(0)
    if begins.startswith(b"\x1f\x8b"):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    if begins.startswith(b"BZh"):
        return cast("IO[bytes]", bz2.BZ2File(file))
    if begins == b"\xfd7zXZ\x00":
        return cast("IO[bytes]", _Xz(file))
    return file


class _Xz:
    """One stream of xz, unpacked with bounded memory."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._inner = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)

    def read(self, size: int) -> bytes:
        """At most `size` bytes, none at the end. Raises EOFError, ArchiveRefused, LZMAError."""
        while not self._inner.eof:
            fed = self._file.read(_FILE_BLOCK) if self._inner.needs_input else b""
            if self._inner.needs_input and not fed:
                raise EOFError("it is cut off")
            if chunk := self._inner.decompress(fed, size):
                return chunk
        if self._inner.unused_data or self._file.read(1):
            raise ArchiveRefused("expected one stream of xz, got more")
        return b""


class _Bounded:
    """A stream of which no more than the limits allow is ever decompressed."""

    def __init__(self, inner: IO[bytes], limits: ArchiveLimits) -> None:
        self._inner = inner
        # Headers and padding of a TAR, two blocks a file.
        self._left = limits.total_bytes + limits.files * 2048
        self._limits = limits

    def read(self, size: int = -1) -> bytes:
        chunk = self._inner.read(size)
        self._left -= len(chunk)
        if self._left < 0:
            raise ArchiveRefused(f"more than {self._limits.total_bytes} bytes come out of it")
        return chunk
