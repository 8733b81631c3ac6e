"""Labels on both databases: locks, history, the queue, and whose picture is whose."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from db.access import Access, Actor, ActorKind, acting
from db.engine import Database
from db.errors import Invalid, NotFound, WrongState
from db.frames import FrameMissing, FrameStore, StoredImage, open_store
from db.labelling import GROUP_FRAMES, take_up
from db.models import Annotation, AuditEntry, LabelledImage, ReviewItem
from db.queries import labels
from db.queries.label_classes import known_classes
from db.queries.label_queue import next_inspection
from db.queries.labels import ImageFilter, LabelledMeanwhile
from inspection.datasets.drawn_labels import DrawnLabel
from inspection.datasets.label_faults import read_shape
from inspection.decode import encode_jpeg
from tests import factories

SIZE_WH = (64, 48)
BOX = [[8.0, 8.0, 20.0, 8.0, 20.0, 24.0, 8.0, 24.0]]
OTHER = [[30.0, 10.0, 44.0, 10.0, 44.0, 20.0, 30.0, 20.0]]


@pytest.fixture
def store(tmp_path: Path) -> FrameStore:
    return open_store(str(tmp_path / "frames"), min_free_bytes=0)


def put_image(store: FrameStore, seed: int = 0) -> StoredImage:
    rgb = np.random.default_rng(seed).integers(0, 255, (*SIZE_WH[::-1], 3), dtype=np.uint8)
    return store.put(encode_jpeg(rgb, 90), "jpg")


def drawn(rings: list[list[float]], name: str = "crack", id: int | None = None) -> DrawnLabel:
    return DrawnLabel(name, read_shape(rings, SIZE_WH), "polygon", id)


@pytest.fixture
def image_id(any_database: Database, store: FrameStore) -> int:
    with any_database.sessions.begin() as session:
        inspection = factories.decide(
            session, None, "fail", image=put_image(store), size_wh=SIZE_WH
        )
        acquisition_id = inspection.acquisition_id
    return take_up(any_database, store, acquisition_id, "Emil")


def save(database: Database, image_id: int, base: int, *given: DrawnLabel, **how: Any) -> list[int]:
    """Save as Emil, a draft if nothing else is said; ids of the labels that hold then."""
    with database.sessions.begin() as session:
        image = labels.save(
            session, image_id, base, given, how.pop("by", "Emil"), **{"state": "draft"} | how
        )
        return [row.id for row in labels.labels_at(session, image)]


def test_what_is_saved_is_read_back_and_what_stays_keeps_its_author(
    any_database: Database, image_id: int
) -> None:
    (first,) = save(any_database, image_id, 0, drawn(BOX))
    ids = save(any_database, image_id, 1, drawn(BOX, id=first), drawn(OTHER, "stain"), by="Ada")
    assert ids[0] == first
    with any_database.reads() as session:
        image = labels.get_image(session, image_id)
        rows = labels.labels_at(session, image)
        assert [(row.class_name, row.author, row.area_px) for row in rows] == [
            ("crack", "Emil", 12 * 16),
            ("stain", "Ada", 14 * 10),
        ]
        assert rows[0].segmentation == BOX
        assert (rows[0].x0, rows[0].y0, rows[0].x1, rows[0].y1) == (8, 8, 20, 24)
        assert labels.count_labels(session, [image_id]) == {image_id: {"crack": 1, "stain": 1}}
        assert (image.revision, image.updated_by) == (2, "Ada")


def test_who_saves_second_is_told_what_changed_and_nothing_is_overwritten(
    any_database: Database, image_id: int
) -> None:
    (first,) = save(any_database, image_id, 0, drawn(BOX))
    save(any_database, image_id, 1, drawn(OTHER, "stain"), by="Ada")
    with pytest.raises(LabelledMeanwhile) as refused:
        save(any_database, image_id, 1, drawn(BOX, id=first), drawn(OTHER))
    assert (refused.value.revision, refused.value.by) == (2, "Ada")
    assert [(each.what, each.class_name, each.by) for each in refused.value.changes] == [
        ("ended", "crack", "Ada"),
        ("added", "stain", "Ada"),
    ]
    with any_database.reads() as session:
        image = labels.get_image(session, image_id)
        assert [row.class_name for row in labels.labels_at(session, image)] == ["stain"]
    for base in (5, -1):
        with pytest.raises(LabelledMeanwhile):
            save(any_database, image_id, base, drawn(BOX))


def test_history_is_kept_and_an_older_revision_comes_back(
    any_database: Database, image_id: int
) -> None:
    (first,) = save(any_database, image_id, 0, drawn(BOX))
    save(any_database, image_id, 1, drawn(OTHER, "stain"), by="Ada")
    save(any_database, image_id, 2, nothing=True, state="done")
    with any_database.sessions.begin() as session:
        image = labels.restore(session, image_id, 3, 1, "Olga")
        assert (image.revision, image.state) == (4, "draft")
        (row,) = labels.labels_at(session, image)
        assert (row.class_name, row.segmentation, row.author) == ("crack", BOX, "Olga")
        assert row.id != first
        assert [row.class_name for row in labels.labels_at(session, image, 2)] == ["stain"]
        assert labels.labels_at(session, image, 3) == []
        told = [
            (each.number, [(one.what, one.class_name, one.by) for one in each.changes])
            for each in labels.history(session, image)
        ]
    assert told == [
        (1, [("added", "crack", "Emil")]),
        (2, [("ended", "crack", "Ada"), ("added", "stain", "Ada")]),
        (3, [("ended", "stain", "Emil")]),
        (4, [("added", "crack", "Olga")]),
    ]
    with any_database.sessions.begin() as session, pytest.raises(Invalid, match="one of 0 to 4"):
        labels.restore(session, image_id, 4, 9, "Olga")


def test_saving_the_same_again_makes_no_revision(any_database: Database, image_id: int) -> None:
    (first,) = save(any_database, image_id, 0, drawn(BOX))
    save(any_database, image_id, 1, drawn(BOX, id=first))
    with any_database.reads() as session:
        assert labels.get_image(session, image_id).revision == 1


def test_a_foreign_or_doubled_id_makes_a_new_label_and_takes_none_away(
    any_database: Database, image_id: int
) -> None:
    (first,) = save(any_database, image_id, 0, drawn(BOX))
    ids = save(any_database, image_id, 1, drawn(OTHER, id=first), drawn(BOX, id=10**9))
    assert first not in ids
    assert len(ids) == 2


def test_done_without_a_label_has_to_say_so(any_database: Database, image_id: int) -> None:
    with pytest.raises(Invalid, match="true where a picture without a label"):
        save(any_database, image_id, 0, state="done")
    with pytest.raises(Invalid, match="no label together"):
        save(any_database, image_id, 0, drawn(BOX), state="done", nothing=True)
    with pytest.raises(Invalid, match="draft or done"):
        save(any_database, image_id, 0, drawn(BOX), state="perfect")
    save(any_database, image_id, 0, state="done", nothing=True)
    with any_database.reads() as session:
        wanted = ImageFilter(state="done")
        assert [each.id for each in labels.list_images(session, wanted).rows] == [image_id]
        assert not labels.list_images(session, ImageFilter(class_name="crack")).rows


def test_done_closes_what_the_queue_asked_for_of_the_same_picture(
    any_database: Database, store: FrameStore
) -> None:
    with any_database.sessions.begin() as session:
        camera = factories.make_camera(session)
        image = put_image(store)
        one = factories.decide(session, camera, image=image, size_wh=SIZE_WH)
        same = factories.decide(session, camera, image=image, size_wh=SIZE_WH)
        other = factories.decide(session, camera, image=put_image(store, 1), size_wh=SIZE_WH)
        for inspection, priority in ((one, 0.9), (same, 0.8), (other, 0.7)):
            session.add(
                ReviewItem(
                    inspection_id=inspection.id,
                    station_id=inspection.station_id,
                    reason="uncertain",
                    priority=priority,
                )
            )
        ids, acquisitions = (one.id, same.id, other.id), (one.acquisition_id, same.acquisition_id)
    image_id = take_up(any_database, store, acquisitions[0], "Emil")
    assert take_up(any_database, store, acquisitions[1], "Emil") == image_id
    with any_database.reads() as session:
        assert next_inspection(session) == ids[0]
        beside = labels.get_image(session, image_id)
        assert next_inspection(session, beside=beside) == ids[2]
    save(any_database, image_id, 0, drawn(BOX))
    with any_database.reads() as session:
        assert next_inspection(session) == ids[0]
    save(any_database, image_id, 1, nothing=True, state="done")
    with any_database.reads() as session:
        assert next_inspection(session) == ids[2]
        states = session.execute(
            select(ReviewItem.inspection_id, ReviewItem.state, ReviewItem.closed_by)
        ).all()
    assert set(map(tuple, states)) == {
        (ids[0], "done", "Emil"),
        (ids[1], "done", "Emil"),
        (ids[2], "open", ""),
    }


def test_a_picture_is_of_its_part_else_of_its_place_in_the_sequence(
    any_database: Database, store: FrameStore
) -> None:
    with any_database.sessions.begin() as session:
        camera = factories.make_camera(session)
        part = factories.make_part(session)
        ids = []
        for number, values in enumerate(
            ({}, {}, {"part_id": part.id}, {"sequence": 2 * GROUP_FRAMES + 7})
        ):
            stored = put_image(store, number)
            ids.append(
                factories.make_acquisition(
                    session, camera, image_key=stored.key, image_sha256=stored.sha256, **values
                ).id
            )
        camera_id, part_id = camera.id, part.id
    taken = [take_up(any_database, store, each, "Emil") for each in ids]
    with any_database.reads() as session:
        rows = [session.get_one(LabelledImage, each) for each in taken]
        assert [row.split_group for row in rows] == [
            f"camera-{camera_id}-0",
            f"camera-{camera_id}-0",
            f"part-{part_id}",
            f"camera-{camera_id}-2",
        ]
        # Nobody has inspected them, so that the size was read off the file.
        assert {(row.width_px, row.height_px) for row in rows} == {SIZE_WH}


def test_labels_are_of_the_upright_picture(any_database: Database, store: FrameStore) -> None:
    exif, file = Image.Exif(), BytesIO()
    exif[0x0112] = 6  # to be turned by a quarter
    Image.new("RGB", SIZE_WH).save(file, "JPEG", exif=exif)
    stored = store.put(file.getvalue(), "jpg")
    with any_database.sessions.begin() as session:
        acquisition = factories.make_acquisition(
            session, image_key=stored.key, image_sha256=stored.sha256
        )
        acquisition_id = acquisition.id
    image_id = take_up(any_database, store, acquisition_id, "Emil")
    with any_database.reads() as session:
        image = labels.get_image(session, image_id)
        assert (image.width_px, image.height_px) == SIZE_WH[::-1]


def test_what_cannot_be_labelled_is_refused(any_database: Database, store: FrameStore) -> None:
    broken = store.put(b"\xff\xd8\xff no image", "jpg")
    with any_database.sessions.begin() as session:
        gone = factories.make_acquisition(session).id
        bad = factories.make_acquisition(
            session, image_key=broken.key, image_sha256=broken.sha256
        ).id
    with pytest.raises(FrameMissing):
        take_up(any_database, store, gone, "Emil")
    with pytest.raises(WrongState):
        take_up(any_database, store, bad, "Emil")
    with pytest.raises(NotFound):
        take_up(any_database, store, 10**9, "Emil")
    with any_database.reads() as session:
        assert session.scalars(select(LabelledImage)).all() == []
        assert session.scalars(select(Annotation)).all() == []


def test_classes_are_those_of_recipe_model_and_labels(
    any_database: Database, store: FrameStore
) -> None:
    with any_database.sessions.begin() as session:
        model = factories.make_model_version(session, manifest={"classes": ["spot", "crack"]})
        inspection = factories.decide(
            session, image=put_image(store), size_wh=SIZE_WH, model_version_id=model.id
        )
        acquisition_id, station_id = inspection.acquisition_id, inspection.station_id
    image_id = take_up(any_database, store, acquisition_id, "Emil")
    with any_database.reads() as session:
        assert known_classes(session, station_id) == ["crack", "spot"]
    save(any_database, image_id, 0, drawn(BOX, "burr"))
    with any_database.reads() as session:
        assert known_classes(session, station_id) == ["crack", "spot", "burr"]


def test_annotations_are_their_own_history_and_the_log_says_who_saved(
    any_database: Database, image_id: int
) -> None:
    with acting(Access(Actor(ActorKind.PERSON, None, "Ada"), None)):
        save(any_database, image_id, 0, drawn(BOX), by="Ada")
    with any_database.reads() as session:
        entries = session.execute(select(AuditEntry.object_kind, AuditEntry.after)).all()
    assert [kind for kind, _ in entries] == ["labelled_image"]
    assert entries[0][1]["revision"] == 1
