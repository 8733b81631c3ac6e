import signal
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from kombu.exceptions import OperationalError

from workers import child


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    """What a pool child sets for itself, this process must not keep."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    child._listen_for_the_end.cache_clear()
    child.stopping.clear()


def runtime(*, more_waits: bool, during: Any = None) -> Any:
    def drain(queue: str) -> bool:
        if during is not None:
            during()
        return more_waits

    return lambda: SimpleNamespace(drain=drain)


@pytest.mark.parametrize(("more_waits", "rings"), [(True, 1), (False, 0)])
def test_it_rings_again_where_more_waits(more_waits: bool, rings: int) -> None:
    rung: list[None] = []
    child.inspect_queue(
        "inspect", ring_again=lambda: rung.append(None), runtime=runtime(more_waits=more_waits)
    )
    assert len(rung) == rings


def test_a_bell_that_is_away_breaks_nothing() -> None:
    def away() -> None:
        raise OperationalError("no Redis")

    child.inspect_queue("inspect", ring_again=away, runtime=runtime(more_waits=True))


def test_told_to_stop_in_a_drain_it_ends_that_and_rings_no_more() -> None:
    rung: list[None] = []
    told = runtime(more_waits=True, during=lambda: signal.raise_signal(signal.SIGTERM))
    child.inspect_queue("inspect", ring_again=lambda: rung.append(None), runtime=told)
    assert child.stopping.is_set()
    assert rung == []
    # A child that was told to stop, and yet gets work, makes room for a new one.
    with pytest.raises(SystemExit):
        child.inspect_queue("inspect", ring_again=rung.clear, runtime=told)


def test_told_to_stop_while_idle_it_ends() -> None:
    child.inspect_queue("inspect", ring_again=list, runtime=runtime(more_waits=False))
    with pytest.raises(SystemExit):
        signal.raise_signal(signal.SIGTERM)
