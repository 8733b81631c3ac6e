"""What a camera says of itself: troubles that are settled, and such that end by themselves."""

from inspection.verdicts import CameraState
from services.ingest.health import Health
from tests.servers import wait_until


def test_a_trouble_stays_until_it_is_settled() -> None:
    health = Health()
    health.online()
    health.trouble("size", "the size changed")
    health.trouble("clock", "the clock stepped")
    assert health.condition().state is CameraState.DEGRADED
    assert health.condition().reason == "the size changed; the clock stepped"
    health.settle("size")
    assert health.condition().reason == "the clock stepped"
    health.settle("clock")
    assert health.condition().state is CameraState.ONLINE


def test_settling_what_was_never_said_changes_nothing() -> None:
    health = Health()
    health.online()
    before = health.condition()
    health.settle("size")
    assert health.condition() == before


def test_a_trouble_for_a_time_ends_by_itself_unless_it_is_said_again() -> None:
    health = Health()
    health.online()
    health.trouble("held", "holding", for_s=60)
    troubled = health.condition()
    assert troubled.state is CameraState.DEGRADED
    # Said again it is the same trouble: nothing is to be written.
    health.trouble("held", "holding", for_s=1.0)
    assert health.condition() == troubled
    wait_until(lambda: health.condition().state is CameraState.ONLINE, 5, "it has ended")
    assert health.condition().since > troubled.since
