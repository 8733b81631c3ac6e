import pytest

from inspection.gating import Compared, GateLimits, decide, must_be_looked_at
from inspection.shares import clopper_pearson, mcnemar_p, paired_difference
from inspection.verdicts import Verdict

P, W, F, N = Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.NOT_INSPECTED
LIMITS = GateLimits(least_bad=10, least_good=20)


def images(
    bad: list[tuple[Verdict, Verdict]], good: list[tuple[Verdict, Verdict]]
) -> list[Compared]:
    return [Compared(True, *each) for each in bad] + [Compared(False, *each) for each in good]


def test_an_equal_model_passes() -> None:
    found = decide(images([(F, F)] * 10, [(P, P)] * 20), LIMITS)
    assert found["passed"]
    assert found["escape"]["challenger"]["ci95"] == pytest.approx([0, 0.3085], abs=1e-4)


@pytest.mark.parametrize(("bad", "good"), [(9, 20), (10, 19)])
def test_too_few_images_say_nothing(bad: int, good: int) -> None:
    found = decide(images([(F, F)] * bad, [(P, P)] * good), LIMITS)
    assert not found["enough"]
    assert not found["passed"]


def test_one_escape_more_is_one_too_many() -> None:
    found = decide(images([(F, F)] * 9 + [(F, P)], [(P, P)] * 20), LIMITS)
    assert found["enough"]
    assert not found["passed"]
    assert found["escape"]["difference"] == pytest.approx(0.1)
    loose = LIMITS.model_copy(update={"escape_margin": 0.1})
    assert decide(images([(F, F)] * 9 + [(F, P)], [(P, P)] * 20), loose)["passed"]


def test_a_warning_keeps_a_part_back() -> None:
    assert decide(images([(F, W)] * 10, [(P, P)] * 20), LIMITS)["passed"]
    assert not decide(images([(F, F)] * 10, [(P, W)] * 20), LIMITS)["passed"]


def test_what_it_leaves_uninspected_is_held_against_it() -> None:
    found = decide(images([(F, F)] * 10 + [(F, N)], [(P, P)] * 20), LIMITS)
    assert found["images"]["not_compared"] == 1
    assert not found["passed"]
    assert decide(images([(F, F)] * 10 + [(N, F)], [(P, P)] * 20), LIMITS)["passed"]


def test_an_absolute_limit_holds_even_where_the_champion_is_worse() -> None:
    limits = LIMITS.model_copy(update={"most_escape_rate": 0.05})
    better = images([(P, F)] * 9 + [(P, P)], [(P, P)] * 20)
    assert decide(better, LIMITS)["passed"]
    assert not decide(better, limits)["passed"]


def test_clearly_worse_fails_within_any_margin() -> None:
    wide = LIMITS.model_copy(update={"escape_margin": 1.0, "false_call_margin": 1.0})
    assert not decide(images([(F, F)] * 10, [(P, P)] * 20 + [(P, F)] * 6), wide)["passed"]


def test_what_no_longer_fails_is_looked_at() -> None:
    assert must_be_looked_at("fail", "pass")
    assert must_be_looked_at("fail", "warn")
    assert not must_be_looked_at("pass", "fail")


def test_shares_are_the_published_ones() -> None:
    assert clopper_pearson(0, 20) == pytest.approx((0, 0.1684), abs=1e-4)
    assert clopper_pearson(0, 0) is None
    assert mcnemar_p(0, 6) == pytest.approx(2 * 0.5**6)
    assert mcnemar_p(0, 0) == 1.0


def test_a_paired_difference_is_zero_where_nothing_differs() -> None:
    same = paired_difference(0, 0, 50)
    assert same is not None
    assert (same.difference, same.low, same.high) == (0, 0, 0)
    worse = paired_difference(0, 10, 50)
    assert worse is not None
    assert worse.low > 0
    assert worse.difference == pytest.approx(0.2)
