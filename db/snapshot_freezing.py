"""Making a snapshot: pictures are looked at, near-copies kept together, groups divided, hashed.

Pictures are read without a session, which a hundred of them would hold for seconds.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from db.base import utc_now
from db.engine import Database
from db.errors import DomainError
from db.frames import FrameMissing, FrameStore
from db.models import DatasetSnapshot
from db.queries import snapshots
from db.queries.snapshots import PARTS, Candidates, Picture, SnapshotQuery
from inspection.datasets import Annotation, Dataset, DatasetError, LabelledFile
from inspection.datasets.labels import content_hash
from inspection.datasets.likeness import Look, look_at, near_pairs
from inspection.datasets.splitting import Copies, split_dataset
from inspection.decode import ImageRefused, ReducedImage, decode_reduced

# Of more pictures only equal files are found: reading every one would take minutes.
COMPARED_IMAGES = 3000
# A picture is compared by a thumbnail, for which half of its pixels are enough.
_LOOK_PX = 256
_TOLD = 20

Progress = Callable[[int, int], None]


class SnapshotRefused(DomainError):
    """Labels of which no data set can be made, with each thing that is missing."""

    def __init__(self, missing: Sequence[str]) -> None:
        told = [*missing[:_TOLD]]
        if len(missing) > _TOLD:
            told.append(f"and {len(missing) - _TOLD} more")
        super().__init__("no snapshot can be made: " + "; ".join(told))
        self.missing = tuple(missing)


@dataclass(frozen=True)
class Frozen:
    """What will be written."""

    pictures: tuple[Picture, ...]
    classes: tuple[str, ...]
    content_sha256: str
    counts: dict[str, object]


def freeze(
    database: Database,
    store: FrameStore,
    query: SnapshotQuery,
    *,
    name: str | None = None,
    frozen_test: bool = False,
    by: str,
    progress: Progress | None = None,
) -> DatasetSnapshot:
    """Make a snapshot of what a query finds; None gives it a name of its own.

    Raises:
        SnapshotRefused: nothing was found, too little for the parts, or a picture is not what it
            was when it was labelled.
        NotFound: a station that there is not.
        Invalid: a query that finds too much.
        Conflict: the name is taken.
    """
    with database.reads() as session:
        found = snapshots.candidates(session, query)
    frozen = _divide(_sampled(found, query), query, store, progress)
    with database.sessions.begin() as session:
        return snapshots.write(
            session,
            name=name or snapshots.free_name(session, utc_now()),
            query=query,
            content_sha256=frozen.content_sha256,
            classes=frozen.classes,
            counts=frozen.counts,
            pictures=frozen.pictures,
            frozen_test=frozen_test,
            by=by,
        )


def read_picture(store: FrameStore, picture: Picture) -> bytes:
    """The file's bytes, as they were when it was labelled.

    Raises:
        SnapshotRefused: it is gone or has changed.
    """
    try:
        data = store.get(picture.key)
    except FrameMissing as error:
        raise SnapshotRefused([f"{picture.name}: its image is gone"]) from error
    if hashlib.sha256(data).hexdigest() != picture.sha256:
        raise SnapshotRefused([f"{picture.name}: its image has changed since it was labelled"])
    return data


def as_dataset(pictures: Sequence[Picture], classes: tuple[str, ...], name: str) -> Dataset:
    """Pictures as a data set whose files are named and not there."""
    index = {each: number for number, each in enumerate(classes)}
    return Dataset(
        name,
        Path(name),
        classes,
        tuple(
            LabelledFile(
                Path(picture.name),
                picture.size_wh,
                tuple(
                    Annotation(index[label.class_name], label.segmentation)
                    for label in picture.labels
                    if label.class_name in index
                ),
                picture.group,
                picture.part,
            )
            for picture in pictures
        ),
        instances=True,
    )


def _sampled(found: Candidates, query: SnapshotQuery) -> Candidates:
    """The sample: by a hash of the seed and the picture, so that it is the same every time."""
    if query.sample is None or query.sample >= len(found.pictures):
        return found

    def lot(picture: Picture) -> str:
        return hashlib.sha256(f"{query.seed}:{picture.sha256}".encode()).hexdigest()

    drawn = {each.image_id for each in sorted(found.pictures, key=lot)[: query.sample]}
    return replace(found, pictures=tuple(each for each in found.pictures if each.image_id in drawn))


def _divide(
    found: Candidates, query: SnapshotQuery, store: FrameStore, progress: Progress | None
) -> Frozen:
    pictures = found.pictures
    if not pictures:
        raise SnapshotRefused(["no picture whose labels are done is among those asked for"])
    occurring = {label.class_name for picture in pictures for label in picture.labels}
    classes = query.classes or tuple(sorted(occurring))
    if not classes:
        raise SnapshotRefused(["no label: every picture is said to show nothing"])
    if unknown := [each for each in classes if each not in occurring]:
        raise SnapshotRefused([f"no label of the class {each}" for each in unknown])
    dataset = as_dataset(pictures, classes, "labels")
    copies = list(_copies(pictures, store, progress))
    try:
        split = split_dataset(
            dataset,
            dict(zip(PARTS, query.shares, strict=True)),
            lambda file: file.group or None,
            copies,
            query.seed,
            {n: "test" for n, each in enumerate(pictures) if each.image_id in found.held},
        )
        content = content_hash(
            classes,
            ((file, picture.sha256) for file, picture in zip(dataset.files, pictures, strict=True)),
        )
    except DatasetError as error:
        detail = error.problem.detail
        raise SnapshotRefused([f"the labels have too few groups of pictures: it {detail}"]) from (
            error
        )
    except ValueError as error:
        raise SnapshotRefused([f"a label that is no area: {error}"]) from error
    part_of = {number: part for part, numbers in split.places.items() for number in numbers}
    divided = tuple(replace(each, part=part_of[n]) for n, each in enumerate(pictures))
    counts = _counts(divided, classes) | {
        "groups": split.groups,
        "joined": len(split.joined),
        "held_in_test": sum(each.image_id in found.held for each in pictures),
        "compared": len(pictures) <= COMPARED_IMAGES,
    }
    return Frozen(divided, classes, content, counts)


def _copies(
    pictures: Sequence[Picture], store: FrameStore, progress: Progress | None
) -> Iterator[Copies]:
    """Equal files, and pictures that show the same; every file is checked on the way."""
    first: dict[str, int] = {}
    looks: list[Look] = []
    wrong: list[str] = []
    for number, picture in enumerate(pictures):
        before = first.setdefault(picture.sha256, number)
        if before != number:
            yield Copies(before, number, 1.0)
        try:
            data = read_picture(store, picture)
            if len(pictures) <= COMPARED_IMAGES:
                seen = decode_reduced(data, _LOOK_PX)
                looks.append(look_at(seen.rgb if isinstance(seen, ReducedImage) else seen))
        except SnapshotRefused as error:
            wrong += error.missing
        except ImageRefused as error:
            wrong.append(f"{picture.name}: {error.detail}")
        if progress is not None:
            progress(number + 1, len(pictures))
    if wrong:
        raise SnapshotRefused(wrong)
    yield from (Copies(*each) for each in near_pairs(looks))


def _counts(pictures: Sequence[Picture], classes: Sequence[str]) -> dict[str, object]:
    """Pictures and labels by part and by class."""
    images = Counter(each.part for each in pictures)
    instances: Counter[tuple[str, str]] = Counter()
    showing: Counter[tuple[str, str]] = Counter()
    nothing: Counter[str] = Counter()
    for picture in pictures:
        names = [label.class_name for label in picture.labels if label.class_name in classes]
        instances.update((name, picture.part) for name in names)
        showing.update((name, picture.part) for name in set(names))
        nothing[picture.part] += not names
    return {
        "images": {part: images[part] for part in PARTS},
        "without_labels": {part: nothing[part] for part in PARTS},
        "classes": {
            name: {
                "images": {part: showing[name, part] for part in PARTS},
                "instances": {part: instances[name, part] for part in PARTS},
            }
            for name in classes
        },
    }
