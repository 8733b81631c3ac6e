"""Folders of images: taken once in the order of their names, or watched for new ones."""

from __future__ import annotations

import hashlib
import io
import os
import re
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from db.base import utc_now
from inspection.verdicts import Reason
from services.ingest.frame import Frame, Pulse, SourceUnavailable

PASSED_ON = {".jpg": "jpg", ".jpeg": "jpg", ".jpe": "jpg", ".jfif": "jpg", ".png": "png"}
CONVERTED = {".bmp": "BMP", ".tif": "TIFF", ".tiff": "TIFF", ".webp": "WEBP"}
SUFFIXES = (*PASSED_ON, *CONVERTED)

_MAX_BYTES = 32 * 1024 * 1024
_MAX_PIXELS = 40_000_000
_SCAN_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    size_bytes: int
    mtime_ns: int

    @property
    def key(self) -> str:
        """The same file after a restart; one that was written anew is another."""
        text = f"{self.path.name}\0{self.size_bytes}\0{self.mtime_ns}"
        return hashlib.sha256(os.fsencode(text)).hexdigest()[:32]


class Folder:
    """Image files as frames. JPEG and PNG are passed on byte for byte.

    Args:
        play: names this play of the folder in the frames' keys.
        taken: keys of the frames that were accepted before a restart.
        follow_links: whether links in it are images: they may lead out of the folder.
    """

    live = False

    def __init__(
        self,
        path: Path,
        *,
        watch: bool,
        play: str = "",
        taken: Collection[str] = (),
        follow_links: bool = False,
    ) -> None:
        self._path, self._watch, self._play = path, watch, play
        self._follow_links = follow_links
        self._taken = set(taken)
        if not path.is_dir():
            raise SourceUnavailable(f"there is no folder {path.name}")

    def frames(self, pulse: Pulse) -> Iterator[Frame]:
        files = self._scan()
        if not files and not self._watch:
            raise SourceUnavailable(
                f"no images in {self._path.name}; expected files that end in {', '.join(SUFFIXES)}"
            )
        if not self._watch:
            for file in sorted(files, key=lambda file: _natural(file.path.name)):
                yield from self._frame(file, utc_now())
                if pulse.stopping:
                    return
            return
        before: set[_File] = set()
        while not pulse.stopping:
            # A file that changed since the last look is being written still.
            settled = sorted(
                (file for file in files if file in before),
                key=lambda file: (file.mtime_ns, _natural(file.path.name)),
            )
            for file in settled:
                yield from self._frame(file, datetime.fromtimestamp(file.mtime_ns / 1e9, UTC))
                if pulse.stopping:
                    return
            before = set(files)
            pulse.wait(_SCAN_EVERY_S)
            files = self._scan()

    def close(self) -> None:
        pass

    def _scan(self) -> list[_File]:
        try:
            with os.scandir(self._path) as entries:
                return [
                    _File(Path(entry.path), status.st_size, status.st_mtime_ns)
                    for entry in entries
                    if not entry.name.startswith(".")
                    and Path(entry.name).suffix.lower() in SUFFIXES
                    and entry.is_file(follow_symlinks=self._follow_links)
                    and (status := entry.stat(follow_symlinks=self._follow_links))
                ]
        except FileNotFoundError:
            if self._path.is_dir():
                return []  # a file went between the listing and the look at it: look again
            raise SourceUnavailable(f"the folder {self._path.name} is gone") from None
        except OSError as error:
            raise SourceUnavailable(
                f"the folder {self._path.name} cannot be read: {error.strerror}"
            ) from error

    def _frame(self, file: _File, captured_at: datetime) -> Iterator[Frame]:
        key = f"{self._play}/{file.key}"
        if key in self._taken:
            return
        self._taken.add(key)
        encoded, refusal = None, None
        if file.size_bytes > _MAX_BYTES:
            text = f"{file.size_bytes / 1e6:.0f} MB; expected at most {_MAX_BYTES / 1e6:.0f} MB"
            refusal = (Reason.TOO_LARGE, f"{file.path.name}: {text}")
        else:
            try:
                data = file.path.read_bytes()
            except FileNotFoundError:
                return  # taken away before it was read
            except OSError as error:
                refusal = (Reason.UNREADABLE, f"{file.path.name}: {error.strerror}")
            else:
                encoded, refusal = _encoded(file.path, data)
        yield Frame(captured_at, time.monotonic(), encoded=encoded, key=key, refusal=refusal)


def _encoded(path: Path, data: bytes) -> tuple[tuple[bytes, str] | None, tuple[Reason, str] | None]:
    """The file as it is stored, or why it is not."""
    if not data:
        return None, (Reason.UNREADABLE, f"{path.name} is empty")
    if data.startswith(b"\xff\xd8\xff"):
        return (data, "jpg"), None
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return (data, "png"), None
    suffix = path.suffix.lower()
    if suffix in PASSED_ON:
        # Kept as it came: the inspection says what is wrong with it, and anyone can look.
        return (data, PASSED_ON[suffix]), None
    try:
        with Image.open(io.BytesIO(data), formats=[CONVERTED[suffix]]) as image:
            if image.width * image.height > _MAX_PIXELS:
                text = f"{image.width}×{image.height} px; expected at most 40 megapixels"
                return None, (Reason.TOO_LARGE, f"{path.name}: {text}")
            mode = "L" if image.mode in ("1", "L") else "RGB"
            png = io.BytesIO()
            image.convert(mode).save(png, "PNG", compress_level=1)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        text = f"{path.name} cannot be read as {CONVERTED[suffix]}; expected JPEG or PNG"
        return None, (Reason.UNSUPPORTED, text)
    return (png.getvalue(), "png"), None


def _natural(name: str) -> list[tuple[int, str]]:
    """img2 before img10."""
    parts = re.findall(r"(\d+)|(\D+)", name)
    return [(int(digits), "") if digits else (-1, text) for digits, text in parts]
