"""A challenger beside a real drain, on both databases."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select

from db.bell import INSPECT_QUEUE
from db.errors import Conflict, Invalid
from db.models import (
    Acquisition,
    Camera,
    Discrepancy,
    Inspection,
    RegisteredModel,
    Shadow,
    ShadowResult,
)
from db.queries import background, registry, shadow_results, shadows
from db.queries.stations import get_station
from inspection.decode import encode_png
from inspection.model_folder import load_model_folder
from tests.integration.drain.plant import FINE, RAISE, BrightnessDetector, Plant, grey
from tests.integration.drain.test_warm_models import folder_with_model
from workers.inspecting.models import Models
from workers.inspecting.runtime import Runtime
from workers.inspecting.shadows import shadow_step

NEW = "classical-light"


class Blind(BrightnessDetector):
    """Sees nothing: what the champion fails, it passes."""

    def _detect(self, image: Any) -> Any:
        return super()._detect(image | 255 if int(image[0, 0, 0]) != RAISE else image)


class Bench:
    def __init__(self, plant: Plant) -> None:
        self.plant = plant
        folder = folder_with_model(plant.folder / "models", NEW)
        self.runtime: Runtime = plant.new_runtime(
            models=Models(self._load, models_dir=folder, budget_bytes=10**12)
        )
        self.camera_id = plant.camera()
        with plant.database.sessions.begin() as session:
            self.station_id = session.get_one(Camera, self.camera_id).station_id
            registry.register(
                session, load_model_folder(folder / NEW), source=registry.SHIPPED, by="Ada"
            )

    def _load(self, folder: Any) -> BrightnessDetector:
        return Blind(folder.classes) if folder.name == NEW else BrightnessDetector(folder.classes)

    def start(self, share: float = 1.0) -> int:
        with self.plant.database.sessions.begin() as session:
            station = get_station(session, str(self.station_id))
            return shadows.start(session, station, NEW, share, "Ada").id

    def inspect(self, *darks: bool) -> None:
        self.plant.push(self.camera_id, *[grey(FINE + n % 50, dark=d) for n, d in enumerate(darks)])
        self.runtime.drain(INSPECT_QUEUE)

    def look(self) -> None:
        while shadow_step(self.runtime):
            pass

    def shadow(self, shadow_id: int) -> Shadow:
        with self.plant.database.reads() as session:
            return shadows.get_shadow(session, shadow_id)

    def results(self) -> list[ShadowResult]:
        with self.plant.database.reads() as session:
            return list(session.scalars(select(ShadowResult).order_by(ShadowResult.inspection_id)))


@pytest.fixture
def bench(plant: Plant) -> Iterator[Bench]:
    made = Bench(plant)
    yield made
    made.runtime.models.close()


def test_it_says_what_it_would_have_said_and_writes_no_verdict(bench: Bench) -> None:
    bench.inspect(True)  # before it began
    shadow_id = bench.start()
    bench.inspect(True, False, True)
    bench.look()
    said = [(each.champion, each.challenger, each.agreement) for each in bench.results()]
    assert said == [("fail", "pass", 0.0), ("pass", "pass", 1.0), ("fail", "pass", 0.0)]
    assert bench.plant.verdicts() == ["fail", "fail", "pass", "fail"]
    with bench.plant.database.reads() as session:
        assert len(session.scalars(select(Inspection)).all()) == 4
        assert len(session.scalars(select(Discrepancy)).all()) == 1
        assert not background.any_waiting(session)
        summary = shadow_results.summarise(session, shadow_id)
    assert (summary.seen, summary.differ) == (3, 2)
    assert summary.pairs == {("fail", "pass"): 2, ("pass", "pass"): 1}


def test_it_takes_one_image_a_step_while_the_line_has_work(bench: Bench) -> None:
    bench.start()
    bench.inspect(True, False, True)
    bench.plant.push(bench.camera_id, grey())
    assert shadow_step(bench.runtime) is True
    assert len(bench.results()) == 1
    bench.runtime.drain(INSPECT_QUEUE)
    bench.look()
    assert len(bench.results()) == 4


def test_of_a_share_of_the_frames_the_same_are_seen_however_the_steps_fall(bench: Bench) -> None:
    shadow_id = bench.start(share=0.5)
    bench.inspect(*[False] * 40)
    bench.look()
    seen = {each.inspection_id for each in bench.results()}
    assert 8 <= len(seen) <= 32
    shadow = bench.shadow(shadow_id)
    with bench.plant.database.reads() as session:
        ids = session.scalars(select(Inspection.id)).all()
    assert seen == {id_ for id_ in ids if shadows._is_chosen(shadow, id_, "pass")}


def test_what_it_cannot_keep_up_with_it_passes_over_and_counts(bench: Bench) -> None:
    shadow_id = bench.start()
    bench.inspect(*[False] * (shadows.KEEPS_UP_WITH + 7))
    bench.look()
    assert bench.shadow(shadow_id).passed_over == 7
    assert len(bench.results()) == shadows.KEEPS_UP_WITH


def test_a_model_that_is_gone_ends_it_and_the_line_goes_on(bench: Bench) -> None:
    shadow_id = bench.start()
    bench.inspect(True)
    with bench.plant.database.sessions.begin() as session:
        session.scalars(select(RegisteredModel)).one().name = "nowhere"
    bench.look()
    ended = bench.shadow(shadow_id)
    assert ended.ended_at is not None
    assert "nowhere" in ended.reason
    bench.inspect(True)
    assert bench.plant.verdicts() == ["fail", "fail"]
    with bench.plant.database.reads() as session:
        assert not background.any_waiting(session)


def test_a_model_that_raises_ends_it_with_its_words(bench: Bench) -> None:
    shadow_id = bench.start()
    bench.inspect(False)
    # The champion was let through; what the challenger meets is an image on which it raises.
    with bench.plant.database.sessions.begin() as session:
        stored = bench.plant.store.put(encode_png(grey(RAISE)), "png")
        row = session.scalars(select(Acquisition)).one()
        row.image_key, row.image_sha256 = stored.key, stored.sha256
    bench.look()
    assert bench.shadow(shadow_id).reason == "RuntimeError: boom"


def test_one_that_kills_its_process_is_ended_after_three_attempts(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    shadow_id = bench.start()
    bench.inspect(True)
    monkeypatch.setattr(shadows, "LEASE_S", -1.0)
    with bench.plant.database.sessions.begin() as session:
        for _ in range(shadows.MOST_ATTEMPTS):  # and nobody comes back with a result
            step = shadows.next_step(session, images=1)
            assert step is not None
            assert step.images
    bench.look()
    assert "died or hung" in bench.shadow(shadow_id).reason
    assert bench.results() == []


def _recipe_of_other_classes(bench: Bench) -> None:
    with bench.plant.database.sessions.begin() as session:
        model = session.scalars(select(RegisteredModel)).one()
        model.manifest = json.loads(json.dumps(model.manifest).replace('"defect"', '"other"'))


@pytest.mark.parametrize(
    ("spoil", "share", "error"),
    [(_recipe_of_other_classes, 1.0, Invalid), (lambda _: None, 0.0, Invalid)],
)
def test_what_cannot_look_along_is_refused(
    bench: Bench, spoil: Callable[[Bench], None], share: float, error: type[Exception]
) -> None:
    spoil(bench)
    with pytest.raises(error):
        bench.start(share)


def test_there_is_one_at_a_time(bench: Bench) -> None:
    shadow_id = bench.start()
    with pytest.raises(Conflict):
        bench.start()
    with bench.plant.database.sessions.begin() as session:
        shadows.end(session, shadow_id, "Ada")
    bench.inspect(True)
    bench.look()
    assert bench.results() == []
    bench.start()
