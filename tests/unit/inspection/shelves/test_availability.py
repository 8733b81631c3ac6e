from datetime import UTC, datetime, timedelta

import pytest

from inspection.shelves.availability import NOTHING, Absence, quantile, share_of
from inspection.shelves.opening import Span

NINE = datetime(2026, 7, 1, 9, tzinfo=UTC)


def span(start_h: float, end_h: float) -> Span:
    return Span(NINE + timedelta(hours=start_h), NINE + timedelta(hours=end_h))


TEN_HOURS = [span(0, 10)]
FACINGS = {(1, "A"): 3, (1, "B"): 1}


def available(*absences: Absence, watched: list[Span] | None = None) -> float | None:
    seen = {1: TEN_HOURS if watched is None else watched}
    return share_of(FACINGS, seen, absences, TEN_HOURS).available


def test_facings_and_time_weigh_a_gap() -> None:
    assert available() == 1
    # One of ten hours; three of four facings, or one.
    assert available(Absence((1, "A"), span(2, 3))) == pytest.approx(1 - 3 / 40)
    assert available(Absence((1, "B"), span(2, 3))) == pytest.approx(1 - 1 / 40)
    assert available(Absence((1, "A"), span(0, 10)), Absence((1, "B"), span(0, 10))) == 0


def test_what_overlaps_or_lies_outside_counts_once_or_not_at_all() -> None:
    twice = Absence((1, "B"), span(2, 4)), Absence((1, "B"), span(3, 5))
    assert available(*twice) == pytest.approx(1 - 3 / 40)
    assert available(Absence((1, "B"), span(-5, 1))) == pytest.approx(1 - 1 / 40)
    assert available(Absence((1, "gone from the planogram"), span(0, 10))) == 1
    assert available(Absence((2, "A"), span(0, 10))) == 1


def test_time_in_which_nobody_looked_is_neither_full_nor_empty() -> None:
    gap = Absence((1, "A"), span(0, 5))
    assert available(gap, watched=[span(4, 8)]) == pytest.approx(1 - 3 / 16)
    assert available(gap, watched=[span(6, 8)]) == 1
    assert available(gap, watched=[]) is None


def test_shares_add_up_over_days() -> None:
    first = share_of(FACINGS, {1: TEN_HOURS}, [Absence((1, "A"), span(0, 1))], [span(0, 2)])
    second = share_of(FACINGS, {1: TEN_HOURS}, [], [span(2, 10)])
    assert (first + second).available == pytest.approx(1 - 3 / 40)
    assert NOTHING.available is None


@pytest.mark.parametrize(
    ("share", "minutes"), [(0.5, 3), (0.9, 5), (0.0, 1), (1.0, 5), (0.2, 1), (0.21, 2)]
)
def test_a_quantile_is_a_value_that_happened(share: float, minutes: int) -> None:
    values = [timedelta(minutes=value) for value in (4, 1, 5, 2, 3)]
    assert quantile(values, share) == timedelta(minutes=minutes)


def test_of_nothing_there_is_no_quantile() -> None:
    with pytest.raises(ValueError, match="expected a value"):
        quantile([], 0.5)
