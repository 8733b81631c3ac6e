"""The structure of a JPEG or PNG file: its size before anything is decoded, and whether it ends.

Decoders are asked last, because they answer too late: OpenCV 4.12 decoded a 389 kB PNG of
20 000 × 20 000 px in 5.7 s and 2.35 GB, and 4.10 filled the missing part of a truncated JPEG with
the previous picture. Structures follow ITU-T T.81 annex B, the PNG specification (third edition)
sections 5 and 11, and Exif 2.32 section 4.6.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import Literal

import numpy as np

from inspection.verdicts import Reason

MAX_BYTES = 32 * 2**20
MAX_PIXELS = 40_000_000
MAX_SIDE = 16_384
# Real files have a few dozen parts and about ten scans. Without the bounds a file of 32 MiB could
# be millions of empty parts, or make a progressive decoder walk 40 megapixels thousands of times.
_MAX_PARTS = 100_000
_MAX_SCANS = 100

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# What is recognised only to say by its name that it is not taken.
_OTHER_KINDS = (
    (0, b"GIF8", "GIF"),
    (8, b"WEBP", "WebP"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"BM", "BMP"),
    (4, b"ftyp", "HEIC, AVIF or video"),
    (0, b"\xff\x0a", "JPEG XL"),
    (4, b"JXL ", "JPEG XL"),
    (4, b"jP  ", "JPEG 2000"),
    (0, b"SIMPLE  =", "FITS"),
    (0, b"<svg", "SVG"),
    (0, b"<?xml", "XML or SVG"),
    (0, b"%PDF", "PDF"),
)
# Entropy-coded data are searched so many bytes at a time: few calls, and it stays in the cache.
_SEARCHED_BYTES = 2**17


class ImageRefused(Exception):
    """An image that is not inspected, with the verdict's reason and a line for people."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What a file says of itself. The size is the stored one, before `orientation` is applied."""

    kind: Literal["jpeg", "png"]
    width: int
    height: int
    orientation: int  # Exif, 1 to 8; 1 is upright

    @property
    def upright_wh(self) -> tuple[int, int]:
        """Width and height of the upright image, px."""
        size = (self.width, self.height)
        return size if self.orientation < 5 else size[::-1]


def check_image(data: bytes) -> ImageHeader:
    """Read a file's structure to its end without decoding a pixel.

    Raises:
        ImageRefused: UNREADABLE when it is empty, cut off or no image; UNSUPPORTED when it is an
            image of another kind; TOO_LARGE beyond 32 MiB, 40 megapixels or 16 384 px a side.
    """
    if not data:
        raise ImageRefused(Reason.UNREADABLE, "the file is empty, expected a JPEG or PNG image")
    if len(data) > MAX_BYTES:
        raise ImageRefused(
            Reason.TOO_LARGE,
            f"the file has {len(data) / 2**20:.1f} MiB, expected at most {MAX_BYTES // 2**20} MiB",
        )
    try:
        if data.startswith(b"\xff\xd8"):
            return _read_jpeg(data)
        if data.startswith(_PNG_SIGNATURE):
            return _read_png(data)
    except (IndexError, struct.error) as error:
        raise _cut_off("image") from error
    for offset, magic, name in _OTHER_KINDS:
        if data.startswith(magic, offset):
            raise ImageRefused(
                Reason.UNSUPPORTED, f"this looks like {name}, expected a JPEG or PNG image"
            )
    raise ImageRefused(
        Reason.UNREADABLE,
        f"no image: the file begins with {data[:8].hex(' ')}, expected a JPEG or PNG image",
    )


def _cut_off(kind: str) -> ImageRefused:
    return ImageRefused(Reason.UNREADABLE, f"the {kind} is cut off before its end")


def _check_size(width: int, height: int) -> None:
    if width == 0 or height == 0:
        raise ImageRefused(Reason.UNREADABLE, f"the image says it has {width}×{height} px")
    if width > MAX_SIDE or height > MAX_SIDE or width * height > MAX_PIXELS:
        raise ImageRefused(
            Reason.TOO_LARGE,
            f"the image has {width}×{height} px, expected at most {MAX_SIDE} px a side"
            f" and {MAX_PIXELS // 10**6} megapixels",
        )


