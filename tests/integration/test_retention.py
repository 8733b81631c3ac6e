"""Retention: what goes first, what never goes, and that rows and files agree afterwards."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.engine import Database
from db.frame_folder import FrameFolder
from db.frames import StoredImage
from db.models import Acquisition, Camera, Discrepancy, Inspection, LabelledImage
from services import retention
from tests import factories

_KB = 1000
_NOW = datetime.now(UTC)


class _Plant:
    """One camera's images of a kilobyte, each different, written an hour apart into the past."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.store = FrameFolder(folder, min_free_bytes=0)
        with database.sessions.begin() as session:
            self._camera_id = factories.make_camera(session).id
        self._count = 0

    def image(self, hours_old: float, content: bytes | None = None) -> StoredImage:
        self._count += 1
        data = content or str(self._count).encode().ljust(_KB, b".")
        image = self.store.put(data, "jpg")
        at = (_NOW - timedelta(hours=hours_old)).timestamp()
        os.utime(self.folder / image.key, (at, at))
        return image

    def inspected(
        self,
        session: Session,
        verdict: str,
        hours_old: float,
        image: StoredImage | None = None,
        **values: object,
    ) -> tuple[str, int]:
        image = image or self.image(hours_old)
        acquisition = factories.make_acquisition(
            session,
            session.get_one(Camera, self._camera_id),
            image_key=image.key,
            image_sha256=image.sha256,
            image_bytes=image.size_bytes,
            received_at=_NOW - timedelta(hours=hours_old),
        )
        inspection = factories.decide(session, verdict=verdict, acquisition=acquisition, **values)
        return image.key, inspection.id

    def run(self, cap_bytes: int = 10**9, max_age_days: float = 7) -> retention.Swept:
        return retention.run_once(self.database, self.store, cap_bytes, max_age_days, now=_NOW)

    def left(self) -> set[str]:
        return {file.key for file in self.store.files()}

    def named(self) -> set[str | None]:
        with self.database.reads() as session:
            return set(session.scalars(select(Acquisition.image_key)))


@pytest.fixture
def plant(any_database: Database, tmp_path: Path) -> _Plant:
    return _Plant(any_database, tmp_path / "frames")


def test_passed_images_go_first_then_the_older_of_the_others(plant: _Plant) -> None:
    with plant.database.sessions.begin() as session:
        failed = [plant.inspected(session, "fail", 5 - i)[0] for i in range(2)]
        passed = [plant.inspected(session, "pass", 3 - i)[0] for i in range(2)]
        plant.inspected(session, "not_inspected", 0.5, reason="superseded")
        warned, _ = plant.inspected(session, "warn", 0.2)
    swept = plant.run(cap_bytes=4 * _KB)
    assert plant.left() == {*failed, warned}
    assert (swept.images, swept.freed_bytes, swept.usage_bytes) == (3, 3 * _KB, 3 * _KB)
    assert plant.run(cap_bytes=2 * _KB).images >= 1
    assert failed[0] not in plant.left()
    assert passed[0] not in plant.named()
    with plant.database.reads() as session:
        assert session.scalar(select(func.count(Acquisition.id))) == 6
        assert (
            session.scalar(
                select(func.count(Acquisition.id)).where(Acquisition.image_sha256.is_not(None))
            )
            == 6
        )


def test_nothing_goes_below_the_cap(plant: _Plant) -> None:
    with plant.database.sessions.begin() as session:
        plant.inspected(session, "pass", 3)
    assert plant.run(cap_bytes=_KB) == retention.Swept(0, 0, 0, _KB)


def test_images_of_open_discrepancies_and_of_what_waits_never_go(plant: _Plant) -> None:
    with plant.database.sessions.begin() as session:
        first, first_id = plant.inspected(session, "fail", 400)
        middle, _ = plant.inspected(session, "fail", 399)
        last, last_id = plant.inspected(session, "fail", 398)
        opened = factories.make_discrepancy(
            session, first_inspection_id=first_id, last_inspection_id=last_id, state="acknowledged"
        )
        waiting = plant.image(400)
        factories.make_acquisition(
            session, image_key=waiting.key, received_at=_NOW - timedelta(hours=400)
        )
        opened_id = opened.id
    plant.run(cap_bytes=1)
    assert plant.left() == {first, last, waiting.key}
    assert middle not in plant.named()
    with plant.database.sessions.begin() as session:
        session.get_one(Discrepancy, opened_id).state = "resolved"
    plant.run(cap_bytes=1)
    assert plant.left() == {waiting.key}


def test_old_images_go_whatever_their_verdict(plant: _Plant) -> None:
    with plant.database.sessions.begin() as session:
        for verdict in ("pass", "fail"):
            plant.inspected(session, verdict, 49)
        young, _ = plant.inspected(session, "pass", 47)
    assert plant.run(max_age_days=2).images == 2
    assert plant.left() == {young}
    assert plant.named() == {young, None}


def test_a_file_that_another_row_names_stays(plant: _Plant) -> None:
    image = plant.image(1)
    with plant.database.sessions.begin() as session:
        plant.inspected(session, "pass", 300, image)
        plant.inspected(session, "pass", 1, image)
    assert plant.run().images == 0
    assert plant.left() == {image.key}


def test_a_file_that_was_put_again_for_a_row_to_come_stays(plant: _Plant) -> None:
    image = plant.image(300, b"again")
    with plant.database.sessions.begin() as session:
        plant.inspected(session, "pass", 300, image)
    plant.store.put(b"again", "jpg")  # its row is about to be committed
    assert plant.run().images == 0
    assert plant.left() == {image.key}


def test_orphans_go_after_an_hour(plant: _Plant) -> None:
    plant.image(1.5)
    young = plant.image(0.5)
    with plant.database.sessions.begin() as session:
        kept, _ = plant.inspected(session, "pass", 2)
    assert plant.run().orphans == 1
    assert plant.left() == {young.key, kept}


def test_what_is_labelled_stays(any_database: Database, tmp_path: Path) -> None:
    """Also where the picture was imported, so that no acquisition names it."""
    plant = _Plant(any_database, tmp_path)
    with any_database.sessions.begin() as session:
        labelled, inspection_id = plant.inspected(session, "pass", hours_old=400)
        gone, _ = plant.inspected(session, "pass", hours_old=400)
        imported = plant.image(400)
        acquisition = session.get_one(Inspection, inspection_id).acquisition
        for key, acquisition_id in ((labelled, acquisition.id), (imported.key, None)):
            session.add(
                LabelledImage(
                    station_id=acquisition.station_id,
                    acquisition_id=acquisition_id,
                    name=key,
                    image_key=key,
                    image_sha256=key[-40:],
                    width_px=8,
                    height_px=8,
                    split_group="",
                    captured_at=_NOW,
                )
            )
    plant.run(cap_bytes=_KB)
    assert {file.key for file in plant.store.files()} == {labelled, imported.key}
    with any_database.reads() as session:
        kept = session.get_one(Acquisition, acquisition.id)
        assert kept.image_key == labelled
    assert not (tmp_path / gone).exists()
