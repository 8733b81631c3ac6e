"""A station's labels as COCO with images, for another tool or another Lineside."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from sqlalchemy import select

from db.engine import Database
from db.errors import Invalid
from db.frames import FrameStore
from db.models import LabelledImage
from db.queries import labels
from db.queries.labels import DONE
from db.queries.stations import get_station
from inspection.datasets import Annotation, Dataset, LabelledFile, Segmentation, save_coco
from inspection.datasets.writing import OWN, TOOLS

FORMS = ("coco", "cvat", "label-studio", "fiftyone")


@dataclass(frozen=True)
class _Picture:
    image: LabelledImage
    labels: tuple[tuple[str, Segmentation], ...]


def export_labels(
    database: Database,
    store: FrameStore,
    station_ref: str,
    out: Path,
    form: str = "coco",
    *,
    drafts: bool = False,
    tolerance_px: float = 0.0,
) -> int:
    """Write a station's labelled pictures into a new or empty folder; how many there are.

    Args:
        form: one of `FORMS`: how the tool that shall open it wants files to lie.
        drafts: pictures that are not done, too.
        tolerance_px: by which outlines of masks may be smoothed for tools that know no RLE.

    Raises:
        NotFound: there is no such station.
        Invalid: a form that is none, or there is no picture to write.
        FrameMissing: a picture is not stored any more.
        DatasetError: out holds something already, or cannot be written.
    """
    if form not in FORMS:
        raise Invalid("form", form, f"one of {', '.join(FORMS)}")
    pictures = _pictures(database, station_ref, drafts=drafts)
    if not pictures:
        raise Invalid("station", station_ref, "a station with labelled pictures that are done")
    classes = sorted({name for each in pictures for name, _ in each.labels})
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".labels-", dir=out.parent) as staging:
        files = tuple(_file(Path(staging), each, classes, store) for each in pictures)
        dataset = Dataset(station_ref, Path(staging), tuple(classes), files, True)
        layout = OWN if form == "coco" else TOOLS[form]
        save_coco(dataset, out, link=True, layout=layout, tolerance_px=tolerance_px)
    return len(pictures)


@contextmanager
def exported_zip(
    database: Database, store: FrameStore, station_ref: str, form: str, *, drafts: bool
) -> Iterator[Path]:
    """The same as a ZIP file, removed in the end. Raises as `export_labels`."""
    with tempfile.TemporaryDirectory(prefix="lineside-labels-") as folder:
        out, file = Path(folder) / "set", Path(folder) / "labels.zip"
        export_labels(database, store, station_ref, out, form, drafts=drafts)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for path in sorted(each for each in out.rglob("*") if each.is_file()):
                packed = zipfile.ZIP_DEFLATED if path.suffix == ".json" else zipfile.ZIP_STORED
                archive.write(path, path.relative_to(out), packed)
        yield file


def _pictures(database: Database, station_ref: str, *, drafts: bool) -> list[_Picture]:
    with database.reads() as session:
        station = get_station(session, station_ref)
        statement = select(LabelledImage).where(LabelledImage.station_id == station.id)
        if not drafts:
            statement = statement.where(LabelledImage.state == DONE)
        return [
            _Picture(
                image,
                tuple(
                    (row.class_name, cast("Segmentation", row.segmentation))
                    for row in labels.labels_at(session, image)
                ),
            )
            for image in session.scalars(statement.order_by(LabelledImage.id))
        ]


def _file(
    folder: Path, picture: _Picture, classes: Sequence[str], store: FrameStore
) -> LabelledFile:
    image = picture.image
    # Its folder keeps two of the same name apart, and the writer gives each a name of its own.
    path = folder / str(image.id) / Path(image.name).name
    path.parent.mkdir()
    path.write_bytes(store.get(image.image_key))
    annotations = tuple(Annotation(classes.index(name), shape) for name, shape in picture.labels)
    return LabelledFile(
        path, (image.width_px, image.height_px), annotations, group=image.split_group
    )
