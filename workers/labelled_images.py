"""Labelled images from a data set or from the project's own drawing, one at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from inspection import datasets, rle
from inspection.datasets import Dataset, DatasetError, LabelledFile, Problem
from inspection.detections import InstanceMask
from inspection.drawing.dataset import image_rng
from inspection.drawing.dense_shelves import draw_dense_shelf
from inspection.drawing.drawn import Drawn
from inspection.drawing.shelves import CLASSES as SHELF_CLASSES
from inspection.drawing.shelves import draw_shelf
from inspection.drawing.surfaces import CLASSES as SURFACE_CLASSES
from inspection.drawing.surfaces import draw_surface
from workers.engines.detector import RgbImage
from workers.evaluation.labelled import LabelledImage, NamedMask

Drawing = tuple[Callable[[np.random.Generator], Drawn], tuple[str, ...]]
DRAWN: dict[str, Drawing] = {
    "surfaces": (draw_surface, SURFACE_CLASSES),
    "shelves": (draw_shelf, SHELF_CLASSES),
    "dense-shelves": (draw_dense_shelf, SHELF_CLASSES),
}
# Fresh images: training sets are drawn with small seeds, validation with 900 001 and up.
EVALUATION_SEED = 424_242
# For a map of names: what is left out counts neither way.
LEFT_OUT = ""


class Images(Protocol):
    """Starts an iteration over labelled images."""

    def __call__(self, numbers: Sequence[int] | None = None) -> Iterator[LabelledImage]:
        """All of them, or those of the given numbers, counted from 0."""
        ...


class LabelledDataError(Exception):
    """Labelled data that do not fit what is asked of them."""


@dataclass(frozen=True)
class LabelledSet:
    """Labelled images that can be gone through more than once.

    Attributes:
        name: of the set.
        total: how many images an iteration gives.
        by_class: whether every class of the set is one of the model's; where it is not, only
            defect and background can be compared.
        classes: the set's own class names.
        images: starts an iteration over all, or over those of the given numbers.
        form: `drawn`, or one of `inspection.datasets.FORMS`.
        dataset: what it was read from; None of drawn images.
    """

    name: str
    total: int
    by_class: bool
    classes: tuple[str, ...]
    images: Images
    form: str
    dataset: Dataset | None = None


def open_set(
    dataset: Dataset,
    model_classes: Sequence[str],
    mapping: Mapping[str, str] | None = None,
    limit: int | None = None,
    *,
    union: bool = False,
    form: str = "",
) -> LabelledSet:
    """A data set as labelled images, with the model's names for its classes.

    Names are the same if they differ only in case and in what is no letter or digit.

    Args:
        dataset: as it was opened.
        model_classes: the model's names.
        mapping: from names of the set to names of the model, or to `LEFT_OUT`; `*` is every name
            that is not known otherwise.
        limit: at most so many images, evenly over the set.
        union: compare defect and background, whether the classes are known or not.
        form: how the set was read.

    Raises:
        LabelledDataError: a class of a set with instances is none of the model's; the mapping
            names what neither has.
    """
    names = _names(dataset, model_classes, mapping or {})
    by_class = None not in names and not union
    instances = dataset.instances and None not in names
    if dataset.instances and not instances and not union:
        unknown = [own for own, name in zip(dataset.classes, names, strict=True) if name is None]
        raise LabelledDataError(
            f"{dataset.root}: unknown-class: the model has no class {unknown}; it has "
            f"{list(model_classes)}. Say what it is (--map {unknown[0]!r}=CLASS), leave it out "
            f"(--map {unknown[0]!r}=), or compare defect and background alone (--union)"
        )
    resolved = [
        own if name is None else name for own, name in zip(dataset.classes, names, strict=True)
    ]
    grouped = not dataset.instances and len(dataset.classes) > 1
    files = _spread(dataset.files, limit)
    return LabelledSet(
        dataset.name,
        len(files),
        by_class,
        dataset.classes,
        lambda numbers=None: (
            _labelled(files[number], resolved, dataset, instances, grouped)
            for number in (range(len(files)) if numbers is None else numbers)
        ),
        form,
        dataset,
    )


def drawn_set(kind: str, count: int, seed: int = EVALUATION_SEED) -> LabelledSet:
    """Freshly drawn images of a kind out of `DRAWN`.

    Raises:
        LabelledDataError: an unknown kind.
    """
    if kind not in DRAWN:
        raise LabelledDataError(f"nothing draws {kind!r}; expected one of {sorted(DRAWN)}")
    return LabelledSet(
        f"drawn:{kind}",
        count,
        True,
        DRAWN[kind][1],
        lambda numbers=None: drawn(kind, count, seed, numbers),
        "drawn",
    )


def mask_pairs(folder: Path, limit: int | None = None) -> Iterator[LabelledImage]:
    """Pairs images/NAME.jpg and masks/NAME.png, in the folder or nested by class below it.

    Raises:
        DatasetError: no pair at all, an unreadable file, or sizes that differ.
    """
    dataset = datasets.open_dataset(folder, "mask-pairs")
    return open_set(dataset, dataset.classes, limit=limit).images()


def coco(folder: Path, limit: int | None = None) -> Iterator[LabelledImage]:
    """The images of folder/annotations.json with their instances.

    Raises:
        DatasetError: no annotations.json, or an unreadable image.
    """
    dataset = datasets.open_dataset(folder, "coco")
    return open_set(dataset, dataset.classes, limit=limit).images()


def drawn(
    kind: str, count: int, seed: int = EVALUATION_SEED, numbers: Sequence[int] | None = None
) -> Iterator[LabelledImage]:
    """Freshly drawn images of a kind out of `DRAWN`: the first count, or those of the numbers.

    Raises:
        LabelledDataError: an unknown kind.
    """
    if kind not in DRAWN:
        raise LabelledDataError(f"nothing draws {kind!r}; expected one of {sorted(DRAWN)}")
    draw = DRAWN[kind][0]
    for number in range(count) if numbers is None else numbers:
        one = draw(image_rng(seed, number))
        name = f"{kind}-{seed}-{number:06d}"
        again = partial(_draw_again, kind, seed, number)
        yield LabelledImage(one.image_rgb, one.instances, name=name, again=again)


def read_rgb(path: Path) -> RgbImage:
    """An image file as uint8 (H, W, 3).

    Raises:
        LabelledDataError: the file is missing or no image.
    """
    try:
        content = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    except OSError as error:
        raise LabelledDataError(f"cannot read {path}: {error.strerror}") from error
    image = cv2.imdecode(content, cv2.IMREAD_COLOR_RGB) if content.size else None
    if image is None:
        raise LabelledDataError(f"{path} is no image")
    return np.asarray(image, np.uint8)


def coco_mask(segmentation: rle.Rle | list[list[float]], size_wh: tuple[int, int]) -> InstanceMask:
    """The mask of a COCO annotation: compressed RLE or polygons."""
    return rle.decode_cropped(datasets.to_rle(segmentation, size_wh))


def _names(
    dataset: Dataset, model_classes: Sequence[str], mapping: Mapping[str, str]
) -> list[str | None]:
    """The model's name for each class of the set; None where there is none."""
    if strange := sorted(set(mapping) - {"*", *dataset.classes}):
        raise LabelledDataError(
            f"{dataset.root}: unknown-class: the set has no class {strange} to map; it has "
            f"{list(dataset.classes)}"
        )
    if strange := sorted(set(mapping.values()) - {LEFT_OUT, *model_classes}):
        raise LabelledDataError(
            f"the model has no class {strange} to map to; it has {list(model_classes)}"
        )
    known = {_plain(name): name for name in model_classes}
    rest = mapping.get("*")
    return [mapping.get(own, known.get(_plain(own), rest)) for own in dataset.classes]


