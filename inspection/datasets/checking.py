"""What labellers get wrong, each with the file that somebody has to open."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from pycocotools import mask as coco_mask

from inspection import rle
from inspection.datasets.class_names import slips
from inspection.datasets.labels import (
    Annotation,
    Dataset,
    DatasetError,
    LabelledFile,
    Problem,
    hash_file,
)
from inspection.datasets.likeness import Look, look_at, near_pairs
from inspection.datasets.masks import to_rle
from inspection.datasets.opening import open_dataset
from inspection.datasets.pictures import images_in, read_rgb
from inspection.datasets.polygons import crossing, overhang_px

# Rounding in labelling tools puts points on the border up to a pixel outside.
BORDER_PX = 1.0
# Less than 3 × 3 px is a slip of the mouse more often than a defect.
TINY_PX = 9
# Two labels of one thing, drawn twice by hand, overlap so much; neighbours do not.
SAME_IOU = 0.9

Progress = Callable[[int, int], None]


def check_dataset(
    path: Path,
    form: str | None = None,
    classes: Sequence[str] | None = None,
    against: Sequence[Path] = (),
    progress: Progress | None = None,
) -> tuple[Dataset, list[Problem]]:
    """Open a set and list all that is wrong with it, in the order of files.

    Args:
        path: as of `open_dataset`, and so are form and classes.
        against: other sets, such as the validation part of this one, that no image may be in.
        progress: called with (images looked at, of how many).

    Returns:
        What could be read, and the problems.

    Raises:
        DatasetError: it is no data set at all.
    """
    problems: list[Problem] = []
    dataset = open_dataset(path, form, classes, problems.append)
    others = [open_dataset(other, form, classes, problems.append) for other in against]
    sets = [dataset, *others]
    files = [
        (file, f"{each.name}/{file.part}".rstrip("/") if others else file.part)
        for each in sets
        for file in each.files
    ]
    seen: list[_Seen] = []
    for number, (file, part) in enumerate(files, start=1):
        try:
            look = look_at(read_rgb(file))
            seen.append(_Seen(file, part, hash_file(file.path), look))
        except DatasetError as error:
            problems.append(error.problem)
        if progress is not None:
            progress(number, len(files))
    for file in dataset.files:
        problems += _check_annotations(file, dataset.classes)
    problems += _check_copies(seen)
    problems += _check_classes(dataset)
    if not dataset.instances:
        problems += _check_class_folders(dataset)
    problems += _check_unlisted(dataset, {problem.path for problem in problems})
    return dataset, sorted(problems, key=lambda each: (str(each.path), each.kind, each.detail))


class _Seen:
    """One image that could be read, and what tells its copies."""

    def __init__(self, file: LabelledFile, part: str, sha256: str, look: Look) -> None:
        self.file, self.part, self.sha256, self.look = file, part, sha256, look

    def where(self) -> str:
        return f"{self.part}/{self.file.path.name}" if self.part else self.file.path.name


def _check_annotations(file: LabelledFile, classes: tuple[str, ...]) -> list[Problem]:
    problems = []
    masks: list[tuple[int, Annotation, rle.Rle]] = []

    def tell(number: int, kind: str, detail: str, severity: str = "error") -> None:
        name = classes[file.annotations[number].class_index]
        text = f"{name} {number + 1} of {len(file.annotations)} {detail}"
        problems.append(Problem(file.path, kind, text, severity))

    for number, each in enumerate(file.annotations):
        if not isinstance(each.segmentation, dict):
            for ring in each.segmentation:
                where = crossing(ring)
                if where is not None:
                    detail = f"crosses itself at x={where[0]:.1f}, y={where[1]:.1f}"
                    tell(number, "self-crossing", detail)
                beyond = overhang_px(ring, file.size_wh)
                if beyond > BORDER_PX:
                    size = f"{file.size_wh[0]}×{file.size_wh[1]}"
                    tell(number, "out-of-bounds", f"reaches {beyond:.1f} px beyond {size} px")
        mask = to_rle(each.segmentation, file.size_wh)
        area = int(coco_mask.area(mask))
        if area == 0:
            tell(number, "empty-annotation", "covers no pixel")
        elif area < TINY_PX:
            tell(number, "tiny-area", f"covers only {area} px", "warning")
        if area:
            masks.append((number, each, mask))
    if len(masks) > 1:
        rles = [mask for _, _, mask in masks]
        overlap = coco_mask.iou(rles, rles, [0] * len(rles))
        for second in range(1, len(masks)):
            for first in range(second):
                if overlap[first, second] < SAME_IOU:
                    continue
                number, one = masks[second][:2]
                other = masks[first][1]
                share = f"{overlap[first, second]:.0%}"
                if one.class_index == other.class_index:
                    detail = f"is annotation {masks[first][0] + 1} again (IoU {share})"
                    tell(number, "equal-annotations", detail)
                else:
                    detail = f"lies on a {classes[other.class_index]} (IoU {share})"
                    tell(number, "two-classes", detail, "warning")
                break
    return problems


def _check_copies(seen: list[_Seen]) -> list[Problem]:
    """Files of the same bytes anywhere, and pictures of the same in different parts."""
    problems = []
    first: dict[str, _Seen] = {}
    for each in seen:
        before = first.setdefault(each.sha256, each)
        if before is not each:
            labels = "" if _labels(before.file) == _labels(each.file) else ", labelled otherwise"
            detail = f"is the same file as {before.where()}{labels}"
            problems.append(Problem(each.file.path, "duplicate-image", detail))
    if len({each.part for each in seen}) > 1:
        for one, other, likeness in near_pairs([each.look for each in seen]):
            a, b = seen[one], seen[other]
            if a.part != b.part and a.sha256 != b.sha256:
                detail = f"shows the same as {a.where()} (correlation {likeness:.2f})"
                problems.append(Problem(b.file.path, "near-duplicate", detail))
    return problems


def _labels(file: LabelledFile) -> Counter[tuple[int, str]]:
    return Counter(
        (each.class_index, to_rle(each.segmentation, file.size_wh)["counts"])
        for each in file.annotations
    )


def _check_classes(dataset: Dataset) -> list[Problem]:
    counts: Counter[str] = Counter(dict.fromkeys(dataset.classes, 0))
    files: dict[str, list[LabelledFile]] = defaultdict(list)
    for file in dataset.files:
        for each in file.annotations:
            name = dataset.classes[each.class_index]
            counts[name] += 1
            files[name].append(file)
    problems = []
    for doubtful, meant, severity in slips(counts):
        named = [file.label or file.path for file in files[doubtful][:1]] or [dataset.root]
        detail = (
            f"class {doubtful!r} ({counts[doubtful]} labels) is close to {meant!r} "
            f"({counts[meant]} labels)"
        )
        problems.append(Problem(named[0], "class-typo", detail, severity))
    doubted = {name for name, _, _ in slips(counts)}
    for name, count in counts.items():
        if name in doubted:
            continue
        if count == 0:
            detail = f"class {name!r} has no label"
            problems.append(Problem(dataset.root, "unused-class", detail, "warning"))
        elif count == 1 and sum(counts.values()) >= 20:
            place = files[name][0].label or files[name][0].path
            problems.append(Problem(place, "rare-class", f"class {name!r} once only", "warning"))
    return problems


def _check_class_folders(dataset: Dataset) -> list[Problem]:
    """Empty masks in the folder of a class whose other masks are not."""
    labelled: Counter[str] = Counter(file.group for file in dataset.files if file.annotations)
    return [
        Problem(
            file.label if file.label and file.label.stem == file.path.stem else file.path,
            "empty-mask",
            f"is empty, though it lies in the folder of {file.group!r}",
            "warning",
        )
        for file in dataset.files
        if file.group and not file.annotations and labelled[file.group]
    ]


def _check_unlisted(dataset: Dataset, told: set[Path]) -> list[Problem]:
    """Folders with images that COCO's list leaves out: forgotten, or meant for something else."""
    known = {file.path for file in dataset.files} | told
    listed = {
        file.path.parent
        for file in dataset.files
        if file.label and file.label.suffix == ".json" and file.label.stem != file.path.stem
    }
    problems = []
    for folder in sorted(listed):
        left = [path.name for path in images_in(folder) if path not in known]
        if left:
            detail = f"holds {len(left)} images that the labels do not list, such as {left[0]}"
            problems.append(Problem(folder, "unlisted-images", detail, "warning"))
    return problems
