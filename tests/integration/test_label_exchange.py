"""Labels in from CVAT, Label Studio and Lineside, and out again, on both databases."""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from db import label_import
from db.engine import Database
from db.errors import Invalid
from db.frames import FrameStore, open_store
from db.label_export import FORMS, export_labels
from db.label_import import ImportOptions, ImportReport, import_labels, unpacked
from db.models import Annotation, LabelledImage
from db.queries import labels
from inspection.archives import ArchiveLimits, ArchiveRefused
from inspection.datasets import open_dataset, to_rle
from inspection.datasets.drawn_labels import DrawnLabel
from inspection.datasets.intake import read_pictures
from inspection.datasets.label_faults import read_shape
from tests import factories
from tests.drawn_exports import (
    COUNTS,
    RING,
    SIZE_WH,
    cvat_document,
    cvat_export,
    jpeg,
    label_studio_export,
    write_zip,
)

CLASSES = ImportOptions(new_classes=("crack", "stain"))


@pytest.fixture
def store(tmp_path: Path) -> FrameStore:
    return open_store(str(tmp_path / "frames"), min_free_bytes=0)


@pytest.fixture
def station(any_database: Database) -> str:
    with any_database.sessions.begin() as session:
        return factories.make_station(session).key


def take_in(
    database: Database,
    store: FrameStore,
    station: str,
    archive: Path,
    options: ImportOptions = CLASSES,
) -> ImportReport:
    with unpacked(archive) as folder:
        return import_labels(database, store, station, folder, "Emil", options)


def held(database: Database) -> Counter[tuple[str, str, str, str]]:
    """SHA-256 of the picture, its state, class and mask of every label that holds."""
    with database.reads() as session:
        rows = session.execute(
            select(LabelledImage, Annotation)
            .join(Annotation, isouter=True)
            .where(Annotation.revision_to.is_(None))
        ).all()
    return Counter(
        (
            image.image_sha256,
            image.state,
            row.class_name if row else "",
            to_rle(row.segmentation, SIZE_WH)["counts"] if row else "",
        )
        for image, row in rows
    )


def errors(report: ImportReport) -> list[tuple[str, str]]:
    return sorted((str(each.path), each.kind) for each in report.errors)


def test_an_export_of_cvat_is_taken_in_whole(
    any_database: Database, store: FrameStore, station: str, tmp_path: Path
) -> None:
    report = take_in(any_database, store, station, cvat_export(tmp_path / "cvat.zip"))
    assert (report.saved, report.done, report.drafts, report.labels) == (True, 3, 0, 3)
    with any_database.reads() as session:
        images = session.scalars(select(LabelledImage).order_by(LabelledImage.name)).all()
        assert [(image.name, image.state) for image in images] == [
            ("plate_1.jpg", "done"),
            ("plate_2.jpg", "done"),
            ("plate_3.jpg", "done"),
        ]
        assert store.get(images[0].image_key) == jpeg(1)
        first = labels.labels_at(session, images[0])
        assert [(row.class_name, row.origin, row.area_px) for row in first] == [
            ("crack", "import", 140),
            ("stain", "import", 20),
        ]
        assert (first[1].x0, first[1].y0, first[1].x1, first[1].y1) == (20, 10, 24, 15)


def test_an_export_of_label_studio_is_taken_in_whole(
    any_database: Database, store: FrameStore, station: str, tmp_path: Path
) -> None:
    report = take_in(any_database, store, station, label_studio_export(tmp_path / "studio.zip"))
    assert (report.saved, report.done, report.labels) == (True, 2, 2)
    assert sorted(name for _, _, name, _ in held(any_database)) == ["crack", "stain"]


@pytest.mark.parametrize("form", FORMS)
def test_a_round_trip_keeps_every_annotation(
    any_database: Database, store: FrameStore, station: str, tmp_path: Path, form: str
) -> None:
    take_in(any_database, store, station, cvat_export(tmp_path / "cvat.zip"))
    before = held(any_database)
    assert export_labels(any_database, store, station, tmp_path / "out", form) == 3
    with any_database.sessions.begin() as session:
        other = factories.make_station(session).key
        for row in session.scalars(select(Annotation)):
            session.delete(row)
        session.flush()
        for image in session.scalars(select(LabelledImage)):
            session.delete(image)
    report = import_labels(any_database, store, other, tmp_path / "out", "Ada", CLASSES)
    assert report.errors == []
    assert held(any_database) == before


