"""`lineside bench queries` on a small past: every page is asked for, and answers."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from db.models import Discrepancy, Finding, Inspection, MeasurementRow, Station
from db.queries.ledger import read_ledger
from lineside.bench import pages
from lineside.bench.seeding import seed

NOW = datetime(2026, 7, 1, 10, 0, 0, tzinfo=UTC)


def test_every_page_is_timed_on_a_past_that_adds_up(tmp_path: Path) -> None:
    with pages.opened(tmp_path, None) as database:
        seed(database, 600, NOW, lambda done, total: None)
        with database.reads() as session:
            assert session.scalar(select(func.count()).select_from(Inspection)) == 600
            assert session.scalar(select(func.count()).select_from(Station)) == 10
            # One image in twelve deviates, and a shelf has a number for every position.
            assert 20 <= (session.scalar(select(func.count()).select_from(Finding)) or 0) <= 80
            counted = session.scalar(select(func.count()).select_from(MeasurementRow)) or 0
            assert counted > 600
            assert session.scalar(select(func.count()).select_from(Discrepancy)) == 630
            assert read_ledger(session).consistent
        found = pages.measure(database, tmp_path, rounds=2)
        with (
            pytest.raises(pages.NotEmpty, match="expected an empty database"),
            pages.opened(tmp_path, None),
        ):
            pass
    assert {"/", "/lines/<ref>", "/shelves/<ref>/parts/gaps", "/stations/<ref>"} <= set(found)
    assert {"/inspections/<int:inspection_id>", "/discrepancies.csv", "/api/v1/ledger"} <= set(
        found
    )
    for path, page in found.items():
        # However long the past, and however many stations: a page asks so many questions. A shift
        # report asks more, with a table for each of a dozen things.
        assert page["statements"] <= (35 if path.startswith("/reports") else 25), path
        assert page["bytes"] < 200_000
