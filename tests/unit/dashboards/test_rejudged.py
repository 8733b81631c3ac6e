"""Verdicts of a trial that takes more than one request."""

from dashboards.lab.rejudged import Rejudged

SAID = ("pass", "")


def test_each_request_makes_something_and_goes_on_where_the_last_one_stopped() -> None:
    rejudged, made = Rejudged(), []

    def request() -> list[int]:
        work = rejudged.within(0)
        return [n for n in range(3) if work.said(n, lambda n=n: made.append(n) or SAID)]

    assert [request(), request(), request(), request()] == [[0], [0, 1], [0, 1, 2], [0, 1, 2]]
    assert made == [0, 1, 2]


def test_with_time_enough_it_is_one_request() -> None:
    work = Rejudged().within(60)
    assert all(work.said(n, lambda: SAID) == SAID for n in range(50))


def test_the_newest_are_kept() -> None:
    rejudged = Rejudged(kept=2)
    for key in "ab":
        rejudged.keep(key, SAID)
    assert rejudged.get("a") == SAID
    rejudged.keep("c", SAID)
    assert [rejudged.get(key) for key in "abc"] == [SAID, None, SAID]
