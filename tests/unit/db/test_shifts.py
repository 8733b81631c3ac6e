from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from db.models import Shift
from db.queries.shifts import window_at

BERLIN = ZoneInfo("Europe/Berlin")
SHIFTS = [
    Shift(name="Early", starts_at=time(6), ends_at=time(14)),
    Shift(name="Late", starts_at=time(14), ends_at=time(22)),
    Shift(name="Night", starts_at=time(22), ends_at=time(6)),
]


def test_the_running_shift_is_found_by_the_sites_wall_clock() -> None:
    window = window_at(SHIFTS, BERLIN, datetime(2026, 7, 1, 5, 30, tzinfo=UTC))  # 07:30 there
    assert window.name == "Early"
    assert window.start == datetime(2026, 7, 1, 4, tzinfo=UTC)
    assert window.ends_at == datetime(2026, 7, 1, 12, tzinfo=UTC)


def test_a_shift_ends_the_moment_the_next_begins() -> None:
    assert window_at(SHIFTS, BERLIN, datetime(2026, 7, 1, 12, tzinfo=UTC)).name == "Late"


def test_a_night_shift_goes_on_after_midnight() -> None:
    window = window_at(SHIFTS, BERLIN, datetime(2026, 7, 1, 1, tzinfo=UTC))
    assert (window.name, window.start) == ("Night", datetime(2026, 6, 30, 20, tzinfo=UTC))


def test_a_night_in_which_the_clock_goes_back_lasts_an_hour_more() -> None:
    window = window_at(SHIFTS, BERLIN, datetime(2026, 10, 25, 3, tzinfo=UTC))
    assert window.name == "Night"
    assert window.ends_at is not None
    assert window.ends_at - window.start == timedelta(hours=9)


def test_without_a_shift_the_last_eight_hours_count() -> None:
    now = datetime(2026, 7, 1, 5, 30, tzinfo=UTC)
    window = window_at(SHIFTS[1:2], BERLIN, now)
    assert (window.name, window.start, window.ends_at) == (None, now - timedelta(hours=8), None)
