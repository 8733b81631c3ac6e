"""Image files to pixels and back: one way in for every part, so that all see the same pixels.

Whatever comes in, what goes out is uint8 RGB, upright:

- grey and palette images become RGB, 1, 2 and 4 bit samples fill the range of 8;
- 16-bit samples are scaled from their full range (65535 becomes 255), as PNG defines them;
- CMYK becomes RGB, without a colour profile;
- an alpha channel is composited on white, as a page shows it; transparent pixels may hold anything;
- Exif orientation 1 to 8 is applied, here and nowhere else: OpenCV and Pillow differ in when
  they do it, and a mask that was measured on a lying image fits no upright one.
"""

from dataclasses import dataclass
from typing import Any, Literal, cast

import cv2
import numpy as np
import numpy.typing as npt

from inspection.image_file import ImageHeader, ImageRefused, check_image
from inspection.preview import alike, find_preview
from inspection.verdicts import Reason

__all__ = [
    "ImageHeader",
    "ImageRefused",
    "ReducedImage",
    "check_image",
    "decode_image",
    "decode_reduced",
    "encode_jpeg",
    "encode_png",
]

_ROTATIONS = {
    3: cv2.ROTATE_180,
    4: cv2.ROTATE_180,
    5: cv2.ROTATE_90_CLOCKWISE,
    6: cv2.ROTATE_90_CLOCKWISE,
    7: cv2.ROTATE_90_COUNTERCLOCKWISE,
    8: cv2.ROTATE_90_COUNTERCLOCKWISE,
}
_MIRRORED = (2, 4, 5, 7)
UseOfPreview = Literal["never", "if_alike", "trusted"]
# Half the size, in colour, as RGB: the flag that says "reduced" is in the name of the grey one.
_HALF_RGB = cv2.IMREAD_REDUCED_GRAYSCALE_2 | cv2.IMREAD_COLOR_RGB


@dataclass(frozen=True, slots=True, eq=False)
class ReducedImage:
    """An image decoded at half its size or less, for an engine that would shrink it anyway.

    Attributes:
        rgb: uint8 (h, w, 3), upright.
        size_wh: width and height of the whole upright image, px, in which findings are given.
    """

    rgb: npt.NDArray[np.uint8]
    size_wh: tuple[int, int]


def decode_image(data: bytes) -> npt.NDArray[np.uint8]:
    """Decode a JPEG or PNG file to uint8 RGB (H, W, 3), upright and C-contiguous.

    Raises:
        ImageRefused: the file is empty, cut off, damaged, of another kind or too large; all but
            damage inside the coded pixels is seen before anything is decoded.
    """
    header = check_image(data)
    # A plain JPEG is one call. PNG keeps its depth and alpha, which are dealt with below.
    flags = cv2.IMREAD_COLOR_RGB if header.kind == "jpeg" else cv2.IMREAD_UNCHANGED
    pixels = _decode(data, header, flags, (header.height, header.width))
    if header.kind == "png":
        rgb = _to_rgb(cast(npt.NDArray[np.uint8] | npt.NDArray[np.uint16], pixels))
    else:
        rgb = cast(npt.NDArray[np.uint8], pixels)
    return _upright(rgb, header.orientation)


