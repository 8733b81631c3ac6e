from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from db.engine import Database
from db.models import Acquisition, Camera, Inspection, Lot, Part, Station
from db.queries.acquisitions import (
    Held,
    KeyReused,
    NewAcquisition,
    NoRecipe,
    NotResendable,
    UnknownCamera,
    accept,
    resend,
)
from db.queries.ledger import read_ledger
from inspection.verdicts import Reason
from tests.factories import decide, make_camera, make_recipe_version, make_station, recipe_body

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Stored:
    """Stands for `db.frames.StoredImage`."""

    key: str
    sha256: str
    size_bytes: int = 1000


def image(name: str = "a") -> Stored:
    return Stored(f"{name}.jpg", name * 64)


def new(camera_id: int, **values: object) -> NewAcquisition:
    return NewAcquisition(**{"camera_id": camera_id, "captured_at": NOW, "image": image()} | values)


def camera_with(database: Database, **frames: object) -> int:
    with database.sessions.begin() as session:
        version = make_recipe_version(session, body=recipe_body(frames=frames))
        return make_camera(session, make_station(session, recipe=version)).id


def states(database: Database) -> list[tuple[int, str, str | None]]:
    """Sequence, state and reason of every acquisition."""
    with database.reads() as session:
        return [
            (sequence, state, reason)
            for sequence, state, reason in session.execute(
                select(Acquisition.sequence, Acquisition.state, Inspection.reason)
                .outerjoin(Inspection, Inspection.acquisition_id == Acquisition.id)
                .order_by(Acquisition.sequence)
            )
        ]


def test_sequence_numbers_of_each_camera_have_no_gaps(database: Database) -> None:
    first, second = camera_with(database), camera_with(database)
    with database.sessions.begin() as session:
        answers = accept(session, [new(first), new(second), new(first)])
    with database.sessions.begin() as session:
        answers += accept(session, [new(first)])
    assert [answer.sequence for answer in answers] == [1, 1, 2, 3]
    assert len({answer.acquisition_id for answer in answers}) == 4
    with database.reads() as session:
        assert session.get_one(Camera, first).next_sequence == 4
        ledger = read_ledger(session)
    assert ledger.consistent
    assert (ledger.acquired, ledger.in_flight) == (4, 4)


def test_latest_lets_the_oldest_give_way_with_a_verdict(database: Database) -> None:
    camera_id = camera_with(database, policy="latest", max_waiting=2)
    with database.sessions.begin() as session:
        accept(session, [new(camera_id), new(camera_id)])
    with database.sessions.begin() as session:
        accept(session, [new(camera_id)])
    assert states(database) == [
        (1, "done", "superseded"),
        (2, "waiting", None),
        (3, "waiting", None),
    ]
    with database.reads() as session:
        assert read_ledger(session).consistent


def test_a_batch_larger_than_what_may_wait_keeps_its_newest(database: Database) -> None:
    camera_id = camera_with(database, policy="latest", max_waiting=2)
    with database.sessions.begin() as session:
        answers = accept(session, [new(camera_id) for _ in range(5)])
    assert [answer.sequence for answer in answers] == [1, 2, 3, 4, 5]
    assert [state for _, state, _ in states(database)] == ["done"] * 3 + ["waiting"] * 2


def test_every_holds_and_writes_nothing(database: Database) -> None:
    camera_id = camera_with(database, policy="every", max_waiting=2)
    with database.sessions.begin() as session:
        accept(session, [new(camera_id), new(camera_id)])
    with pytest.raises(Held) as held, database.sessions.begin() as session:
        accept(session, [new(camera_id, lot_code="L1")])
    assert (held.value.waiting, held.value.max_waiting) == (2, 2)
    assert held.value.retry_after_s > 0
    with database.reads() as session:
        assert read_ledger(session).acquired == 2
        assert session.scalars(select(Lot)).all() == []


def test_what_a_worker_holds_does_not_wait(database: Database) -> None:
    camera_id = camera_with(database, policy="every", max_waiting=1)
    with database.sessions.begin() as session:
        (first,) = accept(session, [new(camera_id)])
        session.get_one(Acquisition, first.acquisition_id).state = "claimed"
    with database.sessions.begin() as session:
        (second,) = accept(session, [new(camera_id)])
    assert second.sequence == 2


def test_a_refusal_is_a_verdict_at_once_and_takes_no_room(database: Database) -> None:
    camera_id = camera_with(database, policy="every", max_waiting=1)
    refusal = (Reason.STORAGE_FULL, "no space left under the frame store")
    with database.sessions.begin() as session:
        accept(session, [new(camera_id), new(camera_id, image=None, refusal=refusal)])
    assert states(database) == [(1, "waiting", None), (2, "done", "storage_full")]


