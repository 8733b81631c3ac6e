"""Snapshots: equal labels are an equal set, and no part shares what looks alike."""

import io
import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from sqlalchemy import select

from db.access import Access, acting
from db.engine import Database
from db.errors import Conflict, Invalid, NotFound
from db.frames import FrameStore, open_store
from db.models import DatasetSnapshot, LabelledImage, SnapshotImage, Station
from db.queries import snapshots
from db.queries.snapshots import SnapshotQuery
from db.snapshot_export import read_content, write_archive, write_folder
from db.snapshot_freezing import SnapshotRefused, freeze
from inspection.datasets import open_dataset
from inspection.drawing.dataset import image_rng
from inspection.drawing.drawn import Drawn
from inspection.drawing.surfaces import draw_surface
from tests import factories
from tests.labelled import FIRST, SIDE_PX, add_labelled, draw_labelled

HALVES = SnapshotQuery(shares=(0.6, 0.2, 0.2))


@pytest.fixture
def store(tmp_path: Path) -> FrameStore:
    return open_store(str(tmp_path / "frames"), min_free_bytes=0)


@pytest.fixture
def station(any_database: Database, store: FrameStore) -> Station:
    """A station with ten labelled pictures."""
    with any_database.sessions.begin() as session:
        station = factories.make_station(session, key="press")
        draw_labelled(session, store, station, 10)
    return station


def parts(database: Database, snapshot: DatasetSnapshot) -> dict[int, str]:
    with database.reads() as session:
        rows = session.scalars(
            select(SnapshotImage).where(SnapshotImage.snapshot_id == snapshot.id)
        )
        return {row.image_id: row.part for row in rows}


def test_the_same_query_on_the_same_labels_is_the_same_set(
    any_database: Database, store: FrameStore, station: Station
) -> None:
    one, other = (freeze(any_database, store, HALVES, by="Ada") for _ in range(2))
    assert one.name != other.name
    assert one.content_sha256 == other.content_sha256
    assert parts(any_database, one) == parts(any_database, other)
    another = freeze(any_database, store, replace(HALVES, seed=1), by="Ada")
    assert another.content_sha256 == one.content_sha256
    assert parts(any_database, another) != parts(any_database, one)


def test_the_hash_is_that_of_the_exported_set(
    any_database: Database, store: FrameStore, station: Station, tmp_path: Path
) -> None:
    made = freeze(any_database, store, HALVES, by="Ada")
    write_folder(read_content(any_database, made.id), store, tmp_path / "out")
    dataset = open_dataset(tmp_path / "out")
    assert dataset.sha256 == made.content_sha256
    said = parts(any_database, made)
    assert [file.part for file in dataset.files].count("train") == list(said.values()).count(
        "train"
    )
    assert dataset.classes == tuple(made.classes) == ("pit", "stain")


def test_an_archive_holds_the_same(
    any_database: Database, store: FrameStore, station: Station, tmp_path: Path
) -> None:
    made = freeze(any_database, store, HALVES, by="Ada")
    file = io.BytesIO()
    write_archive(read_content(any_database, made.id), store, file)
    with zipfile.ZipFile(file) as archive:
        archive.extractall(tmp_path / "out")
    assert open_dataset(tmp_path / "out").sha256 == made.content_sha256


def test_labels_saved_later_do_not_change_it(
    any_database: Database, store: FrameStore, station: Station, tmp_path: Path
) -> None:
    made = freeze(any_database, store, HALVES, by="Ada")
    with any_database.sessions.begin() as session:
        for image in session.scalars(select(LabelledImage)):
            for annotation in image.annotations:
                annotation.revision_to = 2
            image.revision, image.state = 2, "draft"
    write_folder(read_content(any_database, made.id), store, tmp_path / "out")
    assert open_dataset(tmp_path / "out").sha256 == made.content_sha256
    with pytest.raises(SnapshotRefused, match="no picture whose labels are done"):
        freeze(any_database, store, HALVES, by="Ada")


def test_groups_and_near_copies_never_cross(
    any_database: Database, store: FrameStore, station: Station
) -> None:
    with any_database.sessions.begin() as session:
        drawn = draw_surface(image_rng(9, 0), (SIDE_PX, SIDE_PX), ["stain", "pit"])
        bright = np.clip(drawn.image_rgb.astype(np.int16) + 6, 0, 255).astype(np.uint8)
        small = cv2.resize(bright, (96, 96), interpolation=cv2.INTER_AREA)
        copies = [
            add_labelled(session, store, station, each, split_group=f"alone {number}").id
            for number, each in enumerate(
                [drawn, replace(drawn, image_rgb=bright), Drawn(small, ())]
            )
        ]
        of_part = [
            image.id
            for image in draw_labelled(session, store, station, 4, seed=8, split_group="part 7")
        ]
    for seed in range(4):
        made = freeze(any_database, store, replace(HALVES, seed=seed), by="Ada")
        part = parts(any_database, made)
        assert len({part[each] for each in copies}) == 1
        assert len({part[each] for each in of_part}) == 1
        assert set(part.values()) == {"train", "validation", "test"}


