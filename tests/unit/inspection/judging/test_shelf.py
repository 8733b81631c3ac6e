"""Positions of a shelf: full, low and empty."""

from inspection.verdicts import Verdict
from tests.unit.inspection.judging.painted import bar, detected, judged

SHELF = [
    {"name": "A1", "product": "Cola", "box": (0, 0, 0.3, 1), "facings": 2, "min_facings": 2},
    {"name": "A2", "product": "Tea", "box": (0.3, 0, 0.6, 1), "facings": 1},
    {"name": "A3", "product": "Soap", "box": (0.6, 0, 1, 1), "facings": 1},
]


def test_a_shelf_counts_what_stands_at_each_position() -> None:
    result = judged(
        detected(
            ("item", 0.9, bar(20, 100, 50, 100)),
            ("item", 0.9, bar(200, 100, 50, 100)),
            ("crack", 0.9, bar(420, 100, 50, 4)),
        ),
        positions=SHELF,
    )
    assert result.verdict is Verdict.FAIL
    assert {each.place: each.value for each in result.measurements} == {"A1": 1, "A2": 1, "A3": 0}
    assert [(each.kind, each.place, each.severity) for each in result.deviations] == [
        ("out_of_stock", "A3", Verdict.FAIL),
        ("low", "A1", Verdict.WARN),
    ]
    assert result.detail == "Soap out of stock: 0 of 1 (A3); Cola low: 1 of 2 (A1)"
    assert [finding.place for finding in result.findings] == ["A1", "A2"]


def test_too_few_facings_are_low_and_too_many_are_fine() -> None:
    items = [("item", 0.9, bar(x, 100, 40, 90)) for x in (20, 200, 250, 300, 400)]
    result = judged(detected(*items), positions=SHELF)
    assert result.verdict is Verdict.WARN
    (low,) = result.deviations
    assert (low.kind, low.place, low.detail) == ("low", "A1", "Cola low: 1 of 2")
    assert [each.verdict for each in result.measurements] == [
        Verdict.WARN,
        Verdict.PASS,
        Verdict.PASS,
    ]


def test_a_full_shelf_passes_and_says_so() -> None:
    items = [("item", 0.9, bar(x, 100, 40, 90)) for x in (20, 80, 250, 400)]
    result = judged(detected(*items), positions=SHELF)
    assert result.verdict is Verdict.PASS
    assert result.detail == "all 3 positions filled"


def test_overlapping_positions_share_no_item() -> None:
    shelf = [
        {"name": "left", "product": "a", "box": (0, 0, 0.6, 1)},
        {"name": "right", "product": "b", "box": (0.4, 0, 1, 1)},
    ]
    result = judged(detected(("item", 0.9, bar(310, 0, 20, 20))), positions=shelf)
    assert {each.place: each.value for each in result.measurements} == {"left": 0, "right": 1}