def decode_reduced(
    data: bytes, input_px: int | None, *, preview: UseOfPreview = "never"
) -> npt.NDArray[np.uint8] | ReducedImage:
    """Decode for an engine whose square input is `input_px` wide; None takes every pixel.

    A JPEG whose half still covers the input is decoded at half its size: libjpeg then inverts
    8 × 8 blocks to 4 × 4, and the shrinking that follows has a quarter of the pixels. Everything
    else comes whole, as from `decode_image`.

    Args:
        preview: when the small copy in a file (`inspection.preview`) is taken for its picture, if
            it covers the input. `trusted` is for files of which it is known that the camera's
            own process wrote them, and saves looking at the picture; `if_alike` compares the two,
            for files of which it is not known; `never` passes over it.

    Raises:
        ImageRefused: as `decode_image`.
    """
    small = None if preview == "never" or input_px is None else _preview(data, input_px)
    if small is not None and preview == "trusted":
        return small
    header = check_image(data)
    half = ((header.height + 1) // 2, (header.width + 1) // 2)
    if input_px is None or header.kind != "jpeg" or max(half) < input_px:
        return decode_image(data)
    rgb = cast(npt.NDArray[np.uint8], _decode(data, header, _HALF_RGB, half))
    picture = ReducedImage(_upright(rgb, header.orientation), header.upright_wh)
    if small is None or small.size_wh != picture.size_wh:
        return picture
    # Of an odd size libjpeg's half has a last row or column more than the camera's.
    even = picture.rgb[: picture.size_wh[1] // 2, : picture.size_wh[0] // 2]
    return small if alike(small.rgb, even) else picture


def _preview(data: bytes, input_px: int) -> ReducedImage | None:
    """The copy in a file; None where there is none, or none that covers the input."""
    found = find_preview(data)
    if found is None:
        return None
    try:
        rgb = decode_image(found.jpeg)
    except ImageRefused:
        return None
    return ReducedImage(rgb, found.picture_wh) if max(rgb.shape) >= input_px else None


def _decode(
    data: bytes, header: ImageHeader, flags: int, shape: tuple[int, int]
) -> npt.NDArray[Any]:
    """The pixels of a file as they lie in it, uint8 or uint16. Raises ImageRefused."""
    try:
        pixels = cv2.imdecode(
            np.frombuffer(data, dtype=np.uint8), flags | cv2.IMREAD_IGNORE_ORIENTATION
        )
    except cv2.error as error:
        raise ImageRefused(
            Reason.UNREADABLE, f"the {header.kind.upper()} cannot be decoded: {error.err}"
        ) from error
    if pixels is None or pixels.shape[:2] != shape:
        raise ImageRefused(
            Reason.UNREADABLE, f"the {header.kind.upper()} is damaged and cannot be decoded"
        )
    return pixels


def _to_rgb(pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
    """What OpenCV gives of a PNG, grey, BGR or BGRA of 8 or 16 bits, as RGB of 8."""
    if pixels.dtype == np.uint16:
        # Rounded, so that an 8-bit picture stored in 16 bits (v × 257) comes back exactly.
        eight = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    else:
        eight = cast(npt.NDArray[np.uint8], pixels)
    if eight.ndim == 2:
        return cast(npt.NDArray[np.uint8], cv2.cvtColor(eight, cv2.COLOR_GRAY2RGB))
    if eight.shape[2] == 3:
        return cast(npt.NDArray[np.uint8], cv2.cvtColor(eight, cv2.COLOR_BGR2RGB))
    rgb = cv2.cvtColor(eight, cv2.COLOR_BGRA2RGB)
    alpha = eight[..., 3]
    if alpha.min() == 255:
        return cast(npt.NDArray[np.uint8], rgb)
    cover = alpha[..., None].astype(np.uint32)
    mixed = (rgb * cover + 255 * (255 - cover) + 127) // 255
    return mixed.astype(np.uint8)


def _upright(rgb: npt.NDArray[np.uint8], orientation: int) -> npt.NDArray[np.uint8]:
    """Apply an Exif orientation (Exif 2.32, tag 274): turn first, then mirror left to right."""
    if orientation in _ROTATIONS:
        rgb = cast(npt.NDArray[np.uint8], cv2.rotate(rgb, _ROTATIONS[orientation]))
    if orientation in _MIRRORED:
        rgb = cast(npt.NDArray[np.uint8], cv2.flip(rgb, 1))
    return rgb


def encode_jpeg(rgb: npt.NDArray[np.uint8], quality: int = 92) -> bytes:
    """Encode uint8 RGB (H, W, 3) as JPEG, without metadata. `quality` is libjpeg's, 1 to 100."""
    return _encode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, quality])


def encode_png(rgb: npt.NDArray[np.uint8]) -> bytes:
    """Encode uint8 RGB (H, W, 3) as PNG, lossless and without metadata."""
    return _encode(".png", rgb, [])


def _encode(suffix: str, rgb: npt.NDArray[np.uint8], parameters: list[int]) -> bytes:
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or rgb.size == 0:
        raise ValueError(f"expected uint8 (H, W, 3), got {rgb.dtype} of shape {rgb.shape}")
    done, encoded = cv2.imencode(suffix, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), parameters)
    if not done:
        raise ValueError(f"OpenCV cannot encode {rgb.shape} as {suffix}")
    return encoded.tobytes()
