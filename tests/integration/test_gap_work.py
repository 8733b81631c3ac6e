"""What people do with gaps, and how they take it back, on both databases."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.base import utc_now
from db.engine import Database
from db.errors import Conflict, Invalid, WrongState
from db.models import Alert, Camera, DeviationStreak, Discrepancy, Disposition, Inspection
from db.queries import decisions, discrepancies, dispositions, gap_work, snoozing
from db.queries.folding import Foldable, fold
from db.queries.shelf_history import absences
from inspection.judgement import Deviation
from inspection.recipe import DiscrepancyPolicy
from inspection.shelves.opening import Span
from inspection.verdicts import Verdict
from tests import factories

NOW = utc_now()
SOON = NOW + timedelta(hours=3)


def place(name: str, x: float, **values: object) -> dict[str, object]:
    """Worth two an hour, and a facing of two, where nothing else is said."""
    given = {"name": name, "product": name, "box": [x, 0.1, x + 0.1, 0.5], "facings": 2}
    return given | {"price": 1.0, "rate_per_hour": 2.0} | values


@pytest.fixture
def gap(any_database: Database) -> int:
    """The id of an open gap at position A1, out of stock for an hour."""
    with any_database.sessions.begin() as session:
        line = factories.make_line(session, kind="shelf")
        body = factories.recipe_body(positions=[place("A1", 0.1)])
        recipe = factories.make_recipe_version(session, body=body)
        station = factories.make_station(session, line, recipe=recipe)
        camera = factories.make_camera(session, station, interval_s=20.0)
        counts = [("facings", "A1", 0, 1)]
        inspection = factories.decide(session, camera, "fail", counts=counts, captured_at=NOW)
        made = factories.make_discrepancy(
            session,
            inspection,
            kind="out_of_stock",
            place="A1",
            opened_at=NOW - timedelta(hours=1),
        )
    return made.id


def state(session: Session, gap_id: int) -> str:
    return session.get_one(Discrepancy, gap_id).state


def last_event(session: Session, gap_id: int) -> int:
    return gap_work.standing_actions(gap_work.histories(session, [gap_id])[gap_id])[-1].id


def first_camera(session: Session, gap: Discrepancy) -> Camera:
    inspection = session.get_one(Inspection, gap.last_inspection_id)
    return session.get_one(Camera, inspection.camera_id)


def undo(database: Database, gap_id: int) -> None:
    with database.sessions.begin() as session:
        gap_work.undo(session, gap_id, last_event(session, gap_id), "ada")


def test_restocked_is_taken_back_with_its_disposition(any_database: Database, gap: int) -> None:
    with any_database.sessions.begin() as session:
        gap_work.restock(session, gap, "ada")
        assert state(session, gap) == "acknowledged"
        assert session.scalar(select(Disposition.action)) == "restocked"
    undo(any_database, gap)
    with any_database.reads() as session:
        assert state(session, gap) == "open"
        done = session.scalars(select(Disposition).order_by(Disposition.id)).all()
        assert [row.action for row in done] == ["restocked", "withdrawn"]
        assert done[1].undoes_id == done[0].id
        actions = [event.action for event in gap_work.histories(session, [gap])[gap]]
    assert actions == ["opened", "restocked", "undone"]


def test_what_was_done_to_another_gap_of_the_image_goes_on_to_hold(
    any_database: Database, gap: int
) -> None:
    with any_database.sessions.begin() as session:
        inspection = session.get_one(
            Inspection, session.get_one(Discrepancy, gap).last_inspection_id
        )
        other = factories.make_discrepancy(session, inspection, kind="low", place="A2")
        gap_work.restock(session, gap, "ada")
        gap_work.not_workable(session, other.id, "supplier", SOON, "bob", now=NOW)
    undo(any_database, gap)
    with any_database.reads() as session:
        held = decisions.decided(session, [inspection.id])[inspection.id].disposition
        assert held is not None
        assert (held.action, held.actor) == ("not_workable", "bob")
        newest = dispositions.dispositions_of(session, inspection.id)[0]
        assert newest.action == "not_workable"


def test_each_undo_takes_one_deed_back_the_newest_first(any_database: Database, gap: int) -> None:
    with any_database.sessions.begin() as session:
        discrepancies.acknowledge(session, gap, "ada")
        gap_work.not_workable(session, gap, "supplier", SOON, "ada", now=NOW)
        snoozing.snooze(session, gap, SOON, "ada", now=NOW)
    undo(any_database, gap)
    with any_database.reads() as session:
        row = session.get_one(Discrepancy, gap)
        assert (row.snoozed_until, row.unworkable_reason) == (None, "supplier")
    undo(any_database, gap)
    with any_database.reads() as session:
        row = session.get_one(Discrepancy, gap)
        assert (row.unworkable_reason, row.unworkable_until) == (None, None)
        assert row.state == "acknowledged"
    undo(any_database, gap)
    with any_database.reads() as session:
        assert state(session, gap) == "open"


def test_only_what_the_page_showed_is_taken_back(any_database: Database, gap: int) -> None:
    with any_database.sessions.begin() as session:
        gap_work.restock(session, gap, "ada")
        shown = last_event(session, gap)
        snoozing.snooze(session, gap, SOON, "bob", now=NOW)
    with pytest.raises(Conflict), any_database.sessions.begin() as session:
        gap_work.undo(session, gap, shown, "ada")
    with any_database.reads() as session:
        assert state(session, gap) == "acknowledged"


def test_a_false_call_is_believed_until_it_is_seen_full(any_database: Database, gap: int) -> None:
    """The scans go on seeing what they saw, and open nothing; a full one, then empty, does."""
    policy = DiscrepancyPolicy(open_after=2, resolve_after=1)
    empty = Deviation("out_of_stock", "A1", Verdict.FAIL, "A1 out of stock")
    with any_database.sessions.begin() as session:
        first = session.get_one(Discrepancy, gap)
        camera = first_camera(session, first)
        gap_work.false_call(session, gap, "ada")

    def scan(number: int, *deviations: Deviation) -> int:
        with any_database.sessions.begin() as session:
            here = session.get_one(Camera, camera.id)
            one = factories.decide(session, here, "fail", captured_at=NOW)
            sequence = 100 + number
            fold(
                session,
                [
                    Foldable(
                        one.id,
                        one.station_id,
                        camera.id,
                        sequence,
                        one.captured_at,
                        deviations,
                        policy,
                    )
                ],
            )
            return session.scalar(select(func.count(Discrepancy.id))) or 0

    assert [scan(number, empty) for number in range(4)] == [1, 1, 1, 1]
    assert scan(4) == 1
    assert [scan(number, empty) for number in (5, 6)] == [1, 2]


def test_a_false_call_is_taken_back_with_what_it_kept_quiet(
    any_database: Database, gap: int
) -> None:
    with any_database.sessions.begin() as session:
        gap_work.false_call(session, gap, "ada")
        assert session.scalar(select(DeviationStreak.count)) == -86_400 // 20
    undo(any_database, gap)
    with any_database.reads() as session:
        row = session.get_one(Discrepancy, gap)
        assert (row.state, row.closed_at) == ("open", None)
        assert session.scalar(select(func.count(DeviationStreak.count))) == 0
        # Who was told of its end is told that it is open.
        events = session.scalars(select(Alert.event).order_by(Alert.id)).all()
        assert list(events) == ["discrepancy.resolved", "discrepancy.opened"]


def test_what_is_open_again_at_a_place_stands_against_an_undo(
    any_database: Database, gap: int
) -> None:
    with any_database.sessions.begin() as session:
        gap_work.false_call(session, gap, "ada")
        old = session.get_one(Discrepancy, gap)
        inspection = session.get_one(Inspection, old.last_inspection_id)
        factories.make_discrepancy(session, inspection, kind="out_of_stock", place="A1")
    with pytest.raises(Conflict, match="newer"):
        undo(any_database, gap)


def test_what_lineside_resolved_cannot_be_taken_back(any_database: Database, gap: int) -> None:
    with any_database.sessions.begin() as session:
        gap_work.restock(session, gap, "ada")
        shown = last_event(session, gap)
        row = session.get_one(Discrepancy, gap)
        row.state, row.closed_at = "resolved", NOW
        discrepancies.note_event(session, row, "resolved", None, "", NOW)  # type: ignore[arg-type]
    with pytest.raises(Conflict), any_database.sessions.begin() as session:
        gap_work.undo(session, gap, shown, "ada")


@pytest.mark.parametrize("until", [NOW - timedelta(seconds=1), NOW + timedelta(days=15)])
def test_an_end_is_to_come_and_not_too_far(
    any_database: Database, gap: int, until: datetime
) -> None:
    with pytest.raises(Invalid, match="until"), any_database.sessions.begin() as session:
        snoozing.snooze(session, gap, until, "ada", now=NOW)
    with pytest.raises(Invalid, match="until"), any_database.sessions.begin() as session:
        gap_work.not_workable(session, gap, "no_stock", until, "ada", now=NOW)
    with (
        pytest.raises(Invalid, match="no_stock, supplier"),
        any_database.sessions.begin() as session,
    ):
        gap_work.not_workable(session, gap, "lazy", SOON, "ada", now=NOW)


def test_a_snoozed_gap_comes_back_by_itself(any_database: Database, gap: int) -> None:
    with any_database.sessions.begin() as session:
        snoozing.snooze(session, gap, SOON, "ada", now=NOW)
    for now, expected in ((NOW, []), (SOON, [gap]), (SOON + timedelta(hours=1), [gap])):
        with any_database.reads() as session:
            assert (
                list(session.scalars(select(Discrepancy.id).where(snoozing.awake(now)))) == expected
            )
            assert snoozing.is_snoozed(session.get_one(Discrepancy, gap), now) is not bool(expected)
    with any_database.sessions.begin() as session:
        snoozing.wake(session, gap, "bob")
    with any_database.reads() as session:
        assert list(session.scalars(select(Discrepancy.id).where(snoozing.awake(NOW)))) == [gap]


def test_what_is_resolved_is_not_snoozed(any_database: Database, gap: int) -> None:
    with any_database.sessions.begin() as session:
        discrepancies.resolve(session, gap, "ada")
    with pytest.raises(WrongState), any_database.sessions.begin() as session:
        snoozing.snooze(session, gap, SOON, "ada", now=NOW)


def test_absences_are_clipped_and_false_calls_are_none(any_database: Database, gap: int) -> None:
    within = Span(NOW - timedelta(hours=2), NOW)
    with any_database.sessions.begin() as session:
        row = session.get_one(Discrepancy, gap)
        inspection = session.get_one(Inspection, row.last_inspection_id)
        station_id = row.station_id
        for name, hours, values in (
            ("before", 9, {"state": "resolved", "closed_at": NOW - timedelta(hours=3)}),
            ("partly", 9, {"state": "resolved", "closed_at": NOW - timedelta(hours=1)}),
            ("false", 1, {"state": "false_call", "closed_at": NOW}),
            ("low", 1, {"kind": "low"}),
        ):
            given = {"kind": "out_of_stock"} | values
            opened_at = NOW - timedelta(hours=hours)
            factories.make_discrepancy(
                session, inspection, place=name, opened_at=opened_at, **given
            )
    with any_database.reads() as session:
        found = {each.place[1]: each.span for each in absences(session, [station_id], within)}
    assert found == {
        "A1": Span(NOW - timedelta(hours=1), NOW),
        "partly": Span(within.start, NOW - timedelta(hours=1)),
    }
