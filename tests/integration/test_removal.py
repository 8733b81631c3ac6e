"""What comes between the question whether a thing is in use and its deletion is refused too."""

from collections.abc import Sequence

import pytest
from sqlalchemy import Delete, delete, func, select

from db.engine import Database
from db.errors import Conflict
from db.models import Calibration, Station
from db.queries.removal import remove
from tests import factories


def test_a_reference_that_nobody_asked_about_keeps_the_row(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        inspection = factories.decide(session)
        calibration = Calibration(station_id=inspection.station_id, mm_per_px=0.1)
        session.add(calibration)
        session.flush()
        inspection.calibration_id = calibration.id
        station_id, key = inspection.station_id, session.get_one(Station, inspection.station_id).key
    for with_it in ([], [delete(Calibration)]):
        with pytest.raises(Conflict, match=f"'{key}' is referred to by what came just now"):
            remove_unasked(any_database, station_id, with_it)
    with any_database.reads() as session:
        for model in (Station, Calibration):
            assert session.scalar(select(func.count()).select_from(model)) == 1


def remove_unasked(database: Database, station_id: int, with_it: Sequence[Delete]) -> None:
    with database.sessions.begin() as session:
        station = session.get_one(Station, station_id)
        remove(session, "station", station, station.id, (), with_it=with_it)
