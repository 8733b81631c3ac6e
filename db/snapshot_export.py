"""A snapshot as COCO on disk, for the trainer and for other tools: images checked one by one."""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from db.engine import Database
from db.frames import FrameStore
from db.queries import snapshots
from db.queries.snapshots import Picture
from db.snapshot_freezing import as_dataset, read_picture
from inspection.datasets.writing import CocoDocument

ANNOTATIONS = "annotations.json"
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST_STEM = 80

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Content:
    """A snapshot's pictures and labels, without pixels."""

    snapshot_id: int
    name: str
    content_sha256: str
    classes: tuple[str, ...]
    pictures: tuple[Picture, ...]


def read_content(database: Database, snapshot_id: int) -> Content:
    """What a snapshot holds. Raises NotFound."""
    with database.reads() as session:
        row = snapshots.get(session, snapshot_id)
        pictures = snapshots.pictures_of(session, snapshot_id)
    return Content(row.id, row.name, row.content_sha256, tuple(row.classes), tuple(pictures))


def write_folder(
    content: Content, store: FrameStore, folder: Path, progress: Progress | None = None
) -> None:
    """Write images/ and annotations.json; that file comes last, so that one without is unfinished.

    Raises:
        SnapshotRefused: a picture is gone or has changed since it was labelled.
        OSError: the folder cannot be written.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for number, (picture, name) in enumerate(_named(content.pictures), start=1):
        (folder / name).write_bytes(read_picture(store, picture))
        if progress is not None:
            progress(number, len(content.pictures))
    _document(content).save(folder / ANNOTATIONS)


def write_archive(content: Content, store: FrameStore, file: IO[bytes]) -> None:
    """The same as a ZIP file, whose images are not compressed once more.

    Raises:
        SnapshotRefused: as `write_folder`.
    """
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for picture, name in _named(content.pictures):
            archive.writestr(name, read_picture(store, picture))
        with tempfile.TemporaryDirectory(prefix="lineside-snapshot-") as folder:
            path = Path(folder) / ANNOTATIONS
            _document(content).save(path)
            archive.write(path, ANNOTATIONS, zipfile.ZIP_DEFLATED)


def file_name(picture: Picture) -> str:
    """A name for a picture's file that no other has and every disk takes."""
    stem = _UNSAFE.sub("-", Path(picture.name).stem).strip("-")[:_LONGEST_STEM] or "image"
    suffix = Path(picture.key).suffix or ".jpg"
    return f"images/{picture.image_id:06d}-{stem}{suffix}"


def _named(pictures: Sequence[Picture]) -> list[tuple[Picture, str]]:
    return [(picture, file_name(picture)) for picture in pictures]


def _document(content: Content) -> CocoDocument:
    info = {
        "description": content.name,
        "version": "1.0",
        "lineside": {"instances": True, "snapshot": content.content_sha256},
    }
    document = CocoDocument(content.classes, info)
    dataset = as_dataset(content.pictures, content.classes, content.name)
    for file, (_, name) in zip(dataset.files, _named(content.pictures), strict=True):
        extra = {"group": file.group, "part": file.part}
        given = {key: value for key, value in extra.items() if value}
        document.add(name, file.size_wh, file.annotations, (), **given)
    return document
