"""A small copy of a picture in its own JPEG file, for a model that takes no more than that.

Two thirds of what it costs to decode a 1080p JPEG at half its size go into reading its codes,
of which a model with an input of 512 px needs one in fourteen. The camera's process has the
pixels anyhow: it makes a copy of just the size that the model's letterbox would, and puts it into
application segments (ITU-T T.81, B.2.4.6) of the JPEG, which every viewer passes over. It is part
of the file, and so of its hash.

Whoever takes a copy for the picture has to know who made it, since a file from elsewhere may hold
a copy of something else: see `inspection.decode.decode_reduced`.
"""

import struct
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

UInt8 = npt.NDArray[np.uint8]

_MARKER = b"\xff\xe9"  # APP9
_NAME = b"Lineside preview\0"
_LARGEST_PART = 65_535 - 2 - len(_NAME)  # a segment's length counts its own two bytes
_MOST_PARTS = 16
_SOI = b"\xff\xd8"
# The model finds as much in it as in one of 95 (docs/decisions/0130), and it is a third smaller.
QUALITY = 90
# Levels of 255 by which means over nine pixels may differ in a copy of the same picture.
_ALIKE_GREY, _ALIKE_COLOUR = 6.0, 40.0


@dataclass(frozen=True, slots=True)
class Preview:
    """The copy in a file: a JPEG of its own."""

    jpeg: bytes
    picture_wh: tuple[int, int]  # of the whole picture, px, as whoever made it says


def shrink(bgr: UInt8, input_px: int) -> UInt8 | None:
    """A picture, uint8 (H, W, 3), as large as a model's square input of `input_px` shows it.

    None where that is more than half its size, since then a copy would save nothing.
    """
    height, width = bgr.shape[:2]
    scale = input_px / max(height, width)
    if scale > 0.5:
        return None
    return _shrunk(bgr, (max(1, round(width * scale)), max(1, round(height * scale))))


def alike(preview_rgb: UInt8, half_rgb: UInt8) -> bool:
    """Whether a copy shows what its picture does, decoded at half its size.

    They are never equal, since both went through JPEG, and the picture's colours at half their
    resolution. But over nine pixels losses cancel out: of drawn and real surfaces, and of noise,
    the means of brightness differ by 1 to 5 levels and those of a colour by up to 35. Fine
    stripes of pure colours may differ by more; such a picture is decoded as if it had no copy.
    """
    height, width = preview_rgb.shape[:2]
    if half_rgb.shape[1] < width or half_rgb.shape[0] < height:
        return False
    picture = _shrunk(half_rgb, (width, height))
    apart = preview_rgb.astype(np.float32) - picture
    grey = cv2.transform(apart, np.array([[0.299, 0.587, 0.114]], dtype=np.float32))
    return bool(
        np.abs(cv2.blur(grey, (3, 3))).max() <= _ALIKE_GREY
        and np.abs(cv2.blur(apart, (3, 3))).max() <= _ALIKE_COLOUR
    )


def _shrunk(small: UInt8, wanted_wh: tuple[int, int]) -> UInt8:
    # Halves by averaging, each a quarter of the one before; then linear sampling reads every
    # pixel. As good as averaging the whole picture, in a fifth of the time.
    while small.shape[1] >= 2 * wanted_wh[0] and small.shape[0] >= 2 * wanted_wh[1]:
        half_wh = (small.shape[1] // 2, small.shape[0] // 2)
        # An odd last row or column goes: two by two is what OpenCV averages at once.
        even = small[: 2 * half_wh[1], : 2 * half_wh[0]]
        small = cast(UInt8, cv2.resize(even, half_wh, interpolation=cv2.INTER_AREA))
    return cast(UInt8, cv2.resize(small, wanted_wh, interpolation=cv2.INTER_LINEAR))


def with_preview(jpeg: bytes | memoryview, preview: bytes, picture_wh: tuple[int, int]) -> bytes:
    """A JPEG file with a copy inside. Raises ValueError where it is no JPEG or the copy too large.

    Args:
        jpeg: as an encoder wrote it, beginning with its JFIF segment.
        preview: the copy, a JPEG.
        picture_wh: width and height of the picture, px.
    """
    head = bytes(jpeg[:6])
    content = struct.pack(">HH", *picture_wh) + preview
    if head[:4] != _SOI + b"\xff\xe0" or len(content) > _MOST_PARTS * _LARGEST_PART:
        raise ValueError("expected a JFIF file, and a copy that is smaller than a megabyte")
    # JFIF wants to be the first segment.
    behind = 4 + int(struct.unpack(">H", head[4:6])[0])
    pieces: list[bytes | memoryview] = [jpeg[:behind]]
    for begin in range(0, len(content), _LARGEST_PART):
        part = content[begin : begin + _LARGEST_PART]
        pieces += [_MARKER, struct.pack(">H", 2 + len(_NAME) + len(part)), _NAME, part]
    return b"".join([*pieces, jpeg[behind:]])


def find_preview(data: bytes) -> Preview | None:
    """The copy in a JPEG file, not yet decoded and maybe cut off; None where it has none."""
    if data[:4] != _SOI + b"\xff\xe0":
        return None
    at = 4 + int.from_bytes(data[4:6])
    parts = []
    for _ in range(_MOST_PARTS):
        begin = at + 4 + len(_NAME)
        if data[at : at + 2] != _MARKER or data[at + 4 : begin] != _NAME:
            break
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
        parts.append(data[begin:at])
    content = b"".join(parts)
    if len(content) < 4:
        return None
    width, height = struct.unpack_from(">HH", content)
    return Preview(content[4:], (width, height))
