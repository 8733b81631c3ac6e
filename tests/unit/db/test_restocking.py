"""Time to restock: the median of what was closed by itself or by a person, in the frames' times."""

from datetime import UTC, datetime, timedelta

from db.engine import Database
from db.queries.restocking import restock_times
from tests import factories

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def test_the_median_of_a_week_and_the_slowest_positions(database: Database) -> None:
    with database.sessions.begin() as session:
        inspection = factories.decide(session, factories.make_camera(session), captured_at=NOW)
        station_id = inspection.station_id

        def filled(place: str, minutes: int, **values: object) -> None:
            closed_at = values.pop("closed_at", NOW)
            assert isinstance(closed_at, datetime)
            opened_at = closed_at - timedelta(minutes=minutes)
            given = {"kind": "out_of_stock", "state": "resolved"} | values
            factories.make_discrepancy(
                session, inspection, place=place, opened_at=opened_at, closed_at=closed_at, **given
            )

        filled("A1", 10)
        filled("A1", 20)
        filled("B1", 90)
        filled("C1", 999, kind="low")
        filled("C2", 999, state="false_call")
        filled("C3", 999, closed_at=NOW - timedelta(days=8))
    with database.reads() as session:
        times = restock_times(session, [station_id], NOW, most=1)
        assert times is not None
        assert (times.filled, times.median) == (3, timedelta(minutes=20))
        (slowest,) = times.slowest
        assert (slowest.place, slowest.median) == ("B1", timedelta(minutes=90))
        assert restock_times(session, [station_id + 1], NOW) is None
