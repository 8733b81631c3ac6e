"""Days and shifts of a site add up, whatever its clock does at night."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from db.models import Shift
from db.queries.quality_spans import (
    By,
    days_until,
    edges,
    newest_shift,
    shift_on,
    shifts_in,
)

VIENNA = ZoneInfo("Europe/Vienna")
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)  # at 2 and at 3 in the morning
HOUR = timedelta(hours=1)
THREE = [
    Shift(name="Early", starts_at=time(6), ends_at=time(14)),
    Shift(name="Late", starts_at=time(14), ends_at=time(22)),
    Shift(name="Night", starts_at=time(22), ends_at=time(6)),
]
LONG_AGO = datetime(2030, 1, 1, tzinfo=UTC)


def local(*parts: int, fold: int = 0) -> datetime:
    return datetime(*parts, fold=fold, tzinfo=VIENNA).astimezone(UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("day", "hours"), [(SPRING, 23), (AUTUMN, 25), (date(2026, 7, 1), 24), (date(2026, 12, 31), 24)]
)
def test_a_day_has_as_many_hours_as_its_clock(day: date, hours: int) -> None:
    span = days_until(day, 1, VIENNA)
    assert span.duration == hours * HOUR
    assert len(edges(span, By.HOUR, THREE, VIENNA, LONG_AGO)) == hours + 1


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 7), (AUTUMN, 9), (date(2026, 7, 1), 8)])
def test_the_night_shift_has_as_many_hours_as_its_people_work(day: date, hours: int) -> None:
    night = shift_on(THREE[2], day - timedelta(days=1), VIENNA)
    assert night.duration == hours * HOUR
    assert night.day == day - timedelta(days=1)


@pytest.mark.parametrize("day", [SPRING, AUTUMN, date(2026, 7, 1)])
@pytest.mark.parametrize("by", [By.SHIFT, By.DAY, By.HOUR, By.QUARTER])
def test_subgroups_follow_each_other_without_gap_or_overlap(day: date, by: By) -> None:
    span = days_until(day + timedelta(days=2), 5, VIENNA)
    found = edges(span, by, THREE, VIENNA, LONG_AGO)
    assert (found[0], found[-1]) == (span.start, span.end)
    assert all(left < right for left, right in pairwise(found))
    assert sum((b - a for a, b in pairwise(found)), timedelta()) == span.duration


def test_shifts_of_a_week_with_a_clock_change_add_up_to_it() -> None:
    span = days_until(AUTUMN + timedelta(days=3), 7, VIENNA)
    found = shifts_in(THREE, span, VIENNA)
    inside = [min(one.end, span.end) - max(one.start, span.start) for one in found]
    assert sum(inside, timedelta()) == span.duration == (7 * 24 + 1) * HOUR
    assert [one.shift for one in found[:3]] == ["Night", "Early", "Late"]


def test_days_are_cut_at_the_sites_midnight() -> None:
    span = days_until(AUTUMN + timedelta(days=1), 3, VIENNA)
    assert edges(span, By.DAY, THREE, VIENNA, LONG_AGO) == [
        local(2026, 10, 24),
        local(2026, 10, 25),
        local(2026, 10, 26),
        local(2026, 10, 27),
    ]


def test_nothing_is_asked_of_the_future() -> None:
    span = shift_on(THREE[0], date(2026, 7, 1), VIENNA)
    now = span.start + timedelta(minutes=40)
    assert edges(span, By.QUARTER, THREE, VIENNA, now) == [
        *(span.start + n * timedelta(minutes=15) for n in range(3)),
        now,
    ]
    assert edges(span, By.QUARTER, THREE, VIENNA, span.start - HOUR) == [span.start]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(local(2026, 7, 1, 7), ("Early", date(2026, 7, 1)), id="it runs"),
        pytest.param(local(2026, 7, 1, 3), ("Night", date(2026, 6, 30)), id="over midnight"),
        pytest.param(local(2026, 10, 25, 2, 30, fold=1), ("Night", date(2026, 10, 24)), id="clock"),
    ],
)
def test_the_newest_shift(now: datetime, expected: tuple[str, date]) -> None:
    found = newest_shift(THREE, VIENNA, now)
    assert found is not None
    assert (found.shift, found.day) == expected


def test_after_the_last_shift_it_is_the_newest_still() -> None:
    found = newest_shift(THREE[:1], VIENNA, local(2026, 7, 1, 20))
    assert found is not None
    assert (found.shift, found.day) == ("Early", date(2026, 7, 1))


def test_without_shifts_there_is_none() -> None:
    assert newest_shift([], VIENNA, local(2026, 7, 1, 20)) is None


def test_overlapping_shifts_cut_at_every_start_and_end() -> None:
    shifts = [*THREE[:1], Shift(name="Long", starts_at=time(8), ends_at=time(20))]
    span = days_until(date(2026, 7, 1), 1, VIENNA)
    at = [
        moment.astimezone(VIENNA).hour for moment in edges(span, By.SHIFT, shifts, VIENNA, LONG_AGO)
    ]
    assert at == [0, 6, 8, 14, 20, 0]
