"""Image files of a data set: their size from the header, and their pixels when they are wanted."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from inspection.datasets.labels import IMAGE_TYPES, DatasetError, LabelledFile, Problem, Report
from inspection.decode import ImageRefused, decode_image

_ORIENTATION = 0x0112
RgbPixels = npt.NDArray[np.uint8]


def read_size(path: Path, report: Report) -> tuple[int, int] | None:
    """Width and height of the upright image from its header, px; None once it was reported.

    Labels refer to the upright image, as every labelling tool shows it (record 0080).
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                # Pillow turns TIFF by itself, and decodes a whole PNG to find Exif behind its
                # pixels; it ought to stand in front.
                known = "exif" in image.info if image.format == "PNG" else image.format != "TIFF"
                turned = known and image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
                return (image.height, image.width) if turned else (image.width, image.height)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        report(Problem(path, "unreadable-image", _why(error, path)))
        return None


def read_rgb(file: LabelledFile) -> RgbPixels:
    """The upright pixels of an image, uint8 (H, W, 3), RGB.

    Raises:
        DatasetError: it is missing, cut off, no image, or no longer of the size that was read.
    """
    pixels = _decode(file.path)
    if (pixels.shape[1], pixels.shape[0]) != file.size_wh:
        raise DatasetError(
            Problem(
                file.path,
                "wrong-size",
                f"has {pixels.shape[1]}×{pixels.shape[0]} px, expected "
                f"{file.size_wh[0]}×{file.size_wh[1]}",
            )
        )
    return pixels


def _decode(path: Path) -> RgbPixels:
    """As on the line where it can be: through `decode_image`, which refuses what is cut off."""
    try:
        data = path.read_bytes()
        if data.startswith((b"\xff\xd8", b"\x89PNG")):
            return decode_image(data)
        with Image.open(BytesIO(data)) as image:
            return _to_rgb(ImageOps.exif_transpose(image))
    except ImageRefused as error:
        raise DatasetError(Problem(path, "unreadable-image", error.detail)) from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DatasetError(Problem(path, "unreadable-image", _why(error, path))) from error


def _to_rgb(image: Image.Image) -> RgbPixels:
    """As `decode_image` does it for JPEG and PNG: 16 bits scaled, alpha on white."""
    if image.mode.startswith("I;16"):
        eight = (np.asarray(image).astype(np.uint32) + 128) // 257
        return np.repeat(eight[..., None], 3, axis=2).astype(np.uint8)
    if image.mode in ("I", "F"):
        raise ValueError(f"samples of 32 bits, mode {image.mode}")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return np.asarray(image.convert("RGB"), dtype=np.uint8)


def is_image(path: Path) -> bool:
    """Whether the name is that of an image; hidden files (such as macOS' ._x.jpg) are none."""
    return path.suffix.lower() in IMAGE_TYPES and not path.name.startswith(".")


def images_in(folder: Path) -> Iterable[Path]:
    """The image files directly in a folder, in the order of their names."""
    return [path for path in sorted(folder.iterdir()) if is_image(path) and path.is_file()]


def _why(error: Exception, path: Path) -> str:
    if isinstance(error, FileNotFoundError):
        return "is missing, expected an image"
    if isinstance(error, UnidentifiedImageError):
        return f"is no image ({path.stat().st_size} bytes), expected JPEG, PNG, BMP, TIFF or WebP"
    return f"cannot be read as an image ({error}), expected a whole file"