def test_what_was_tested_on_is_never_learnt(
    any_database: Database, store: FrameStore, station: Station
) -> None:
    frozen = freeze(any_database, store, HALVES, frozen_test=True, by="Ada")
    tested = {each for each, part in parts(any_database, frozen).items() if part == "test"}
    assert tested
    with any_database.sessions.begin() as session:
        draw_labelled(session, store, session.get_one(Station, station.id), 6, seed=21)
    for seed in range(3):
        made = freeze(any_database, store, replace(HALVES, seed=seed), by="Ada")
        part = parts(any_database, made)
        assert {part[each] for each in tested} == {"test"}
        assert made.counts["held_in_test"] == len(tested)
    without = replace(HALVES, shares=(0.8, 0.2, 0.0))
    part = parts(any_database, freeze(any_database, store, without, by="Ada"))
    assert {each for each, name in part.items() if name == "test"} == tested


def test_one_that_is_not_frozen_holds_nothing(
    any_database: Database, store: FrameStore, station: Station
) -> None:
    tests = []
    for seed in range(3):
        made = freeze(any_database, store, replace(HALVES, seed=seed), by="Ada")
        part = parts(any_database, made)
        tests.append(frozenset(each for each, name in part.items() if name == "test"))
    assert len(set(tests)) > 1


def test_a_query_asks_for_some(any_database: Database, store: FrameStore, station: Station) -> None:
    days = replace(HALVES, since=FIRST + timedelta(days=2), until=FIRST + timedelta(days=8))
    assert len(parts(any_database, freeze(any_database, store, days, by="Ada"))) == 6
    pits = freeze(any_database, store, replace(HALVES, classes=("pit",)), by="Ada")
    assert pits.classes == ["pit"]
    assert list(pits.counts["classes"]) == ["pit"]  # type: ignore[call-overload]
    some = replace(HALVES, sample=5)
    drawn = [set(parts(any_database, freeze(any_database, store, some, by="Ada"))) for _ in "ab"]
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 5
    with pytest.raises(NotFound, match="nowhere"):
        freeze(any_database, store, replace(HALVES, stations=("nowhere",)), by="Ada")


def test_what_is_missing_is_said(
    any_database: Database, store: FrameStore, station: Station, tmp_path: Path
) -> None:
    with pytest.raises(SnapshotRefused, match="no label of the class rust"):
        freeze(any_database, store, replace(HALVES, classes=("pit", "rust")), by="Ada")
    with pytest.raises(SnapshotRefused, match="1 groups"):
        freeze(any_database, store, replace(HALVES, sample=1), by="Ada")
    for shares in ((0.5, 0.2, 0.2), (0.0, 0.5, 0.5), (1.2, -0.2, 0.0)):
        with pytest.raises(Invalid, match="shares"):
            SnapshotQuery(shares=shares)
    freeze(any_database, store, HALVES, name="mine", by="Ada")
    with pytest.raises(Conflict, match="mine"):
        freeze(any_database, store, HALVES, name="mine", by="Ada")
    with any_database.reads() as session:
        gone, changed, *_ = session.scalars(select(LabelledImage)).all()
    (tmp_path / "frames" / gone.image_key).unlink()
    (tmp_path / "frames" / changed.image_key).write_bytes(b"other")
    with pytest.raises(SnapshotRefused) as refused:
        freeze(any_database, store, HALVES, by="Ada")
    assert sorted(refused.value.missing) == sorted(
        [
            f"{gone.name}: its image is gone",
            f"{changed.name}: its image has changed since it was labelled",
        ]
    )


def test_who_sees_one_line_gets_no_snapshot_of_two(
    any_database: Database, store: FrameStore, station: Station
) -> None:
    with any_database.sessions.begin() as session:
        other = factories.make_station(session)
        draw_labelled(session, store, other, 4, seed=5)
    both = freeze(any_database, store, HALVES, frozen_test=True, by="Ada")
    with acting(Access(None, frozenset({station.line_id}))):
        mine = freeze(any_database, store, replace(HALVES, seed=4), by="Ada")
        assert len(parts(any_database, mine)) == 10
        with any_database.reads() as session:
            listed = snapshots.list_snapshots(session, after=None, limit=10).rows
            assert [row.id for row in listed] == [mine.id]
            with pytest.raises(NotFound):
                snapshots.pictures_of(session, both.id)
    # What the hidden one tests on stays in test here, too.
    before, after = parts(any_database, both), parts(any_database, mine)
    held = [each for each, part in before.items() if part == "test" and each in after]
    assert {after[each] for each in held} <= {"test"}
