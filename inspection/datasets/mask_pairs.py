"""Pairs images/NAME.jpg and masks/NAME.png: in the folder itself, or nested by class below it.

Every mask is read once when the set is opened and kept as RLE, some kilobytes each: so that its
size and values are checked before anything is trained or measured, and a later read costs no
second file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
from PIL import Image

from inspection.datasets.class_lists import ClassList
from inspection.datasets.labels import Annotation, Dataset, LabelledFile, Problem, Report
from inspection.datasets.mask_values import MaskValues, ValueClasses, is_binary
from inspection.datasets.masks import frame_to_rle
from inspection.datasets.pictures import images_in, is_image, read_size

# The only class of a set that names none.
DEFAULT_CLASS = "defect"
_PARTS = ("train", "valid", "val", "validation", "test")


def find_pair_folders(path: Path) -> list[Path]:
    """The folders that hold images/ and masks/, the named one first."""
    found = [path, *sorted(each.parent for each in path.rglob("images") if each.is_dir())]
    return list(
        dict.fromkeys(
            each for each in found if (each / "images").is_dir() and (each / "masks").is_dir()
        )
    )


def read(path: Path, classes: Sequence[str] | None, report: Report) -> Dataset | None:
    """A folder of pairs; None once it was reported that it is none.

    classes: names alone fix their order (of the class folders, or the one name of a set without
    such); `VALUE=NAME` or `LOW-HIGH=NAME` gives the class by the value in the mask.
    """
    folders = find_pair_folders(path)
    if not folders:
        detail = "holds no folders images/ and masks/, neither itself nor in its sub-folders"
        report(Problem(path, "no-dataset", detail))
        return None
    values = ValueClasses.parse(path, classes, report)
    nested = [_class_of(folder, path) for folder in folders]
    by_folder = values is None and any(nested)
    if values is not None:
        known = ClassList(values.names)
    elif by_folder:
        known = ClassList(classes)
    else:
        known = ClassList(classes if classes else [DEFAULT_CLASS])
    files: list[LabelledFile] = []
    for folder, group in zip(folders, nested, strict=True):
        part = next((name for name in folder.relative_to(path).parts if name in _PARTS), "")
        for image, mask in _pairs(folder, report):
            read_one = _read_pair(image, mask, report)
            if read_one is None:
                continue
            size_wh, pixels = read_one
            name = group if by_folder else known.names[0]
            annotations = (
                values.annotations(mask, pixels, report)
                if values is not None
                else _single(mask, pixels, name, known, report)
            )
            files.append(LabelledFile(image, size_wh, annotations, group, part, label=mask))
    return Dataset(path.resolve().name, path, known.names, tuple(files), False)


def _class_of(folder: Path, path: Path) -> str:
    """The class folder's name; the named folder itself and train/, valid/ … are none."""
    relative = folder.relative_to(path)
    name = relative.name
    return "" if name in ("", *_PARTS) else name


def _pairs(folder: Path, report: Report) -> list[tuple[Path, Path]]:
    masks: dict[str, Path] = {}
    for mask in sorted(each for each in (folder / "masks").iterdir() if is_image(each)):
        if mask.stem in masks:
            detail = f"and {masks[mask.stem].name} are masks of one image, expected one"
            report(Problem(mask, "twice", detail))
        masks[mask.stem] = mask
    pairs = []
    for image in images_in(folder / "images"):
        found = masks.pop(image.stem, None)
        if found is None:
            detail = (
                f"has no masks/{image.stem}.png, expected one (an all-black one if there is "
                "nothing)"
            )
            report(Problem(image, "image-without-label", detail))
        else:
            pairs.append((image, found))
    for mask in masks.values():
        detail = f"has no image {mask.stem}.jpg (.png, …) in images/"
        report(Problem(mask, "label-without-image", detail))
    return pairs


def _read_pair(
    image: Path, mask: Path, report: Report
) -> tuple[tuple[int, int], MaskValues] | None:
    size_wh = read_size(image, report)
    pixels = _read_values(mask, report)
    if size_wh is None or pixels is None:
        return None
    if pixels.shape != size_wh[::-1]:
        detail = (
            f"has {pixels.shape[1]}×{pixels.shape[0]} px, expected the {size_wh[0]}×{size_wh[1]} "
            f"of {image.name}"
        )
        report(Problem(mask, "wrong-size", detail))
        return None
    return size_wh, pixels


def _read_values(mask: Path, report: Report) -> MaskValues | None:
    """The values in a mask, (H, W): 255 for the set bits of one bit, indices of a palette."""
    try:
        with Image.open(mask) as image:
            values = np.asarray(image.convert("L") if image.mode == "1" else image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        detail = f"cannot be read as a mask ({error}), expected a whole image"
        report(Problem(mask, "unreadable-image", detail))
        return None
    if values.ndim == 3:
        colours = values[..., :3] if values.shape[2] > 2 else values[..., :1]
        if (colours != colours[..., :1]).any():
            detail = "is a mask in colours, expected one value a pixel"
            report(Problem(mask, "unknown-value", detail))
            return None
        values = colours[..., 0]
    if values.dtype.kind not in "ui" or values.min() < 0 or values.max() > 65535:
        detail = f"holds {values.dtype} values, expected whole numbers of 1, 8 or 16 bits"
        report(Problem(mask, "unknown-value", detail))
        return None
    if values.dtype == np.uint8:
        return cast(MaskValues, values)
    return values.astype(np.uint16)


def _single(
    mask: Path, pixels: MaskValues, name: str, known: ClassList, report: Report
) -> tuple[Annotation, ...]:
    """At most one annotation: where the mask is set."""
    if not is_binary(mask, pixels, report) or not pixels.any():
        return ()
    index = known.find(name, mask, report)
    return () if index is None else (Annotation(index, frame_to_rle(pixels > 0)),)
