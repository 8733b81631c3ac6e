from datetime import UTC, datetime, timedelta

from inspection.recipe import Position
from inspection.shelves.gaps import Gap, ranked

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


def gap(
    name: str,
    *,
    seen: int = 0,
    minutes: float = 60,
    price: float | None = 2.0,
    rate: float | None = 3.0,
) -> Gap:
    position = Position(name=name, product=name, box=(0, 0, 1, 1), facings=4)
    since = NOW - timedelta(minutes=minutes)
    return Gap(position, seen, since, "out_of_stock", 1, price, rate)


def order(*gaps: Gap) -> list[str]:
    return [each.position.name for each in ranked(gaps, NOW)]


def test_the_dearer_the_emptier_and_the_older_gap_comes_first() -> None:
    assert order(gap("cheap", price=1), gap("dear", price=9)) == ["dear", "cheap"]
    assert order(gap("half", seen=2), gap("empty")) == ["empty", "half"]
    assert order(gap("new", minutes=5), gap("old")) == ["old", "new"]
    assert order(gap("slow", rate=0.1), gap("fast", rate=20)) == ["fast", "slow"]


def test_worth_is_the_product_of_all_three() -> None:
    # 4 facings × 1.5 €/h × 60 min = 360 against 1 × 6 €/h × 120 min = 720.
    assert order(gap("wide"), gap("dear", seen=3, price=8, minutes=120)) == ["dear", "wide"]


def test_a_gap_of_unknown_worth_counts_as_an_average_one() -> None:
    unknown = gap("unknown", price=None, rate=None)
    assert order(gap("cheap", price=1), unknown, gap("dear", price=9)) == [
        "dear",
        "unknown",
        "cheap",
    ]
    assert unknown.loss_per_hour is None


def test_the_loss_an_hour_follows_the_share_that_is_missing() -> None:
    assert gap("empty").loss_per_hour == 6.0
    assert gap("half", seen=2).loss_per_hour == 3.0
    assert gap("more than belongs there", seen=5).missing == 0
