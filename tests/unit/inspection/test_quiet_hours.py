"""Quiet hours; the oracle is how long a night is, which a change of clock makes 7 or 9 hours."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspection.quiet_hours import QuietHours

VIENNA = "Europe/Vienna"
NIGHT = QuietHours(time(22), time(6))


def at(text: str, zone: str = VIENNA) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def quiet_minutes(hours: QuietHours, noon: date, zone: str = VIENNA) -> int:
    """Of the 30 hours after a day's noon, those minutes that are quiet."""
    begin = datetime.combine(noon, time(12), ZoneInfo(zone)).astimezone(UTC)
    return sum(
        hours.until(begin + timedelta(minutes=minute), zone) is not None
        for minute in range(20 * 60)
    )


@pytest.mark.parametrize(
    ("clock", "ends"),
    [
        ("2026-07-01T21:59:59", None),
        ("2026-07-01T22:00", "2026-07-02T06:00"),
        ("2026-07-02T00:00", "2026-07-02T06:00"),
        ("2026-07-02T05:59:59", "2026-07-02T06:00"),
        ("2026-07-02T06:00", None),
    ],
)
def test_a_night_crosses_midnight(clock, ends):
    assert NIGHT.until(at(clock), VIENNA) == (at(ends) if ends else None)


def test_hours_of_one_day():
    lunch = QuietHours(time(12), time(13, 30))
    assert lunch.until(at("2026-07-01T13:29"), VIENNA) == at("2026-07-01T13:30")
    assert lunch.until(at("2026-07-01T11:59"), VIENNA) is None
    assert lunch.until(at("2026-07-01T13:30"), VIENNA) is None


@pytest.mark.parametrize(
    ("evening", "hours"),
    [(date(2026, 3, 28), 7), (date(2026, 7, 1), 8), (date(2026, 10, 24), 9)],
)
def test_the_night_of_a_clock_change_is_as_long_as_the_wall_clock_says(evening, hours):
    assert quiet_minutes(NIGHT, evening) == hours * 60


def test_an_end_that_is_skipped_is_the_moment_of_the_jump():
    hours = QuietHours(time(22), time(2, 30))
    jump = datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert hours.until(at("2026-03-29T01:59:59"), VIENNA) == jump
    assert hours.until(jump, VIENNA) is None


def test_a_beginning_that_is_skipped_is_the_moment_of_the_jump():
    hours = QuietHours(time(2, 30), time(6))
    jump = datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert hours.until(jump - timedelta(seconds=1), VIENNA) is None
    assert hours.until(jump, VIENNA) == at("2026-03-29T06:00")


def test_an_hour_that_comes_twice_is_quiet_both_times():
    hours = QuietHours(time(22), time(2, 30))
    end = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # the second 02:30
    for minutes in range(0, 240):
        moment = end - timedelta(minutes=minutes + 1)
        assert hours.until(moment, VIENNA) == end
    assert hours.until(end, VIENNA) is None


def test_another_zone_has_another_night():
    moment = datetime(2026, 7, 1, 21, tzinfo=UTC)
    assert NIGHT.until(moment, VIENNA) is not None
    assert NIGHT.until(moment, "America/New_York") is None


@given(
    st.integers(0, 365 * 1440).map(
        lambda m: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=m)
    ),
    st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    st.times().map(lambda t: t.replace(second=0, microsecond=0)),
)
def test_an_end_is_later_and_not_quiet_itself(now, begins, ends):
    if begins == ends:
        return
    hours = QuietHours(begins, ends)
    end = hours.until(now, VIENNA)
    if end is not None:
        assert now < end <= now + timedelta(hours=25)
        # Hours that begin again as they end (06:00 to 05:59) aside.
        assert hours.until(end, VIENNA) != end


def test_the_same_time_twice_is_refused():
    with pytest.raises(ValueError, match="22:00 twice"):
        QuietHours(time(22), time(22))
