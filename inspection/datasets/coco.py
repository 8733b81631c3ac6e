"""COCO instance labels, as the project keeps them and as CVAT, Label Studio, FiftyOne write them.

Format: https://cocodataset.org/#format-data. The writers differ in where the annotation file
lies and what `file_name` is relative to, so both are looked for (docs/datasets.md has the list).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from inspection.datasets.class_lists import ClassList
from inspection.datasets.coco_segmentation import read_segmentation
from inspection.datasets.json_files import read_object
from inspection.datasets.labels import Annotation, Dataset, LabelledFile, Problem, Report
from inspection.datasets.pictures import read_size

# Our own, Roboflow's, Label Studio's two, FiftyOne's.
FILE_NAMES = (
    "annotations.json",
    "_annotations.coco.json",
    "result.json",
    "result_coco.json",
    "labels.json",
)


def annotation_files(folder: Path) -> list[tuple[str, Path]]:
    """(part, annotation file) of a folder in one of the known layouts; empty if it is none.

    The parts are the sub-folders with an annotation file of their own, or what stands after
    `instances_` in CVAT's and COCO's own names; a single file has no part.
    """
    for name in FILE_NAMES:
        if (folder / name).is_file():
            return [("", folder / name)]
    named = sorted((folder / "annotations").glob("instances_*.json"))
    if len(named) == 1:
        return [("", named[0])]
    if named:
        return [(path.stem.removeprefix("instances_"), path) for path in named]
    return [
        (below.name, below / name)
        for below in sorted(path for path in folder.iterdir() if path.is_dir())
        for name in FILE_NAMES
        if (below / name).is_file()
    ]


def read(path: Path, classes: Sequence[str] | None, report: Report) -> Dataset | None:
    """A COCO folder or annotation file; None once it was reported that it is none."""
    parts = annotation_files(path) if path.is_dir() else [("", path)]
    if not parts:
        layouts = ", ".join((*FILE_NAMES, "annotations/instances_*.json"))
        report(Problem(path, "no-dataset", f"holds no COCO labels, expected one of {layouts}"))
        return None
    known = ClassList(classes)
    files: list[LabelledFile] = []
    instances = True
    for part, file in parts:
        document = read_object(file, report)
        if document is None or not _has_lists(file, document, report):
            continue
        instances &= _tells_instances(document)
        files += _read_part(file, document, part, known, report)
    root = path if path.is_dir() else path.parent
    return Dataset(root.resolve().name, root, known.names, tuple(files), instances)


def _read_part(
    file: Path, document: dict[str, Any], part: str, known: ClassList, report: Report
) -> Iterator[LabelledFile]:
    names = _category_names(file, document, known, report)
    labels: dict[Any, list[dict[str, Any]]] = {}
    images = {image.get("id"): image for image in document["images"]}
    for annotation in document["annotations"]:
        if annotation.get("image_id") not in images:
            detail = (
                f"annotation {annotation.get('id')} is of image {annotation.get('image_id')}, "
                "expected an id out of `images`"
            )
            report(Problem(file, "label-without-image", detail))
            continue
        labels.setdefault(annotation["image_id"], []).append(annotation)
    if len(images) < len(document["images"]):
        report(Problem(file, "twice", "two images have the same id, expected each once"))
    seen: dict[Path, str] = {}
    for key, image in images.items():
        name = str(image.get("file_name", ""))
        path = find_image(file, part, name)
        if path is None:
            detail = f"names the image {name!r}, which lies neither beside it nor in images/"
            report(Problem(file, "missing-image", detail))
            continue
        if path in seen:
            detail = f"{name!r} and {seen[path]!r} are one file, expected each image once"
            report(Problem(path, "twice", detail))
            continue
        seen[path] = name
        size_wh = read_size(path, report)
        if size_wh is None or not _fits(path, image, size_wh, report):
            continue
        taken: dict[bool, list[Annotation]] = {False: [], True: []}
        for each in labels.get(key, ()):
            category = each.get("category_id")
            index = names.get(category) if isinstance(category, int | str) else None
            if index is None:
                detail = (
                    f"{file.name}: annotation {each.get('id')} is of category "
                    f"{category}, expected an id out of `categories`"
                )
                # A category that a fixed list lacks has been reported by its name.
                if not isinstance(category, int | str) or category not in names:
                    report(Problem(path, "unknown-class", detail))
                continue
            segmentation = read_segmentation(path, file, each, size_wh, report)
            if segmentation is not None:
                taken[_is_crowd(each)].append(Annotation(index, segmentation))
        group = str(image.get("group", ""))
        own_part = str(image.get("part", part))
        annotations, crowd = tuple(taken[False]), tuple(taken[True])
        yield LabelledFile(path, size_wh, annotations, group, own_part, crowd, file)


def find_image(annotations: Path, part: str, name: str) -> Path | None:
    """The image that a `file_name` means, None where it lies in none of the usual places.

    Names are never followed out of the data set: of an absolute one, or one with `..` (Label
    Studio writes such where images were not exported), only the last part is looked for.
    """
    base = annotations.parent
    top = [base.parent] if base.name == "annotations" else [base]
    places = [
        folder / inner
        for folder in top
        for inner in ("", "images", "data", part, f"images/{part}", f"data/{part}")
    ]
    if base.name == "annotations":
        part = part or annotations.stem.removeprefix("instances_")
        places += [top[0] / "images" / part, top[0] / part]
    relative = PurePosixPath(name.replace("\\", "/"))
    inside = not relative.is_absolute() and ".." not in relative.parts
    for wanted in (relative, PurePosixPath(relative.name)) if inside else (relative.name,):
        for place in places:
            if str(wanted) not in ("", ".") and _is_file(place / wanted):
                return place / wanted
    return None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long, a folder that may not be entered
        return False


def _category_names(
    file: Path, document: dict[str, Any], known: ClassList, report: Report
) -> dict[Any, int | None]:
    """Index of each category id in the order of the ids; None for one not asked for."""
    categories = sorted(
        document["categories"], key=lambda each: (str(type(each["id"])), each["id"])
    )
    used = {str(each.get("category_id")) for each in document["annotations"]}
    above = {str(each.get("supercategory")) for each in categories}
    index: dict[Any, int | None] = {}
    for category in categories:
        name = str(category["name"])
        # Roboflow writes the project's name as a category above all others.
        unused = str(category["id"]) not in used
        if unused and name in above and category.get("supercategory") == "none":
            continue
        if known.fixed and unused and name not in known.names:
            continue
        index[category["id"]] = known.find(name, file, report)
    return index


def _has_lists(file: Path, document: dict[str, Any], report: Report) -> bool:
    for name, wanted in (("images", "id"), ("annotations", "image_id"), ("categories", "id")):
        rows = document.get(name)
        if not isinstance(rows, list) or any(
            not isinstance(row, dict) or not isinstance(row.get(wanted), int | str) for row in rows
        ):
            detail = f"has no list `{name}` of objects with an `{wanted}`, expected COCO's"
            report(Problem(file, "no-dataset", f"{detail} images, annotations and categories"))
            return False
    if all("name" in category for category in document["categories"]):
        return True
    report(Problem(file, "no-dataset", "has a category without a name"))
    return False


def _tells_instances(document: dict[str, Any]) -> bool:
    info = document.get("info")
    own = info.get("lineside") if isinstance(info, dict) else None
    return not (isinstance(own, dict) and own.get("instances") is False)


def _is_crowd(annotation: dict[str, Any]) -> bool:
    """CVAT and Datumaro mark every brush mask as crowd; their own attribute says what it is."""
    attributes = annotation.get("attributes")
    if isinstance(attributes, dict):
        return attributes.get("is_crowd") is True
    return bool(annotation.get("iscrowd"))


def _fits(path: Path, image: dict[str, Any], size_wh: tuple[int, int], report: Report) -> bool:
    said = (image.get("width"), image.get("height"))
    if None in said or said == size_wh:
        return True
    turned = " (the labels are of the picture before its Exif rotation)"
    detail = (
        f"has {size_wh[0]}×{size_wh[1]} px, its labels say {said[0]}×{said[1]}"
        f"{turned if said == size_wh[::-1] else ''}"
    )
    report(Problem(path, "wrong-size", detail))
    return False
