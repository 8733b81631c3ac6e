"""Training runs: who may write in one, what recovers, and what a person may do with it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from db.access import Access, acting
from db.base import utc_now
from db.engine import Database
from db.errors import NotFound, WrongState
from db.frames import open_store
from db.models import Station, TrainingRun
from db.queries import training_runs
from db.queries.snapshots import SnapshotQuery
from db.queries.training_runs import MOST_DEATHS, RunProgress, Taken
from db.snapshot_freezing import freeze
from inspection.training_request import BadRequestValue, TrainingRequest
from tests import factories
from tests.labelled import draw_labelled

LEASE_S = 60.0
PROGRESS = RunProgress(
    step=7, share=0.35, eta_s=60.0, curves=[{"name": "loss", "points": [[7, 0.5]]}], log="seven"
)


@pytest.fixture
def station(any_database: Database, tmp_path: Path) -> Station:
    """A station with a snapshot of six pictures, on which two runs are asked for."""
    store = open_store(str(tmp_path / "frames"), min_free_bytes=0)
    with any_database.sessions.begin() as session:
        station = factories.make_station(session)
        draw_labelled(session, store, station, 6)
        training_runs.note_trainer(session, "here:cpu", "cpu")
    snapshot = freeze(any_database, store, SnapshotQuery(shares=(0.6, 0.4, 0.0)), by="Ada")
    with any_database.sessions.begin() as session:
        for _ in range(2):
            training_runs.ask(session, snapshot.id, TrainingRequest(steps=20), by="Ada")
    return station


def take(database: Database) -> Taken | None:
    with database.sessions.begin() as session:
        return training_runs.take_up(session, LEASE_S)


def taken(database: Database) -> Taken:
    found = take(database)
    assert found is not None
    return found


def beat(database: Database, held: Taken, progress: RunProgress | None = PROGRESS) -> str | None:
    with database.sessions.begin() as session:
        return training_runs.beat(session, held, progress, LEASE_S)


def row(database: Database, run_id: int) -> TrainingRun:
    with database.reads() as session:
        return training_runs.get(session, run_id)


def kill_trainer(database: Database, run_id: int) -> None:
    """Its lease has run out."""
    with database.sessions.begin() as session:
        run = training_runs.get(session, run_id)
        run.lease_until = utc_now() - timedelta(seconds=5)


def waits(database: Database) -> bool:
    with database.reads() as session:
        return training_runs.any_waiting(session)


def test_each_run_has_one_trainer_and_the_oldest_comes_first(
    any_database: Database, station: Station
) -> None:
    one, other = taken(any_database), taken(any_database)
    assert one.run_id < other.run_id
    assert take(any_database) is None
    assert not waits(any_database)
    assert row(any_database, one.run_id).name == one.name != other.name


def test_a_dead_trainer_is_replaced_and_may_write_no_more(
    any_database: Database, station: Station
) -> None:
    first = taken(any_database)
    assert beat(any_database, first) == "running"
    kill_trainer(any_database, first.run_id)
    assert waits(any_database)
    second = taken(any_database)
    assert (second.run_id, second.token) == (first.run_id, first.token + 1)
    assert beat(any_database, first) is None
    with any_database.sessions.begin() as session:
        assert not training_runs.finish(session, first, "failed", "too late")
        training_runs.give_back(session, first)
    run = row(any_database, first.run_id)
    assert (run.state, run.step, run.share, run.log) == ("running", 7, 0.35, "seven")
    with any_database.sessions.begin() as session:
        assert training_runs.finish(session, second, "done")
    run = row(any_database, first.run_id)
    assert (run.state, run.share, run.eta_s, run.lease_until) == ("done", 1.0, None, None)


def test_a_run_that_kills_its_trainers_ends(any_database: Database, station: Station) -> None:
    run_id = taken(any_database).run_id
    for _ in range(MOST_DEATHS):
        kill_trainer(any_database, run_id)
        assert taken(any_database).run_id == run_id
    kill_trainer(any_database, run_id)
    assert taken(any_database).run_id != run_id
    run = row(any_database, run_id)
    assert run.state == "failed"
    assert "its trainer died" in run.reason


def test_a_step_between_two_deaths_forgives_them(any_database: Database, station: Station) -> None:
    held = taken(any_database)
    for step in range(1, MOST_DEATHS + 3):
        assert beat(any_database, held, replace(PROGRESS, step=step)) == "running"
        kill_trainer(any_database, held.run_id)
        again = taken(any_database)
        assert again.run_id == held.run_id
        held = again


def test_cancelling_waits_for_the_trainer_and_for_nobody_else(
    any_database: Database, station: Station
) -> None:
    held = taken(any_database)
    with any_database.sessions.begin() as session:
        training_runs.cancel(session, held.run_id, "Bo")
    assert beat(any_database, held) == "cancelling"
    assert not [run for run in [take(any_database)] if run and run.run_id == held.run_id]
    kill_trainer(any_database, held.run_id)
    with any_database.sessions.begin() as session:
        assert training_runs.end_abandoned(session) == [held.run_id]
    run = row(any_database, held.run_id)
    assert (run.state, run.reason) == ("cancelled", "cancelled by Bo")
    with any_database.sessions.begin() as session, pytest.raises(WrongState):
        training_runs.cancel(session, held.run_id, "Bo")


def test_what_failed_goes_on_where_somebody_says_so(
    any_database: Database, station: Station
) -> None:
    held = taken(any_database)
    with any_database.sessions.begin() as session, pytest.raises(WrongState):
        training_runs.resume(session, held.run_id)
    with any_database.sessions.begin() as session:
        training_runs.finish(session, held, "failed", "the disk is full")
    with any_database.sessions.begin() as session:
        training_runs.resume(session, held.run_id)
    run = row(any_database, held.run_id)
    assert (run.state, run.reason, run.ended_at) == ("waiting", "", None)
    assert taken(any_database).run_id == held.run_id


def test_another_lines_runs_are_unknown(any_database: Database, station: Station) -> None:
    run_id = taken(any_database).run_id
    with acting(Access(None, frozenset({station.line_id}))), any_database.reads() as session:
        assert training_runs.get(session, run_id).id == run_id
    with (
        acting(Access(None, frozenset({station.line_id + 1}))),
        any_database.sessions.begin() as session,
    ):
        assert training_runs.list_runs(session, after=None, limit=10).rows == []
        for act in (training_runs.get, training_runs.resume):
            with pytest.raises(NotFound):
                act(session, run_id)
        with pytest.raises(NotFound):
            training_runs.cancel(session, run_id, "Bo")


@pytest.mark.parametrize(
    "wrong",
    [
        {"network": "alexnet"},
        {"encoder": "../x"},
        {"steps": 0},
        {"steps": 5, "budget_s": 60.0},
        {"name": "Upper Case"},
        {"rate": float("nan")},
        {"budget_s": float("inf")},
    ],
)
def test_values_out_of_bounds_are_named(wrong: dict[str, object]) -> None:
    with pytest.raises(BadRequestValue, match=f"{list(wrong)[-1]}: expected"):
        TrainingRequest(**wrong)  # type: ignore[arg-type]