def test_of_two_pictures_of_one_name_none_is_lost(
    any_database: Database, store: FrameStore, station: str, tmp_path: Path
) -> None:
    for number in (1, 2):
        document = cvat_document(images=[cvat_document()["images"][0]])
        document["annotations"] = document["annotations"][:1]
        files = {"annotations/instances_default.json": json.dumps(document).encode()}
        files["images/plate_1.jpg"] = jpeg(number)
        take_in(any_database, store, station, write_zip(tmp_path / f"{number}.zip", files))
    export_labels(any_database, store, station, tmp_path / "out")
    assert len(open_dataset(tmp_path / "out").files) == 2


def test_labels_of_other_people_are_not_overwritten_unless_it_is_asked_for(
    any_database: Database, store: FrameStore, station: str, tmp_path: Path
) -> None:
    archive = cvat_export(tmp_path / "cvat.zip")
    take_in(any_database, store, station, archive)
    assert take_in(any_database, store, station, archive).unchanged == 3
    with any_database.sessions.begin() as session:
        image = session.scalars(select(LabelledImage).order_by(LabelledImage.name)).first()
        assert image is not None
        drawn = DrawnLabel("crack", read_shape([[1, 1, 9, 1, 9, 9]], SIZE_WH))
        labels.save(session, image.id, 1, [drawn], "Olga", state="done")
    report = take_in(any_database, store, station, archive)
    assert not report.saved
    assert errors(report) == [("images/default/plate_1.jpg", "already-labelled")]
    assert "Olga" in report.errors[0].detail
    options = ImportOptions(replace=True, new_classes=("crack", "stain"))
    report = take_in(any_database, store, station, archive, options)
    assert (report.done, report.unchanged) == (1, 2)
    with any_database.reads() as session:
        image = labels.get_image(session, image.id)
        assert image.revision == 3
        assert len(labels.labels_at(session, image)) == 2


def bad_document() -> dict[str, Any]:
    """One fault after the other, each of a picture of its own, beside one that is good."""
    document = cvat_document()
    width, height = SIZE_WH
    million = np.random.default_rng(0).integers(0, 30, 2 * 10**6).tolist()
    segmentations: list[Any] = [
        [RING],
        [[5, 5, 20, 20, 20, 5, 5, 20]],
        [],
        [[5.01, 5.01, 5.02, 5.01, 5.02, 5.02]],
        [[5, 5, 60, 5, 60, 20, 5, 20]],
        [[5, 5, math.nan, 5, 15, 20]],
        [million],
        [RING],  # of an unknown class
        [RING],  # of a picture that is not there
        {"counts": COUNTS, "size": [height + 1, width]},
    ]
    example, annotation = document["images"][0], document["annotations"][0]
    document["images"] = [
        example | {"id": n, "file_name": f"{n}.jpg"} for n in range(len(segmentations))
    ]
    document["annotations"] = [
        annotation | {"id": n, "image_id": n, "segmentation": each}
        for n, each in enumerate(segmentations)
    ]
    document["annotations"].append(annotation | {"id": 99, "image_id": 1})
    document["categories"].append({"id": 9, "name": "carck", "supercategory": ""})
    document["annotations"][7]["category_id"] = 9
    return document


@pytest.mark.parametrize("keep_good", [False, True])
def test_each_fault_is_named_and_the_good_rest_comes_in_where_it_is_asked_for(
    any_database: Database, store: FrameStore, station: str, tmp_path: Path, keep_good: bool
) -> None:
    files = {"annotations/instances_default.json": json.dumps(bad_document()).encode()}
    files |= {f"images/{n}.jpg": jpeg(n) for n in range(10) if n != 8}
    options = ImportOptions(keep_good=keep_good, new_classes=("crack", "stain"))
    # A million points of one label are no bomb: an archive of a few megabytes.
    report = take_in(any_database, store, station, write_zip(tmp_path / "bad.zip", files), options)
    assert errors(report) == [
        ("annotations/instances_default.json", "missing-image"),
        ("images/1.jpg", "self-crossing"),
        ("images/2.jpg", "box-only"),
        ("images/3.jpg", "empty-annotation"),
        ("images/4.jpg", "out-of-bounds"),
        ("images/5.jpg", "broken-mask"),
        ("images/6.jpg", "too-many-points"),
        ("images/7.jpg", "unknown-class"),
        ("images/9.jpg", "broken-mask"),
    ]
    assert report.saved is keep_good
    if not keep_good:
        assert held(any_database) == Counter()
        return
    assert (report.done, report.drafts, report.labels) == (1, 8, 2)
    states = {(sha256, state, name) for sha256, state, name, _ in held(any_database)}
    names = {name for _, _, name in states}
    assert names == {"crack", ""}
    assert sum(state == "done" for _, state, _ in states) == 1


