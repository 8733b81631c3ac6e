"""What a labelled data set is, whatever form it was read from: labels in memory, pixels on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from inspection.datasets.masks import Segmentation, to_rle

IMAGE_TYPES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a data set, with the file that somebody has to open.

    Attributes:
        path: the file (or folder) that is wrong.
        kind: a short fixed word such as `wrong-size`, by which problems are counted.
        detail: what was found and what was expected, for people.
        severity: `error` where a figure would be wrong, `warning` where somebody should look.
    """

    path: Path
    kind: str
    detail: str
    severity: str = "error"


class DatasetError(Exception):
    """A data set that cannot be read as it is; the message names the file and what was expected.

    Attributes:
        problem: file, kind and detail.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.path}: {problem.kind}: {problem.detail}")
        self.problem = problem


# A reader tells of what is wrong and goes on without it; whoever may not go on raises here.
Report = Callable[[Problem], None]


def refuse(problem: Problem) -> None:
    """The report of a reader that must not leave anything out: the first error ends it."""
    if problem.severity == "error":
        raise DatasetError(problem)


@dataclass(frozen=True, slots=True)
class Annotation:
    """One labelled instance, or one class of an image where the labels tell only pixels.

    Attributes:
        class_index: from 0, into the data set's `classes`.
        segmentation: COCO compressed RLE of the whole image, or polygons x, y, x, y, … in px of
            the upright image, where (0, 0) is the outer corner of the first pixel.
    """

    class_index: int
    segmentation: Segmentation


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """An image file and what is labelled in it.

    Attributes:
        path: the image.
        size_wh: width and height of the upright image (after its Exif orientation), px.
        annotations: none where the image shows nothing, which is a label too.
        group: what the form on disk says the image belongs to: the class folder of mask pairs,
            or `group` in the project's own COCO (a sequence, a part, a camera).
        part: `train`, `valid`, … where the form on disk says so, else empty.
        crowd: COCO's crowd regions, to be neither learnt nor counted against a model.
        label: the file that the labels came from, to be named when they are wrong.
    """

    path: Path
    size_wh: tuple[int, int]
    annotations: tuple[Annotation, ...]
    group: str = ""
    part: str = ""
    crowd: tuple[Annotation, ...] = ()
    label: Path | None = None


@dataclass(frozen=True)
class Dataset:
    """A labelled set of images.

    Attributes:
        name: that of its folder.
        root: the folder, or the one that the annotation file lies in.
        classes: names; annotations point into them.
        files: in the order of the annotation file, or of the paths.
        instances: False where labels tell only which pixels are of a class (mask pairs); then an
            image has at most one annotation a class.
    """

    name: str
    root: Path
    classes: tuple[str, ...]
    files: tuple[LabelledFile, ...]
    instances: bool

    @cached_property
    def sha256(self) -> str:
        """Names the content, 64 hexadecimal digits: each image's bytes and the masks in it.

        It depends neither on the order of files, nor on their names, nor on the form or the
        place they lie in. All images are read once, when it is first asked for.

        Raises:
            DatasetError: an image cannot be read.
        """
        return content_hash(self.classes, ((file, hash_file(file.path)) for file in self.files))


def content_hash(classes: tuple[str, ...], files: Iterable[tuple[LabelledFile, str]]) -> str:
    """`Dataset.sha256` of files whose SHA-256 is known, so that none of them is read.

    Raises:
        ValueError: a segmentation that is none of its image's size.
    """
    lines = sorted(_content(file, sha256, classes) for file, sha256 in files)
    head = ["lineside dataset 1", *sorted(classes)]
    return hashlib.sha256("\n".join(head + lines).encode()).hexdigest()


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal.

    Raises:
        DatasetError: it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DatasetError(
            Problem(path, "unreadable-image", f"cannot be read ({error.strerror})")
        ) from error


def _content(file: LabelledFile, sha256: str, classes: tuple[str, ...]) -> str:
    labels = sorted(
        f"{classes[each.class_index]}:{mark}:{to_rle(each.segmentation, file.size_wh)['counts']}"
        for mark, annotations in (("", file.annotations), ("crowd", file.crowd))
        for each in annotations
    )
    return " ".join([sha256, *labels])