def test_the_same_key_is_the_same_acquisition(database: Database) -> None:
    camera_id = camera_with(database)
    with database.sessions.begin() as session:
        (first,) = accept(session, [new(camera_id, idempotency_key="k")])
    with database.sessions.begin() as session:
        again, twice = accept(session, [new(camera_id, idempotency_key="k")] * 2)
    assert not first.repeated
    assert again == twice
    assert again.repeated
    assert again.acquisition_id == first.acquisition_id


def test_the_same_key_twice_in_one_batch(database: Database) -> None:
    camera_id = camera_with(database)
    with database.sessions.begin() as session:
        first, second, other = accept(
            session, [new(camera_id, idempotency_key=key) for key in ("k", "k", "l")]
        )
    assert (first.repeated, second.repeated, other.repeated) == (False, True, False)
    assert second.acquisition_id == first.acquisition_id
    assert other.sequence == 2


def test_a_key_that_comes_with_another_image_is_refused(database: Database) -> None:
    camera_id = camera_with(database)
    with database.sessions.begin() as session:
        (first,) = accept(session, [new(camera_id, idempotency_key="k")])
    with pytest.raises(KeyReused) as reused, database.sessions.begin() as session:
        accept(session, [new(camera_id, idempotency_key="k", image=image("b"))])
    assert reused.value.acquisition_id == first.acquisition_id


def test_parts_and_lots_are_made_once(database: Database) -> None:
    camera_id = camera_with(database)
    for _ in range(2):
        with database.sessions.begin() as session:
            accept(
                session,
                [
                    new(camera_id, part_serial="P1", lot_code="L1"),
                    new(camera_id, part_serial="P2", lot_code="L1"),
                ],
            )
    with database.reads() as session:
        (lot,) = session.scalars(select(Lot)).all()
        parts = session.scalars(select(Part).order_by(Part.serial)).all()
        assert [(part.serial, part.lot_id) for part in parts] == [("P1", lot.id), ("P2", lot.id)]
        held = session.execute(select(Acquisition.part_id, Acquisition.lot_id)).all()
    assert sorted(held) == sorted([(part.id, lot.id) for part in parts] * 2)


def test_a_station_without_recipe_and_a_camera_that_is_none(database: Database) -> None:
    camera_id = camera_with(database)
    with database.sessions.begin() as session:
        station = session.get_one(Station, session.get_one(Camera, camera_id).station_id)
        station.recipe_version_id = None
    with pytest.raises(NoRecipe), database.sessions.begin() as session:
        accept(session, [new(camera_id)])
    with pytest.raises(UnknownCamera), database.sessions.begin() as session:
        accept(session, [new(camera_id + 1000)])


def test_one_without_image_needs_a_refusal(database: Database) -> None:
    with (
        pytest.raises(ValueError, match="image or a refusal"),
        database.sessions.begin() as session,
    ):
        accept(session, [new(1, image=None)])


@pytest.mark.parametrize("own", [False, True])
def test_sending_again_names_the_parent_and_keeps_the_first_verdict(
    database: Database, own: bool
) -> None:
    with database.sessions.begin() as session:
        dead = decide(
            session,
            verdict="not_inspected",
            reason="failed",
            image=image(),
            captured_at=NOW - timedelta(hours=1),
        )
        dead_id, inspection_id = dead.acquisition_id, dead.id
        session.get_one(Acquisition, dead_id).image_is_own = own
    with database.sessions.begin() as session:
        accepted = resend(session, dead_id)
    with database.reads() as session:
        child = session.get_one(Acquisition, accepted.acquisition_id)
        assert (child.parent_id, child.state, child.sequence) == (dead_id, "waiting", 2)
        assert child.captured_at == NOW - timedelta(hours=1)
        assert child.image_is_own is own
        assert session.get_one(Inspection, inspection_id).verdict == "not_inspected"


@pytest.mark.parametrize("verdict", ["pass", "fail"])
def test_what_was_inspected_is_not_sent_again(database: Database, verdict: str) -> None:
    with database.sessions.begin() as session:
        acquisition_id = decide(session, verdict=verdict, image=image()).acquisition_id
    with pytest.raises(NotResendable, match=verdict), database.sessions.begin() as session:
        resend(session, acquisition_id)
    with pytest.raises(NotResendable, match="none"), database.sessions.begin() as session:
        resend(session, acquisition_id + 1)


def test_what_has_no_image_left_is_not_sent_again(database: Database) -> None:
    with database.sessions.begin() as session:
        acquisition_id = decide(session, verdict="not_inspected").acquisition_id
    with pytest.raises(NotResendable, match="image"), database.sessions.begin() as session:
        resend(session, acquisition_id)
