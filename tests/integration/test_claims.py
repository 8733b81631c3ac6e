"""Claims on both databases, with two workers where that makes a difference."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.base import utc_now
from db.engine import Database
from db.models import Acquisition, Inspection
from db.queries.claims import (
    MAX_ATTEMPTS,
    Claim,
    bury_exhausted,
    claim,
    give_back,
    note_failure,
    queues_with_work,
    renew,
)
from db.queries.ledger import read_ledger
from tests.factories import (
    make_acquisition,
    make_camera,
    make_recipe_version,
    make_station,
    recipe_body,
)


def take(session: Session, *, at_most: int = 8, lease_s: float = 30) -> Claim | None:
    return claim(session, "inspect", lease_s=lease_s, limit=lambda model: at_most)


def ids(held: Claim | None) -> list[int]:
    return [frame.acquisition_id for frame in held.frames] if held else []


def waiting(database: Database, *counts: int, model: str = "surface-starter") -> list[list[int]]:
    """So many waiting acquisitions of a camera each; their ids, by camera."""
    with database.sessions.begin() as session:
        version = make_recipe_version(session, body=recipe_body(model=model))
        cameras = [make_camera(session, make_station(session, recipe=version)) for _ in counts]
        return [
            [make_acquisition(session, camera).id for _ in range(count)]
            for camera, count in zip(cameras, counts, strict=True)
        ]


def let_leases_run_out(database: Database, acquisition_ids: Sequence[int]) -> None:
    with database.sessions.begin() as session:
        session.execute(
            update(Acquisition)
            .where(Acquisition.id.in_(acquisition_ids))
            .values(lease_until=utc_now() - timedelta(seconds=1))
        )


def test_what_is_claimed_is_not_claimed_again(any_database: Database) -> None:
    (all_ids,) = waiting(any_database, 5)
    with any_database.sessions.begin() as session:
        first = take(session, at_most=3)
    with any_database.sessions.begin() as session:
        second = take(session, at_most=3)
    with any_database.sessions.begin() as session:
        assert take(session) is None
    assert ids(first) == all_ids[:3]
    assert ids(second) == all_ids[3:]
    assert first is not None
    assert second is not None
    assert first.token != second.token
    assert [frame.attempts for frame in first.frames] == [1, 1, 1]


def test_two_workers_at_the_same_time_share(any_database: Database) -> None:
    (all_ids,) = waiting(any_database, 6)
    if any_database.engine.dialect.name == "sqlite":
        return  # one writer at a time: the test above is this one
    with any_database.sessions.begin() as one, any_database.sessions.begin() as other:
        first, second = take(one, at_most=3), take(other, at_most=3)
    assert sorted(ids(first) + ids(second)) == all_ids


def test_no_camera_starves(any_database: Database) -> None:
    busy, quiet, late = waiting(any_database, 50, 1, 2)
    with any_database.sessions.begin() as session:
        held = take(session, at_most=4)
    assert ids(held) == sorted([busy[0], quiet[0], late[0], busy[1]])


def test_a_claim_has_one_model_that_of_the_oldest(any_database: Database) -> None:
    ((oldest, second),) = waiting(any_database, 2, model="one")
    ((third,),) = waiting(any_database, 1, model="two")
    with any_database.sessions.begin() as session:
        first = take(session)
    with any_database.sessions.begin() as session:
        other = take(session)
    assert first is not None
    assert other is not None
    assert (first.model, ids(first)) == ("one", [oldest, second])
    assert (other.model, ids(other)) == ("two", [third])


def test_the_limit_is_asked_by_model(any_database: Database) -> None:
    waiting(any_database, 9, model="slow")
    asked: list[str] = []

    def one_at_a_time(model: str) -> int:
        asked.append(model)
        return 1

    with any_database.sessions.begin() as session:
        held = claim(session, "inspect", lease_s=30, limit=one_at_a_time)
    assert len(ids(held)) == 1
    assert asked == ["slow"]


def test_a_lease_that_ran_out_is_claimed_anew_and_alone(any_database: Database) -> None:
    (all_ids,) = waiting(any_database, 4)
    with any_database.sessions.begin() as session:
        lost = take(session, at_most=2)
    let_leases_run_out(any_database, ids(lost))
    claims = []
    for _ in range(3):
        with any_database.sessions.begin() as session:
            claims.append(take(session))
    assert [ids(held) for held in claims] == [[all_ids[0]], [all_ids[1]], all_ids[2:]]
    assert [held.frames[0].attempts for held in claims if held] == [2, 2, 1]
    # The first worker's token fits nothing any more.
    with any_database.sessions.begin() as session:
        assert lost is not None
        assert renew(session, lost.token, lease_s=30) == 0
        assert give_back(session, lost.token, ids(lost)) == 0


def test_a_second_attempt_waits_until_its_worker_holds_nothing_else(
    any_database: Database,
) -> None:
    (all_ids,) = waiting(any_database, 3)
    with any_database.sessions.begin() as session:
        lost = take(session, at_most=1)
    let_leases_run_out(any_database, ids(lost))
    with any_database.sessions.begin() as session:
        assert claim(session, "inspect", lease_s=30, limit=lambda model: 8, retries=False) is None
        retry = take(session)
    assert ids(retry) == all_ids[:1]
    assert retry is not None
    assert retry.is_retry
    with any_database.sessions.begin() as session:
        fresh = claim(session, "inspect", lease_s=30, limit=lambda model: 8, retries=False)
    assert ids(fresh) == all_ids[1:]


def test_a_renewed_lease_holds(any_database: Database) -> None:
    waiting(any_database, 2)
    with any_database.sessions.begin() as session:
        held = take(session, lease_s=-1)
    assert held is not None
    with any_database.sessions.begin() as session:
        assert renew(session, held.token, lease_s=30) == 2
    with any_database.sessions.begin() as session:
        assert take(session) is None


def test_what_is_given_back_was_never_tried(any_database: Database) -> None:
    (all_ids,) = waiting(any_database, 3)
    with any_database.sessions.begin() as session:
        held = take(session)
        assert held is not None
    with any_database.sessions.begin() as session:
        assert give_back(session, held.token, all_ids[1:]) == 2
    with any_database.sessions.begin() as session:
        again = take(session)
    assert ids(again) == all_ids[1:]
    assert again is not None
    assert [frame.attempts for frame in again.frames] == [1, 1]


def test_an_attempt_that_raised_waits_for_its_turn(any_database: Database) -> None:
    ((acquisition_id,),) = waiting(any_database, 1)
    with any_database.sessions.begin() as session:
        held = take(session)
        assert held is not None
        note_failure(session, held.token, acquisition_id, "out of memory", retry_s=60)
    with any_database.sessions.begin() as session:
        assert take(session) is None
        assert queues_with_work(session) == []
    let_leases_run_out(any_database, [acquisition_id])
    with any_database.sessions.begin() as session:
        assert queues_with_work(session) == ["inspect"]
        assert ids(take(session)) == [acquisition_id]


def test_after_its_attempts_it_is_a_dead_letter(any_database: Database) -> None:
    ((acquisition_id, neighbour),) = waiting(any_database, 2)
    for _ in range(MAX_ATTEMPTS):
        with any_database.sessions.begin() as session:
            held = take(session, at_most=1)
            assert ids(held) == [acquisition_id]
        with any_database.sessions.begin() as session:
            assert bury_exhausted(session) == []  # its last attempt may still end well
            assert held is not None
            note_failure(session, held.token, acquisition_id, "engine: boom", retry_s=-1)
    with any_database.sessions.begin() as session:
        assert ids(take(session)) == [neighbour]
        assert queues_with_work(session) == []
        assert bury_exhausted(session) == [acquisition_id]
    with any_database.sessions.begin() as session:
        assert bury_exhausted(session) == []
    with any_database.reads() as session:
        inspection = session.scalars(
            select(Inspection).where(Inspection.acquisition_id == acquisition_id)
        ).one()
        assert (inspection.verdict, inspection.reason) == ("not_inspected", "failed")
        assert inspection.detail == "5 attempts ended without a result; the last: engine: boom"
        assert read_ledger(session).consistent


def test_other_queues_are_left_alone(any_database: Database) -> None:
    ((acquisition_id,),) = waiting(any_database, 1)
    with any_database.sessions.begin() as session:
        session.execute(update(Acquisition).values(queue="elsewhere"))
    with any_database.sessions.begin() as session:
        assert take(session) is None
        assert queues_with_work(session) == ["elsewhere"]
        held = claim(session, "elsewhere", lease_s=30, limit=lambda model: 4)
    assert ids(held) == [acquisition_id]
