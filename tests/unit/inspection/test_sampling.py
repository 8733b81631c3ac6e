"""Drawing at random: the same by whoever draws, and as many as was said."""

import pytest

from inspection.sampling import FIRST_DAY_SHARE, is_blind, is_drawn, share_for, unit_interval


def test_two_who_draw_draw_the_same_and_another_seed_another_sample() -> None:
    drawn = [id_ for id_ in range(2000) if is_drawn(id_, 0.1)]
    assert drawn == [id_ for id_ in range(2000) if is_drawn(id_, 0.1)]
    assert drawn != [id_ for id_ in range(2000) if is_drawn(id_, 0.1, "other")]


def test_as_many_are_drawn_as_the_probability_says() -> None:
    # Binomial with n = 20 000: five standard deviations are 0.0106.
    share = sum(is_drawn(id_, 0.1) for id_ in range(20_000)) / 20_000
    assert share == pytest.approx(0.1, abs=0.0106)
    assert not any(is_drawn(id_, 0.0) for id_ in range(100))
    assert all(is_drawn(id_, 1.0) for id_ in range(100))
    assert all(0 <= unit_interval(id_) < 1 for id_ in range(100))


def test_a_greater_share_holds_the_smaller_one() -> None:
    small = {id_ for id_ in range(2000) if is_drawn(id_, 0.05)}
    assert small < {id_ for id_ in range(2000) if is_drawn(id_, 0.2)}


def test_blind_ones_are_a_share_of_the_drawn_ones() -> None:
    drawn = [id_ for id_ in range(50_000) if is_drawn(id_, 0.1)]
    share = sum(is_blind(id_, 0.2) for id_ in drawn) / len(drawn)
    assert share == pytest.approx(0.2, abs=5 * (0.2 * 0.8 / len(drawn)) ** 0.5)


def test_a_number_a_day_is_a_share_of_the_day_before() -> None:
    assert share_for(20, 4000) == 0.005
    assert share_for(20, 10) == 1
    assert share_for(20, None) == share_for(20, 0) == FIRST_DAY_SHARE
    assert share_for(0, None) == 0
    with pytest.raises(ValueError, match="0 or more"):
        share_for(-1, 10)
