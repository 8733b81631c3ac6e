"""By which calibration a drain measures."""

from datetime import timedelta

from sqlalchemy import select

from db.base import utc_now
from db.models import Acquisition, Calibration, Inspection
from tests.integration.drain.plant import Plant, grey


def test_millimetres_come_from_the_newest_valid_calibration(plant: Plant) -> None:
    class_rules = {"defect": {"limits": {"area_mm2": {"fail": 150}}}}
    camera_id = plant.camera(classes=class_rules)
    plant.push(camera_id, grey(dark=True))
    plant.runtime.drain("inspect")
    with plant.database.sessions.begin() as session:
        station_id = session.scalars(select(Acquisition.station_id)).one()
        for mm_per_px, expires_at in (
            (9.0, None),
            (0.5, None),
            (7.0, utc_now() - timedelta(hours=1)),
        ):
            session.add(
                Calibration(station_id=station_id, mm_per_px=mm_per_px, expires_at=expires_at)
            )
            session.flush()
    plant.push(camera_id, grey(dark=True))
    plant.runtime.drain("inspect")
    # 400 px at 0.5 mm/px are 100 mm², at 9 mm/px they would be 32400.
    assert plant.verdicts() == ["uncalibrated", "pass"]


def test_an_expired_calibration_warns_where_it_would_have_passed(plant: Plant) -> None:
    class_rules = {"defect": {"limits": {"area_mm2": {"fail": 150}}}}
    camera_id = plant.camera(classes=class_rules)
    plant.push(camera_id, grey(dark=True))
    with plant.database.sessions.begin() as session:
        acquisition = session.scalars(select(Acquisition)).one()
        calibration = Calibration(
            station_id=acquisition.station_id,
            mm_per_px=0.5,
            u_mm_per_px=0.005,
            made_at=acquisition.captured_at - timedelta(days=30),
            expires_at=acquisition.captured_at - timedelta(hours=1),
        )
        session.add(calibration)
        session.flush()
        calibration_id = calibration.id
    plant.runtime.drain("inspect")
    with plant.database.reads() as session:
        inspection = session.scalars(select(Inspection)).one()
        assert (inspection.verdict, inspection.calibration_id) == ("warn", calibration_id)
        assert "calibration expired on" in str(inspection.detail)
        area = next(row for row in inspection.findings[0].measurements if row.name == "area")
        # 400 px of 0.5 mm: 2·A·u_s/s is 2 mm², and pixels and edge come on top.
        assert area.verdict == "pass"
        assert area.uncertainty is not None
        assert 2 < area.uncertainty < 15
    # A scale that fails it fails it, expired or not.
    with plant.database.sessions.begin() as session:
        session.get_one(Calibration, calibration_id).mm_per_px = 5.0
    plant.push(camera_id, grey(dark=True))
    plant.runtime.drain("inspect")
    assert plant.verdicts() == ["warn", "fail"]
