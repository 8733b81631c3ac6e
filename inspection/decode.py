"""Image files to pixels and back: one way in for every part, so that all see the same pixels.

Whatever comes in, what goes out is uint8 RGB, upright:

- grey and palette images become RGB, 1, 2 and 4 bit samples fill the range of 8;
- 16-bit samples are scaled from their full range (65535 becomes 255), as PNG defines them;
- CMYK becomes RGB, without a colour profile;
- an alpha channel is composited on white, as a page shows it; transparent pixels may hold anything;
- Exif orientation 1 to 8 is applied, here and nowhere else: OpenCV and Pillow differ in when
  they do it, and a mask that was measured on a lying image fits no upright one.
"""

from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from inspection.image_file import ImageHeader, ImageRefused, check_image
from inspection.verdicts import Reason

__all__ = [
    "ImageHeader",
    "ImageRefused",
    "check_image",
    "decode_image",
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


def decode_image(data: bytes) -> npt.NDArray[np.uint8]:
    """Decode a JPEG or PNG file to uint8 RGB (H, W, 3), upright and C-contiguous.

    Raises:
        ImageRefused: the file is empty, cut off, damaged, of another kind or too large; all but
            damage inside the coded pixels is seen before anything is decoded.
    """
    header = check_image(data)
    # A plain JPEG is one call. PNG keeps its depth and alpha, which are dealt with below.
    flags = cv2.IMREAD_COLOR_RGB if header.kind == "jpeg" else cv2.IMREAD_UNCHANGED
    try:
        pixels = cv2.imdecode(
            np.frombuffer(data, dtype=np.uint8), flags | cv2.IMREAD_IGNORE_ORIENTATION
        )
    except cv2.error as error:
        raise ImageRefused(
            Reason.UNREADABLE, f"the {header.kind.upper()} cannot be decoded: {error.err}"
        ) from error
    if pixels is None or pixels.shape[:2] != (header.height, header.width):
        raise ImageRefused(
            Reason.UNREADABLE, f"the {header.kind.upper()} is damaged and cannot be decoded"
        )
    if header.kind == "png":
        rgb = _to_rgb(cast(npt.NDArray[np.uint8] | npt.NDArray[np.uint16], pixels))
    else:
        rgb = cast(npt.NDArray[np.uint8], pixels)
    return _upright(rgb, header.orientation)


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
