"""What a drain holds stays its own for as long as its process works, and no longer."""

import threading
from collections.abc import Callable

from sqlalchemy import select

from db.models import Acquisition
from db.queries.claims import claim
from inspection.model_folder import ModelFolder
from tests.integration.drain.plant import BrightnessDetector, Plant, grey
from tests.servers import wait_until
from workers.inspecting.models import Models
from workers.settings import WorkerSettings

LEASE_S = 0.5


class NotingGuard:
    """Notes what it is asked to do, and ends nothing."""

    def __init__(self) -> None:
        self.armed_s: list[float] = []
        self.disarmed = 0
        self.ended = threading.Event()

    def arm(self, timeout_s: float) -> None:
        self.armed_s.append(timeout_s)

    def disarm(self) -> None:
        self.disarmed += 1

    def end(self) -> None:
        self.ended.set()


class Held:
    """A drain in another thread, whose engine stands still at its `at`-th image until let go."""

    def __init__(self, plant: Plant, *, at: int) -> None:
        self.plant, self.guard = plant, NotingGuard()
        self.reached, self.let_go = threading.Event(), threading.Event()

        def on_image(number: int) -> None:
            if number == at:
                self.reached.set()
                self.let_go.wait(60)

        def load(folder: ModelFolder) -> BrightnessDetector:
            return BrightnessDetector(folder.classes, on_image)

        runtime = plant.new_runtime(
            models=Models(load, models_dir=None, budget_bytes=1),
            settings=WorkerSettings(lease_s=LEASE_S),
            guard=self.guard,
        )
        self._thread = threading.Thread(target=runtime.drain, args=["inspect"], daemon=True)

    def __enter__(self) -> "Held":
        self._thread.start()
        assert self.reached.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go.set()
        self._thread.join(60)

    def beats(self, count: int) -> Callable[[], bool]:
        """Whether leases have been renewed so many times from now on."""
        before = len(self.guard.armed_s)
        return lambda: len(self.guard.armed_s) >= before + count


def test_leases_are_renewed_while_an_engine_warms_up(plant: Plant) -> None:
    plant.push(plant.camera(), grey(), grey())
    with Held(plant, at=1) as held:
        # Far longer than a lease, and nothing is known yet of how long the model takes.
        wait_until(held.beats(8), 60, "two leases would have run out")
        with plant.database.sessions.begin() as session:
            assert claim(session, "inspect", lease_s=30, limit=lambda model: 9) is None
        assert not held.guard.ended.is_set()
    assert plant.verdicts() == ["pass", "pass"]
    with plant.database.reads() as session:
        assert set(session.scalars(select(Acquisition.attempts))) == {1}


def test_an_engine_that_hangs_gives_up_what_it_holds(plant: Plant) -> None:
    plant.push(plant.camera(), *[grey() for _ in range(4)])
    with Held(plant, at=3) as held:
        assert held.guard.ended.wait(60)
        with plant.database.sessions.begin() as session:
            # Whoever comes next may have them at once, one by one.
            taken = claim(session, "inspect", lease_s=30, limit=lambda model: 9)
            assert taken is not None
            assert [frame.attempts for frame in taken.frames] == [2]
            errors = set(session.scalars(select(Acquisition.last_error)))
        assert errors == {"the engine hung, at this image or at one beside it"}
        plant.stop.set()
    # It had not been ended, and came too late.
    assert set(plant.verdicts()) == {"claimed"}


def test_a_guard_ends_the_process_before_its_leases_run_out(plant: Plant) -> None:
    plant.push(plant.camera(), grey())
    with Held(plant, at=1) as held:
        wait_until(held.beats(2), 60, "the guard was armed again")
        assert held.guard.disarmed == 0
    assert max(held.guard.armed_s) < LEASE_S
    assert held.guard.disarmed == 1
