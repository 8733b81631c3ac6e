import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from inspection.shelves.opening import (
    Span,
    common,
    days_of,
    merged,
    next_opening,
    open_spans,
    total,
)

BERLIN = ZoneInfo("Europe/Berlin")
DAY = (time(8), time(20))


def utc(day: int, hour: int, minute: int = 0, month: int = 7) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def test_a_store_is_open_by_its_wall_clock() -> None:
    spans = open_spans([DAY], BERLIN, Span(utc(1, 0), utc(2, 12)))
    # Summer in Berlin is two hours ahead.
    assert spans == [Span(utc(1, 6), utc(1, 18)), Span(utc(2, 6), utc(2, 12))]


def test_shifts_that_touch_or_overlap_are_one_and_a_night_shift_crosses_midnight() -> None:
    shifts = [(time(6), time(14)), (time(13), time(22)), (time(22), time(2))]
    (first, second) = open_spans(shifts, ZoneInfo("UTC"), Span(utc(1, 1), utc(2, 1)))
    assert first == Span(utc(1, 1), utc(1, 2))
    assert second == Span(utc(1, 6), utc(2, 1))


def test_without_shifts_it_is_open_all_the_time() -> None:
    within = Span(utc(1, 0), utc(2, 0))
    assert open_spans([], BERLIN, within) == [within]


def test_the_day_of_a_clock_change_is_an_hour_longer_or_shorter() -> None:
    for today, hours in ((date(2026, 10, 25), 25), (date(2026, 3, 29), 23)):
        ((_, span),) = days_of(BERLIN, today, 1)
        assert span.length == timedelta(hours=hours)
        night = open_spans([(time(0), time(6))], BERLIN, span)
        assert total(night) == timedelta(hours=hours - 18)


def test_days_follow_each_other_without_a_gap() -> None:
    days = days_of(BERLIN, date(2026, 3, 31), 14)
    assert next(day for day, _ in days) == date(2026, 3, 18)
    assert all(one[1].end == two[1].start for one, two in itertools.pairwise(days))


def test_tomorrow_opens_with_the_first_shift() -> None:
    late = utc(1, 23)  # the second of July in Berlin
    assert next_opening([(time(14), time(20)), DAY], BERLIN, late) == utc(3, 6)
    assert next_opening([], BERLIN, utc(1, 12)) == utc(2, 4)


def test_what_is_common_and_what_is_merged() -> None:
    one = [Span(utc(1, 1), utc(1, 3)), Span(utc(1, 5), utc(1, 9))]
    two = [Span(utc(1, 2), utc(1, 6)), Span(utc(1, 8), utc(1, 8, 30))]
    assert common(one, two) == [
        Span(utc(1, 2), utc(1, 3)),
        Span(utc(1, 5), utc(1, 6)),
        Span(utc(1, 8), utc(1, 8, 30)),
    ]
    assert common(one, []) == []
    assert merged([*two, *one, Span(utc(2, 1), utc(2, 1))]) == [Span(utc(1, 1), utc(1, 9))]