def test_a_picture_that_is_none_and_one_that_is_kept_nowhere_are_named(
    any_database: Database, store: FrameStore, station: str, tmp_path: Path
) -> None:
    document = cvat_document()
    files = {
        "annotations/instances_default.json": json.dumps(document).encode(),
        "images/plate_1.jpg": jpeg(1)[:-40],
        "images/plate_2.jpg": b"no image",
        "images/plate_3.jpg": b"GIF89a" + b"\0" * 40,
    }
    report = take_in(any_database, store, station, write_zip(tmp_path / "a.zip", files))
    assert not report.saved
    assert {kind for _, kind in errors(report)} == {"unreadable-image"}
    assert len(report.errors) == 3


def test_what_is_no_data_set_is_said(
    any_database: Database, store: FrameStore, station: str, tmp_path: Path
) -> None:
    report = take_in(any_database, store, station, write_zip(tmp_path / "a.zip", {"a.txt": b"-"}))
    assert errors(report) == [(".", "no-dataset")]
    for text in (b"{", b"[]", b'{"images": 1}'):
        archive = write_zip(tmp_path / "b.zip", {"result.json": text})
        assert take_in(any_database, store, station, archive).errors
    with pytest.raises(Invalid, match="labelled pictures that are done"):
        export_labels(any_database, store, station, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["../a.jpg", "/etc/a.jpg", "images/../../a.jpg", "c:\\a.jpg"])
def test_an_archive_that_leads_elsewhere_is_refused_before_anything_is_written(
    tmp_path: Path, name: str
) -> None:
    archive = write_zip(tmp_path / "a.zip", {"result.json": b"{}", name: jpeg(1)})
    with pytest.raises(ArchiveRefused, match="plain relative name"), unpacked(archive):
        pass
    assert [path.name for path in tmp_path.rglob("*")] == ["a.zip"]


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", {"result.json": b" " * 50_000_000})
    with pytest.raises(ArchiveRefused, match="would come out"), unpacked(archive):
        pass
    many = write_zip(tmp_path / "b.zip", {f"{n}.jpg": b"" for n in range(40)})
    few = ArchiveLimits(files=30)
    with pytest.raises(ArchiveRefused, match="more than 30 files"), unpacked(many, few):
        pass


def test_labels_too_large_to_be_parsed_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = write_zip(tmp_path / "a.zip", {"set/result.json": b'{"images": []}', "a.jpg": b"x"})
    with unpacked(archive) as folder:
        assert (folder / "set" / "result.json").is_file()
    monkeypatch.setattr(label_import, "_MOST_JSON_BYTES", 10)
    with pytest.raises(ArchiveRefused, match=r"result\.json is 0\.0 MB large"), unpacked(archive):
        pass


names = st.text("ab./\\:é\n", min_size=1, max_size=12) | st.sampled_from(
    [
        "result.json",
        "images/0.jpg",
        "annotations/instances_default.json",
        "data.yaml",
        "masks/0.png",
    ]
)
contents = st.binary(max_size=60) | st.sampled_from(
    [
        jpeg(1),
        json.dumps(cvat_document()).encode(),
        b'{"images": [{"id": 1, "file_name": "0.jpg"}], "annotations": [{"image_id": 1,'
        b' "category_id": 1, "segmentation": [[NaN, 1, 1e999, 2, 3, 3]]}],'
        b' "categories": [{"id": 1, "name": "crack"}]}',
    ]
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.dictionaries(names, contents, max_size=4), st.integers(0, 400))
def test_whatever_an_archive_holds_is_refused_or_reported_and_nothing_gets_out(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], cut: int
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    archive = write_zip(folder / "a.zip", files)
    if cut < 100:
        archive.write_bytes(archive.read_bytes()[:-cut] if cut else archive.read_bytes())
    try:
        with unpacked(archive) as into:
            taken, problems = read_pictures(into, ["crack", "stain"])
            assert taken or problems
            assert all(not each.path.is_absolute() for each in problems)
    except ArchiveRefused:
        pass
    assert [path.name for path in folder.iterdir()] == ["a.zip"]
