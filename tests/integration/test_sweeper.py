from datetime import timedelta

from click.testing import CliRunner
from sqlalchemy import select

from db.base import utc_now
from db.engine import Database
from db.models import Acquisition
from db.queries.claims import MAX_ATTEMPTS
from lineside.cli import group
from services.sweeper.loop import Swept, sweep
from tests.factories import decide, make_acquisition, make_camera


def test_it_rings_once_per_queue_where_something_may_be_claimed(any_database: Database) -> None:
    rung: list[str] = []
    assert sweep(any_database, rung.append) == Swept((), ())
    with any_database.sessions.begin() as session:
        camera = make_camera(session)
        for _ in range(3):
            make_acquisition(session, camera)
        late = make_acquisition(
            session, camera, queue="slow", state="claimed", token="t", lease_until=utc_now()
        )
        held = utc_now() + timedelta(minutes=5)
        make_acquisition(
            session, camera, queue="busy", state="claimed", token="u", lease_until=held
        )
        late.lease_until = utc_now() - timedelta(seconds=1)
    sweep(any_database, rung.append)
    assert rung == ["inspect", "slow"]


def test_it_buries_what_had_its_attempts(any_database: Database) -> None:
    rung: list[str] = []
    with any_database.sessions.begin() as session:
        acquisition_id = make_acquisition(
            session,
            state="claimed",
            token="t",
            attempts=MAX_ATTEMPTS,
            lease_until=utc_now() - timedelta(seconds=1),
        ).id
    assert sweep(any_database, rung.append).buried == (acquisition_id,)
    assert sweep(any_database, rung.append).buried == ()
    assert rung == []


def test_audit_exits_1_where_it_does_not_add_up(
    any_database_url: str, any_database: Database, monkeypatch
) -> None:
    monkeypatch.setenv("LINESIDE_DATABASE_URL", any_database_url)
    with any_database.sessions.begin() as session:
        decide(session)
        decide(session, verdict="not_inspected")
    fine = CliRunner().invoke(group, ["audit"])
    assert fine.exit_code == 0
    assert fine.output.split()[:4] == ["acquired", "2", "passed", "1"]
    with any_database.sessions.begin() as session:
        make_acquisition(session, state="done")
    broken = CliRunner().invoke(group, ["audit", "--json"])
    assert broken.exit_code == 1
    assert '"consistent": false' in broken.output
    assert '"acquired": 3' in broken.output


def test_dead_letters_are_listed_and_sent_again(
    any_database_url: str, any_database: Database, monkeypatch, redis_server
) -> None:
    monkeypatch.setenv("LINESIDE_DATABASE_URL", any_database_url)
    monkeypatch.setenv("LINESIDE_REDIS_URL", redis_server.url)
    empty = CliRunner().invoke(group, ["dead-letters", "list"])
    assert empty.output == "There are no dead letters.\n"
    with any_database.sessions.begin() as session:
        dead = decide(session, verdict="not_inspected", reason="failed", detail="boom")
        other = decide(session, verdict="not_inspected", reason="failed", detail="bang")
        acquisition = session.get_one(Acquisition, dead.acquisition_id)
        acquisition.image_key, acquisition.image_sha256 = "k", "0" * 64
        dead_id, other_id = dead.acquisition_id, other.acquisition_id
    listed = CliRunner().invoke(group, ["dead-letters", "list"])
    assert [line.split()[0] for line in listed.output.splitlines()] == [str(other_id), str(dead_id)]
    # The other one's image is gone, which is said, and stops nobody else.
    resent = CliRunner().invoke(group, ["dead-letters", "resend", "--all"])
    assert resent.exit_code == 1
    assert f"{dead_id} was sent again as" in resent.output
    assert f"acquisition {other_id}" in resent.output
    with any_database.reads() as session:
        child = session.scalars(select(Acquisition).where(Acquisition.parent_id == dead_id)).one()
        assert child.state == "waiting"
    left = CliRunner().invoke(group, ["dead-letters", "list"])
    assert [line.split()[0] for line in left.output.splitlines()] == [str(other_id)]
    assert CliRunner().invoke(group, ["dead-letters", "resend"]).exit_code == 2