def _plain(name: str) -> str:
    """`Black screw`, `black-screw` and `black_screw` are one class."""
    return re.sub(r"[\W_]+", "", name.lower())


def _labelled(
    file: LabelledFile, names: Sequence[str], dataset: Dataset, instances: bool, grouped: bool
) -> LabelledImage:
    pairs: list[NamedMask] = []
    left_out: list[NamedMask] = []
    for annotation in file.annotations:
        name = names[annotation.class_index]
        (pairs if name else left_out).append((name, _read_mask(file, annotation)))
    left_out += [(names[each.class_index], _read_mask(file, each)) for each in file.crowd]
    return LabelledImage(
        datasets.read_rgb(file),
        tuple(pairs) if instances else None,
        group=pairs[0][0] if grouped and len(pairs) == 1 else "",
        areas=() if instances else tuple(pairs),
        left_out=tuple(left_out),
        name=_name_of(file, dataset),
        again=partial(datasets.read_rgb, file),
    )


def _read_mask(file: LabelledFile, annotation: datasets.Annotation) -> InstanceMask:
    try:
        return datasets.read_mask(annotation, file.size_wh)
    except ValueError as error:
        raise DatasetError(Problem(file.label or file.path, "wrong-mask", str(error))) from error


def _name_of(file: LabelledFile, dataset: Dataset) -> str:
    try:
        return str(file.path.relative_to(dataset.root))
    except ValueError:
        return str(file.path)


def _draw_again(kind: str, seed: int, number: int) -> RgbImage:
    return DRAWN[kind][0](image_rng(seed, number)).image_rgb


def _spread(files: Sequence[LabelledFile], limit: int | None) -> Sequence[LabelledFile]:
    """At most limit files, evenly over the list, so that every class folder has its share."""
    if limit is None or limit >= len(files):
        return files
    return [files[place * len(files) // limit] for place in range(limit)]
