"""Gate, promotion and rollback with a real worker's steps, on both databases."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from sqlalchemy import select

from db.access import PERMISSIONS, Access, Actor, ActorKind, Role, acting
from db.errors import Conflict, Invalid
from db.models import (
    AuditEntry,
    GateFlip,
    GateRun,
    Inspection,
    Promotion,
    RecipeVersion,
    RegisteredModel,
    Station,
)
from db.queries import gates, promotions, registry, reviews, shadows
from db.queries.promotions import FlipsUnseen, GateNotPassed, Overtaken
from db.queries.reviews import ReviewVerdict
from inspection.gating import GateLimits
from inspection.model_folder import load_model_folder
from tests.integration.drain.plant import MODEL, BrightnessDetector, Plant, grey
from tests.integration.drain.test_warm_models import folder_with_model
from workers.inspecting.gates import gate_step
from workers.inspecting.models import Models
from workers.inspecting.runtime import Runtime

NEW = "classical-light"
ENGINEER, ADMIN = PERMISSIONS[Role.ENGINEER], PERMISSIONS[Role.ADMIN]
FEW = GateLimits(least_bad=2, least_good=2, reviewed=50, replay=50)


class Blind(BrightnessDetector):
    """Sees nothing: what the champion fails, it passes."""

    def _detect(self, image: Any) -> Any:
        return super()._detect(image | 255)


@pytest.fixture
def runtime(plant: Plant) -> Iterator[Runtime]:
    models = folder_with_model(plant.folder / "models", NEW)
    plant.blind = False  # type: ignore[attr-defined]

    def load(folder: Any) -> BrightnessDetector:
        blind = folder.name == NEW and plant.blind  # type: ignore[attr-defined]
        return Blind(folder.classes) if blind else BrightnessDetector(folder.classes)

    made = plant.new_runtime(models=Models(load, models_dir=models, budget_bytes=10**12))
    yield made
    made.models.close()


@pytest.fixture
def inspected(plant: Plant, runtime: Runtime) -> list[int]:
    """Ids of three bad and three good inspections that somebody has confirmed."""
    camera = plant.camera()
    plant.push(camera, *[grey(200 + n, dark=n < 3) for n in range(6)])
    runtime.drain("inspect")
    with plant.database.sessions.begin() as session:
        ids = list(session.scalars(select(Inspection.id).order_by(Inspection.id)))
        for id_ in ids:
            reviews.say(session, id_, ReviewVerdict.CONFIRMED, "Ada")
        folder = load_model_folder(runtime.models.models_dir / NEW)  # type: ignore[operator]
        registry.register(session, folder, source=registry.SHIPPED, by="Ada")
    return ids


def station_of(session: Any) -> Station:
    return session.scalars(select(Station)).one()  # type: ignore[no-any-return]


def gated(plant: Plant, runtime: Runtime, limits: GateLimits = FEW) -> GateRun:
    with plant.database.sessions.begin() as session:
        gate_id = gates.ask(session, NEW, station_of(session), limits=limits, by="Ada").id
    while gate_step(runtime):
        pass
    with plant.database.reads() as session:
        return gates.get_gate(session, gate_id)


def as_person(name: str) -> AbstractContextManager[None]:
    return acting(Access(Actor(ActorKind.PERSON, 1, name), None))


def promote(plant: Plant, *, may: Any = ENGINEER, reason: str = "", by: str = "Ada") -> Promotion:
    with as_person(by), plant.database.sessions.begin() as session:
        station = station_of(session)
        expected = {station.id: station.recipe_version_id}
        done = promotions.promote(session, NEW, expected, by=by, may=may, reason=reason)
        return done.promotions[0]


def test_a_gate_compares_both_and_lets_an_equal_model_pass(
    plant: Plant, runtime: Runtime, inspected: list[int]
) -> None:
    gate = gated(plant, runtime)
    assert (gate.state, gate.passed) == ("done", True), gate.results
    results: Any = gate.results
    assert results["images"] == {"bad": 3, "good": 3, "not_compared": 0}
    assert results["escape"]["challenger"]["hits"] == 0
    assert results["escape"]["challenger"]["ci95"][1] == pytest.approx(0.7076, abs=1e-3)
    with plant.database.reads() as session:
        assert gates.flips_of(session, gate.id) == []
        # Nothing of it is an inspection.
        assert len(session.scalars(select(Inspection)).all()) == 6


def test_too_few_images_are_not_enough_to_say(
    plant: Plant, runtime: Runtime, inspected: list[int]
) -> None:
    gate = gated(plant, runtime, GateLimits())
    assert gate.passed is False
    assert gate.results["enough"] is False


def test_what_would_no_longer_fail_has_to_be_looked_at(
    plant: Plant, runtime: Runtime, inspected: list[int]
) -> None:
    plant.blind = True  # type: ignore[attr-defined]
    gate = gated(plant, runtime)
    assert gate.passed is False
    results: Any = gate.results
    assert results["escape"]["difference"] == 1.0
    with plant.database.reads() as session:
        flips = gates.flips_of(session, gate.id)
    assert {(flip.before, flip.after) for flip in flips} == {("fail", "pass")}
    assert {flip.inspection_id for flip in flips} == set(inspected[:3])
    # Not even an admin promotes past what nobody has looked at.
    with pytest.raises(FlipsUnseen, match="3 images that fail now"):
        promote(plant, may=ADMIN, reason="because")
    with plant.database.sessions.begin() as session:
        for flip in flips:
            gates.decide_flip(session, flip.id, gates.REFUSED, "Ada")
    with pytest.raises(GateNotPassed, match="a limit is not kept"):
        promote(plant, may=ENGINEER, reason="because")
    with pytest.raises(GateNotPassed):
        promote(plant, may=ADMIN, reason="  ")
    assert promote(plant, may=ADMIN, reason="the line stands", by="Root").override_reason
    with plant.database.reads() as session:
        said = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "promoted past the gate")
        ).one()
        assert said.actor_name == "Root"
        assert said.after is not None
        assert said.after["reason"] == "the line stands"


def test_promotion_is_the_next_version_and_rollback_the_one_before(
    plant: Plant, runtime: Runtime, inspected: list[int]
) -> None:
    gated(plant, runtime)
    with plant.database.reads() as session:
        before = station_of(session).recipe_version_id
    promotion = promote(plant)
    with plant.database.reads() as session:
        version = session.get_one(RecipeVersion, promotion.recipe_version_id)
        assert version.model == NEW
        assert station_of(session).recipe_version_id == version.id
        standing = registry.standings(session)
        assert standing[NEW].state is registry.ModelState.CHAMPION
        assert MODEL not in standing
    with plant.database.sessions.begin() as session, pytest.raises(registry.StillRuns):
        registry.archive(session, NEW)
    # The gate was against the version before.
    with pytest.raises(GateNotPassed, match="no gate against"):
        promote(plant)
    with as_person("Bea"), plant.database.sessions.begin() as session:
        promotions.rollback(session, station_of(session), by="Bea")
    with plant.database.reads() as session:
        assert station_of(session).recipe_version_id == before
    with plant.database.sessions.begin() as session, pytest.raises(Conflict):
        promotions.rollback(session, station_of(session), by="Bea")


def test_of_two_promotions_at_once_one_wins_and_the_other_is_told(
    plant: Plant, runtime: Runtime, inspected: list[int]
) -> None:
    gated(plant, runtime)
    with plant.database.reads() as session:
        station = station_of(session)
        expected = {station.id: station.recipe_version_id}
    together, told = threading.Barrier(2), []

    def go(name: str) -> None:
        together.wait(20)
        with as_person(name):
            try:
                with plant.database.sessions.begin() as session:
                    promotions.promote(session, NEW, expected, by=name, may=ENGINEER)
                told.append(f"{name} won")
            except Overtaken as error:
                told.append(f"told of {error.by}")

    threads = [threading.Thread(target=go, args=[name]) for name in ("Ada", "Bea")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(told) in (["Ada won", "told of Ada"], ["Bea won", "told of Bea"])
    with plant.database.reads() as session:
        assert len(session.scalars(select(Promotion)).all()) == 1


def test_a_foreign_class_map_is_refused(plant: Plant, inspected: list[int]) -> None:
    with plant.database.sessions.begin() as session:
        model = session.scalars(select(RegisteredModel)).one()
        model.manifest = {
            **model.manifest,
            "classes": ["bottle"],
            "thresholds": {"bottle": {"score": 0.5}},
        }
    with (
        plant.database.sessions.begin() as session,
        pytest.raises(Invalid, match="it lacks defect and has bottle"),
    ):
        gates.ask(session, NEW, station_of(session), limits=FEW, by="Ada")


def test_a_model_that_is_gone_ends_the_gate_and_not_the_line(
    plant: Plant, runtime: Runtime, inspected: list[int]
) -> None:
    (runtime.models.models_dir / NEW / "model.json").unlink()  # type: ignore[operator]
    gate = gated(plant, runtime)
    assert (gate.state, gate.passed) == ("failed", False)
    assert NEW in gate.reason
    with plant.database.reads() as session:
        assert session.scalars(select(GateFlip)).all() == []


def test_a_gate_whose_worker_dies_every_time_ends(
    plant: Plant, runtime: Runtime, inspected: list[int]
) -> None:
    with plant.database.sessions.begin() as session:
        gate_id = gates.ask(session, NEW, station_of(session), limits=FEW, by="Ada").id
    for attempt in range(gates.MAX_ATTEMPTS):
        with plant.database.sessions.begin() as session:
            assert gates.next_step(session, images=1) is not None, attempt
            # Nobody writes a result: the worker died, and its lease ran out.
            gates.get_gate(session, gate_id).lease_until = None
    with plant.database.sessions.begin() as session:
        assert gates.next_step(session, images=1) is None
        gate = gates.get_gate(session, gate_id)
        assert (gate.state, gate.passed) == ("failed", False)
        assert "without a result" in gate.reason
        assert not gates.any_waiting(session)


def test_a_promoted_model_looks_along_at_itself_no_longer(
    plant: Plant, runtime: Runtime, inspected: list[int]
) -> None:
    gated(plant, runtime)
    with plant.database.sessions.begin() as session:
        shadow_id = shadows.start(session, station_of(session), NEW, 1.0, "Ada").id
    promote(plant)
    with plant.database.reads() as session:
        shadow = shadows.get_shadow(session, shadow_id)
        assert shadow.ended_at is not None
        assert shadows.running(session, shadow.station_id) is None