def _read_jpeg(data: bytes) -> ImageHeader:
    width = height = 0
    orientation = 1
    scans = 0
    at = 2
    for _ in range(_MAX_PARTS):
        if at >= len(data):
            raise _cut_off("JPEG")
        if data[at] != 0xFF:
            raise ImageRefused(Reason.UNREADABLE, f"the JPEG is damaged at byte {at}")
        marker = data[at + 1]
        at += 1 if marker == 0xFF else 2  # any number of 0xFF may stand before a marker
        if marker == 0xD9:
            if scans == 0 or width == 0:
                raise ImageRefused(Reason.UNREADABLE, "the JPEG holds no picture")
            return ImageHeader("jpeg", width, height, orientation)
        if marker in (0xFF, 0x01) or 0xD0 <= marker <= 0xD7:
            continue
        (length,) = struct.unpack_from(">H", data, at)
        payload = data[at + 2 : at + length]
        at += max(length, 2)
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            bits, height, width, components = struct.unpack_from(">BHHB", payload)
            if bits != 8 or marker > 0xC2 or components not in (1, 3, 4):
                raise ImageRefused(
                    Reason.UNSUPPORTED,
                    f"a JPEG of {bits} bits and {components} channels in coding process"
                    f" {marker - 0xC0}, expected 8 bits, 1, 3 or 4 channels, baseline or"
                    " progressive",
                )
            _check_size(width, height)
        elif marker == 0xE1 and payload.startswith(b"Exif\0\0"):
            orientation = _orientation(payload[6:])
        elif marker == 0xDA:
            at = _end_of_scan(data, at)
            scans += 1
            if scans > _MAX_SCANS:
                break
    raise ImageRefused(Reason.UNREADABLE, "the JPEG is damaged: it has far too many parts")


def _end_of_scan(data: bytes, at: int) -> int:
    """Where the entropy-coded data that begin at `at` end: at the next marker.

    That is 0xFF followed by neither stuffing (0, 0xFF) nor a restart (0xD0 to 0xD7). Large images
    hold thousands of stuffed bytes, so that a regular expression takes three times as long.

    Raises:
        ImageRefused: there is none.
    """
    whole = np.frombuffer(data, dtype=np.uint8)
    for begin in range(at, len(data) - 1, _SEARCHED_BYTES):
        after = whole[begin + 1 : begin + 1 + _SEARCHED_BYTES]
        # Unsigned bytes wrap around: both bounds of a range take one comparison.
        plain = (after - 1 < 0xFE) & (after - 0xD0 > 7)
        marks = (whole[begin : begin + after.size] == 0xFF) & plain
        first = int(marks.argmax())
        if marks[first]:
            return begin + first
    raise _cut_off("JPEG")


def _read_png(data: bytes) -> ImageHeader:
    if data[12:16] != b"IHDR":
        raise ImageRefused(Reason.UNREADABLE, "the PNG does not begin with its header")
    width, height = struct.unpack_from(">II", data, 16)
    _check_size(width, height)
    orientation = 1
    at = len(_PNG_SIGNATURE)
    for _ in range(_MAX_PARTS):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            raise _cut_off("PNG")
        (checksum,) = struct.unpack_from(">I", data, end)
        if zlib.crc32(memoryview(data)[at + 4 : end]) != checksum:
            raise ImageRefused(
                Reason.UNREADABLE, f"the PNG is damaged: wrong checksum at byte {end}"
            )
        if kind == b"eXIf":
            orientation = _orientation(data[at + 8 : end])
        if kind == b"IEND":
            return ImageHeader("png", width, height, orientation)
        at = end + 4
    raise ImageRefused(Reason.UNREADABLE, "the PNG is damaged: it has far too many parts")


def _orientation(tiff: bytes) -> int:
    """The orientation in an Exif block, 1 where it has none or is damaged, as viewers do."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        (at,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, at)
        for entry in range(at + 2, at + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, entry)
            if tag == 0x0112:
                return int(value) if kind == 3 and 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1
