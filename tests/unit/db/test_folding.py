"""One camera's frames, written as a story: what deviates in each, and what becomes of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from db.engine import Database
from db.models import Alert, Camera, DeviationStreak, Discrepancy, DiscrepancyEvent
from db.queries.discrepancies import acknowledge, false_call
from db.queries.folding import Foldable, fold
from inspection.judgement import Deviation
from inspection.recipe import DiscrepancyPolicy
from inspection.verdicts import Verdict
from tests.factories import decide, make_camera

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CRACK = Deviation("crack", "upper left", Verdict.FAIL, "crack 4.8 mm > 3.0 mm")
STAIN = Deviation("stain", "centre", Verdict.WARN, "stain 9 mm2 > 5 mm2")


@dataclass
class Story:
    """A camera and what its frames show; times are START plus as many seconds as the sequence."""

    database: Database
    policy: DiscrepancyPolicy = field(default_factory=lambda: DiscrepancyPolicy(resolve_after=2))
    camera_id: int = 0
    station_id: int = 0

    def __post_init__(self) -> None:
        with self.database.sessions.begin() as session:
            camera = make_camera(session)
            self.camera_id, self.station_id = camera.id, camera.station_id

    def tell(
        self, *frames: Sequence[Deviation], first: int = 1, at_once: bool = False
    ) -> list[str]:
        """Fold frames one by one, or in one commit; returns the changed states of the last."""
        foldables = []
        states: list[str] = []
        for sequence, deviations in enumerate(frames, start=first):
            with self.database.sessions.begin() as session:
                camera = session.get_one(Camera, self.camera_id)
                captured_at = START + timedelta(seconds=sequence)
                inspection = decide(session, camera, captured_at=captured_at)
                foldable = Foldable(
                    inspection.id,
                    self.station_id,
                    self.camera_id,
                    sequence,
                    captured_at,
                    deviations,
                    self.policy,
                )
                foldables.append(foldable)
                if not at_once:
                    states = [change.state for change in fold(session, [foldable])]
        if at_once:
            with self.database.sessions.begin() as session:
                # The order in which they come says nothing; their numbers do.
                states = [change.state for change in fold(session, foldables[::-1])]
        return states

    def discrepancies(self) -> list[Discrepancy]:
        with self.database.reads() as session:
            return list(session.scalars(select(Discrepancy).order_by(Discrepancy.id)))

    def alerts(self) -> list[str]:
        with self.database.reads() as session:
            return list(session.scalars(select(Alert.event).order_by(Alert.id)))


def seconds(number: int) -> datetime:
    return START + timedelta(seconds=number)


@pytest.mark.parametrize("at_once", [True, False])
def test_opened_once_joined_and_resolved_with_the_frames_times(
    database: Database, at_once: bool
) -> None:
    story = Story(database)
    story.tell([], [CRACK], [CRACK], [], [CRACK], [], [], [], at_once=at_once)
    (crack,) = story.discrepancies()
    assert (crack.state, crack.seen_count, crack.severity) == ("resolved", 3, "fail")
    assert crack.opened_at == seconds(2)
    assert crack.last_seen_at == seconds(5)
    assert crack.closed_at == seconds(7)
    assert crack.actor is None
    assert story.alerts() == ["discrepancy.opened", "discrepancy.resolved"]
    with database.reads() as session:
        events = session.execute(select(DiscrepancyEvent.action, DiscrepancyEvent.at)).all()
    assert events == [("opened", seconds(2)), ("resolved", seconds(7))]


@pytest.mark.parametrize("at_once", [True, False])
def test_the_same_place_opens_again(database: Database, at_once: bool) -> None:
    story = Story(database)
    story.tell([CRACK], [], [], [CRACK], at_once=at_once)
    assert [one.state for one in story.discrepancies()] == ["resolved", "open"]


def test_places_and_kinds_stand_apart(database: Database) -> None:
    story = Story(database)
    elsewhere = Deviation("crack", "lower right", Verdict.WARN, "crack 2.5 mm > 2.0 mm")
    assert story.tell([CRACK, elsewhere, STAIN]) == ["open"] * 3
    assert sorted(story.tell([STAIN], [STAIN], first=2)) == ["open", "resolved", "resolved"]
    assert [(one.kind, one.state) for one in story.discrepancies()] == [
        ("crack", "resolved"),
        ("crack", "resolved"),
        ("stain", "open"),
    ]


def test_a_late_frame_changes_nothing(database: Database) -> None:
    story = Story(database)
    story.tell([CRACK], first=5)
    assert story.tell([], [], [], first=1) == []
    (crack,) = story.discrepancies()
    assert (crack.state, crack.clean_count) == ("open", 0)
    story.tell([], [], first=6)
    assert story.tell([CRACK], first=4) == []
    assert [one.state for one in story.discrepancies()] == ["resolved"]


def test_it_opens_after_so_many_in_a_row(database: Database) -> None:
    story = Story(database, DiscrepancyPolicy(open_after=3, resolve_after=2))
    story.tell([CRACK], [CRACK], [], [CRACK], [CRACK])
    assert story.discrepancies() == []
    assert story.tell([CRACK, STAIN], first=6) == ["open"]
    (crack,) = story.discrepancies()
    assert crack.opened_at == seconds(4)
    assert crack.last_seen_at == seconds(6)
    assert crack.seen_count == 3
    with database.reads() as session:
        assert [row.kind for row in session.scalars(select(DeviationStreak))] == ["stain"]


def test_the_worst_of_a_place_counts(database: Database) -> None:
    story = Story(database)
    small = Deviation("crack", "upper left", Verdict.WARN, "crack 2.2 mm > 2.0 mm")
    story.tell([small])
    assert [one.severity for one in story.discrepancies()] == ["warn"]
    story.tell([small, CRACK, small], first=2)
    (crack,) = story.discrepancies()
    assert (crack.severity, crack.detail, crack.seen_count) == ("fail", CRACK.detail, 2)
    story.tell([small], first=3)
    assert [one.severity for one in story.discrepancies()] == ["fail"]


def test_what_was_acknowledged_resolves_by_itself_too(database: Database) -> None:
    story = Story(database)
    story.tell([CRACK])
    with database.sessions.begin() as session:
        acknowledge(session, story.discrepancies()[0].id, "jo")
    assert story.tell([CRACK], first=2) == ["acknowledged"]
    assert story.tell([], [], first=3) == ["resolved"]


def test_what_was_called_false_opens_anew(database: Database) -> None:
    story = Story(database)
    story.tell([CRACK])
    with database.sessions.begin() as session:
        false_call(session, story.discrepancies()[0].id, "jo")
    story.tell([CRACK], first=2)
    assert [one.state for one in story.discrepancies()] == ["false_call", "open"]


def test_a_camera_that_looks_elsewhere_clears_nothing(database: Database) -> None:
    story = Story(database)
    story.tell([CRACK])
    with database.sessions.begin() as session:
        station = session.get_one(Camera, story.camera_id).station
        other = make_camera(session, station)
    beside = Story(database)
    beside.camera_id, beside.station_id = other.id, story.station_id
    beside.tell([], [], [])
    assert [one.state for one in story.discrepancies()] == ["open"]
    # Seen by that camera last, it is that camera's to clear.
    beside.tell([CRACK], [], [], first=4)
    assert [one.state for one in story.discrepancies()] == ["resolved"]


def test_other_stations_are_left_alone(database: Database) -> None:
    story, other = Story(database), Story(database)
    story.tell([CRACK])
    other.tell([], [], [CRACK])
    assert [(one.station_id, one.state) for one in story.discrepancies()] == [
        (story.station_id, "open"),
        (other.station_id, "open"),
    ]


def test_a_scan_that_something_stands_before_neither_opens_nor_closes(database: Database) -> None:
    """Gap, hand, gap opens at the second clear scan; full, hand, full closes it likewise."""
    gap = Deviation("out_of_stock", "A1", Verdict.FAIL, "milk out of stock: 0 of 3")
    policy = DiscrepancyPolicy(open_after=2, resolve_after=2)
    story = Story(database, policy)
    hidden = frozenset({"A1"})
    states = []
    with database.sessions.begin() as session:
        camera = session.get_one(Camera, story.camera_id)
        for sequence, (deviations, unsettled) in enumerate(
            [
                ([gap], frozenset()),
                ([], hidden),
                ([gap], hidden),  # what is seen of it says nothing either
                ([gap], frozenset()),
                ([], hidden),
                ([], frozenset()),
                ([], hidden),
                ([], frozenset()),
            ],
            start=1,
        ):
            row = decide(session, camera, captured_at=seconds(sequence))
            changes = fold(
                session,
                [
                    Foldable(
                        row.id,
                        story.station_id,
                        story.camera_id,
                        sequence,
                        seconds(sequence),
                        deviations,
                        policy,
                        unsettled,
                    )
                ],
            )
            states.append([change.state for change in changes])
    assert states == [[], [], [], ["open"], [], [], [], ["resolved"]]
    (found,) = story.discrepancies()
    assert (found.opened_at, found.closed_at) == (seconds(1), seconds(8))
