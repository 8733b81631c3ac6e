"""Labelled pictures from outside, saved at a station without overwriting anybody's labels.

Files are read and stored without a session; rows are written in small transactions.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.base import utc_now
from db.engine import Database
from db.frames import FrameStore, StoredImage
from db.models import LabelledImage
from db.queries import labels
from db.queries.label_classes import known_classes
from db.queries.labels import DONE, DRAFT, LabelledMeanwhile
from db.queries.stations import get_station
from inspection.archives import ArchiveLimits, ArchiveRefused, unpack
from inspection.datasets import Problem, to_rle
from inspection.datasets.intake import Progress, TakenPicture, read_pictures

LIMITS = ArchiveLimits(files=20_000, total_bytes=4_000_000_000, file_bytes=500_000_000)
_MOST_JSON_BYTES = 64_000_000  # parsed, a file takes many times its size in memory
_BATCH = 50


@dataclass(frozen=True)
class ImportOptions:
    """How an import is done.

    Attributes:
        keep_good: what is good is saved although something else is wrong. A picture of which a
            label is left out becomes a draft, since its labels are not all that ought to be.
        replace: labels that a picture has here already give way to those of the source.
        new_classes: class names that the station does not know yet and that are meant.
    """

    keep_good: bool = False
    replace: bool = False
    new_classes: tuple[str, ...] = ()


@dataclass
class ImportReport:
    """What came of it; where nothing was saved, the errors among `problems` say why.

    Attributes:
        done, drafts: pictures whose labels were saved, by their state now.
        unchanged: pictures that had these labels already.
        labels: in the pictures that were saved.
    """

    saved: bool = False
    done: int = 0
    drafts: int = 0
    unchanged: int = 0
    labels: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def errors(self) -> list[Problem]:
        return [each for each in self.problems if each.severity == "error"]


@contextmanager
def unpacked(archive: Path, limits: ArchiveLimits = LIMITS) -> Iterator[Path]:
    """A folder with what an archive holds, removed in the end.

    Raises:
        ArchiveRefused: it leads out of the folder, holds links, is a bomb, is no archive, or has
            a JSON file that is too large to be parsed here.
    """
    folder = Path(tempfile.mkdtemp(prefix="lineside-labels-"))
    try:
        unpack(archive, folder / "set", limits)
        for file in (folder / "set").rglob("*.json"):
            if (size := file.stat().st_size) > _MOST_JSON_BYTES:
                raise ArchiveRefused(
                    f"{file.name} is {size / 1e6:.1f} MB large; expected at most"
                    f" {_MOST_JSON_BYTES / 1e6:.0f} MB of JSON in a file"
                )
        yield folder / "set"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def import_labels(
    database: Database,
    store: FrameStore,
    station_ref: str,
    source: Path,
    by: str,
    options: ImportOptions,
    progress: Progress | None = None,
) -> ImportReport:
    """Save the labelled pictures of a folder or annotation file at a station.

    Without `keep_good` all is saved or, where anything is wrong, nothing.

    Raises:
        NotFound: there is no such station.
        StoreFull: there is no room for the pictures; those before are saved.
    """
    with database.reads() as session:
        station_id = get_station(session, station_ref).id
        classes = {*known_classes(session, station_id), *options.new_classes}
    pictures, problems = read_pictures(source, classes, progress)
    report = ImportReport(problems=problems)
    root = source if source.is_dir() else source.parent
    with database.reads() as session:
        fresh = [
            (picture, base)
            for picture in _each_once(pictures)
            if (base := _base(session, station_id, picture, options, report, root)) is not None
        ]
    if report.errors and not options.keep_good:
        return report
    report.saved = True
    for start in range(0, len(fresh), _BATCH):
        batch = [
            (picture, base, store.put(picture.path.read_bytes(), picture.suffix))
            for picture, base in fresh[start : start + _BATCH]
        ]
        _write(database, station_id, batch, by, report, root)
    return report


def _each_once(pictures: Sequence[TakenPicture]) -> list[TakenPicture]:
    """Files of the same bytes are one picture: the first one counts."""
    return list({picture.sha256: picture for picture in reversed(pictures)}.values())[::-1]


def _base(
    session: Session,
    station_id: int,
    picture: TakenPicture,
    options: ImportOptions,
    report: ImportReport,
    root: Path,
) -> int | None:
    """The revision that a picture's labels follow; None where there is nothing to save."""
    image = _found(session, station_id, picture.sha256)
    if image is None:
        return 0
    before = labels.labels_at(session, image)
    there = {(row.class_name, _counts(row.segmentation, picture.size_wh)) for row in before}
    given = {
        (each.class_name, _counts(each.shape.segmentation, picture.size_wh))
        for each in picture.labels
    }
    if there == given and image.revision > 0:
        report.unchanged += 1
        return None
    if image.revision > 0 and not options.replace:
        detail = (
            f"has other labels here (picture {image.id}, revision {image.revision} by"
            f" {image.updated_by}), expected `replace` where these shall take their place"
        )
        report.problems.append(Problem(picture.path.relative_to(root), "already-labelled", detail))
        return None
    return image.revision


def _write(
    database: Database,
    station_id: int,
    batch: Sequence[tuple[TakenPicture, int, StoredImage]],
    by: str,
    report: ImportReport,
    root: Path,
) -> None:
    with database.sessions.begin() as session:
        for picture, base, stored in batch:
            image = _found(session, station_id, picture.sha256)
            if image is None:
                image = _new(station_id, picture, stored, by)
                session.add(image)
                session.flush()
            try:
                _save(session, image, base, picture, by)
            except LabelledMeanwhile as error:
                problem = Problem(picture.path.relative_to(root), "already-labelled", str(error))
                report.problems.append(problem)
                continue
            report.labels += len(picture.labels)
            report.done += picture.complete
            report.drafts += not picture.complete


def _save(
    session: Session, image: LabelledImage, base: int, picture: TakenPicture, by: str
) -> None:
    state = DONE if picture.complete else DRAFT
    nothing = picture.complete and not picture.labels
    labels.save(session, image.id, base, picture.labels, by, state=state, nothing=nothing)


def _found(session: Session, station_id: int, sha256: str) -> LabelledImage | None:
    return session.scalars(
        select(LabelledImage).where(
            LabelledImage.station_id == station_id, LabelledImage.image_sha256 == sha256
        )
    ).one_or_none()


def _counts(segmentation: object, size_wh: tuple[int, int]) -> str:
    return to_rle(segmentation, size_wh)["counts"]  # type: ignore[arg-type]


def _new(station_id: int, picture: TakenPicture, stored: StoredImage, by: str) -> LabelledImage:
    return LabelledImage(
        station_id=station_id,
        name=picture.path.name[-200:],
        image_key=stored.key,
        image_sha256=stored.sha256,
        width_px=picture.size_wh[0],
        height_px=picture.size_wh[1],
        split_group=picture.group,
        captured_at=utc_now(),
        updated_by=by[:100],
    )
