"""How long and how often a delivery is tried."""

from services.alerting.policy import Policy


def test_the_wait_grows_and_is_capped():
    policy = Policy(attempts=12, first_wait_s=2, factor=3, longest_wait_s=3600)
    longest = [policy.wait_s(attempt, lambda: 1.0) for attempt in range(1, 12)]
    assert longest[:4] == [2, 6, 18, 54]
    assert longest[-3:] == [3600, 3600, 3600]
    assert policy.wait_s(12) is None


def test_half_of_the_wait_is_certain_and_half_is_drawn():
    policy = Policy(first_wait_s=8)
    assert policy.wait_s(1, lambda: 0.0) == 4
    assert policy.wait_s(1, lambda: 0.5) == 6


def test_defaults_give_a_receiver_hours_to_come_back():
    shortest = sum(Policy().wait_s(attempt, lambda: 0.0) or 0 for attempt in range(1, 12))
    assert shortest > 2 * 3600


def test_many_attempts_overflow_nothing():
    assert Policy(attempts=5000).wait_s(4000, lambda: 1.0) == 3600
