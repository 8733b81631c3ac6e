"""What people say of results: it is kept, the newest counts, and it can be taken back."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.access import Access, Actor, ActorKind, acting
from db.engine import Database
from db.errors import Conflict, Invalid, NotFound
from db.models import Camera, Discrepancy, Inspection, Person, Review
from db.queries import decisions, discrepancies, dispositions, reviews
from db.queries.reviews import ReviewVerdict
from tests import factories
from tests.factories import Found

NOW = datetime(2026, 7, 1, 10, tzinfo=UTC)
CONFIRMED, FALSE_CALL = ReviewVerdict.CONFIRMED, ReviewVerdict.FALSE_CALL
MISSED, NOTED, WITHDRAWN = ReviewVerdict.MISSED, ReviewVerdict.NOTED, ReviewVerdict.WITHDRAWN


@pytest.fixture
def session(database: Database):
    with database.sessions.begin() as session:
        yield session


def failed(session: Session, camera: Camera, seconds: int = 0) -> Inspection:
    return factories.decide(
        session,
        camera,
        "fail",
        found=[Found()],
        captured_at=NOW + timedelta(seconds=seconds),
    )


def held(session: Session, inspection: Inspection) -> decisions.Decided:
    return decisions.decided(session, [inspection.id])[inspection.id]


def newest(session: Session, inspection: Inspection) -> str | None:
    """As a review queue reads it: the newest row of the whole inspection that is no note."""
    return session.scalar(
        select(Review.verdict)
        .where(
            Review.inspection_id == inspection.id,
            Review.finding_id.is_(None),
            Review.class_name == "",
            Review.verdict != NOTED,
        )
        .order_by(Review.id.desc())
        .limit(1)
    )


def test_the_newest_counts_and_undoing_goes_back_step_by_step(session: Session) -> None:
    inspection = failed(session, factories.make_camera(session))
    first = reviews.say(session, inspection.id, CONFIRMED, "Ada").review
    second = reviews.say(session, inspection.id, FALSE_CALL, "Ben").review
    assert newest(session, inspection) == FALSE_CALL
    with pytest.raises(Conflict):
        reviews.take_back(session, inspection.id, first.id, "Ada")
    reviews.take_back(session, inspection.id, second.id, "Ben")
    assert newest(session, inspection) == CONFIRMED
    assert held(session, inspection).review is first
    with pytest.raises(Conflict):
        reviews.take_back(session, inspection.id, second.id, "Ben")
    reviews.take_back(session, inspection.id, first.id, "Ben")
    assert newest(session, inspection) == WITHDRAWN
    assert not held(session, inspection)
    assert session.scalar(select(func.count()).select_from(Review)) == 4  # nothing was removed


def test_saying_the_same_again_writes_nothing(session: Session) -> None:
    inspection = failed(session, factories.make_camera(session))
    one = reviews.say(session, inspection.id, CONFIRMED, "Ada")
    again = reviews.say(session, inspection.id, CONFIRMED, "Ada")
    assert one.new
    assert not again.new
    assert again.review is one.review


def test_a_note_that_is_taken_back_withdraws_no_verdict(session: Session) -> None:
    inspection = failed(session, factories.make_camera(session))
    reviews.say(session, inspection.id, CONFIRMED, "Ada")
    note = reviews.say(session, inspection.id, NOTED, "Ada", note="dust on the lens").review
    assert held(session, inspection).last is note
    reviews.take_back(session, inspection.id, note.id, "Ada")
    assert newest(session, inspection) == CONFIRMED
    assert held(session, inspection).notes == ()


def test_several_missed_classes_stand_beside_each_other(session: Session) -> None:
    inspection = factories.decide(session, factories.make_camera(session), "pass")
    crack = reviews.say(session, inspection.id, MISSED, "Ada", class_name="crack").review
    pit = reviews.say(session, inspection.id, MISSED, "Ada", class_name="pit").review
    assert held(session, inspection).missed == (crack, pit)
    reviews.take_back(session, inspection.id, crack.id, "Ada")
    assert held(session, inspection).missed == (pit,)


@pytest.mark.parametrize(
    ("verdict", "said", "values"),
    [
        ("pass", FALSE_CALL, {}),
        ("not_inspected", CONFIRMED, {}),
        ("not_inspected", MISSED, {"class_name": "crack"}),
        ("fail", MISSED, {}),
        ("fail", CONFIRMED, {"class_name": "crack"}),
        ("fail", NOTED, {}),
        ("fail", NOTED, {"note": "x" * 1001}),
        ("fail", MISSED, {"class_name": "x" * 101}),
        ("fail", MISSED, {"class_name": "a\nb"}),
        ("fail", WITHDRAWN, {}),
    ],
)
def test_what_cannot_be_said_is_refused(
    session: Session, verdict: str, said: ReviewVerdict, values: dict[str, str]
) -> None:
    inspection = factories.decide(session, factories.make_camera(session), verdict)
    with pytest.raises(Invalid):
        reviews.say(session, inspection.id, said, "Ada", **values)  # type: ignore[arg-type]


def test_a_finding_of_another_inspection_is_not_found(session: Session) -> None:
    camera = factories.make_camera(session)
    one, other = failed(session, camera), failed(session, camera, 1)
    with pytest.raises(NotFound):
        reviews.say(session, one.id, FALSE_CALL, "Ada", finding_id=other.findings[0].id)
    said = reviews.say(session, one.id, FALSE_CALL, "Ada", finding_id=one.findings[0].id)
    assert said.settled.changed == ()
    assert held(session, one).review is None  # one finding is not the whole image


def test_a_false_call_closes_what_rests_on_it_alone_and_undoing_opens_it(session: Session) -> None:
    inspection = failed(session, factories.make_camera(session))
    here = factories.make_discrepancy(session, inspection)
    elsewhere = factories.make_discrepancy(session, failed(session, factories.make_camera(session)))
    said = reviews.say(session, inspection.id, FALSE_CALL, "Ada")
    assert said.settled.closed == (here.id,)
    assert session.get_one(Discrepancy, here.id).state == "false_call"
    assert session.get_one(Discrepancy, elsewhere.id).state == "open"
    back = reviews.take_back(session, inspection.id, said.review.id, "Ada")
    assert back.settled.reopened == (here.id,)
    assert session.get_one(Discrepancy, here.id).state == "open"
    assert session.get_one(Discrepancy, here.id).closed_at is None


def test_what_other_images_show_stays_open_until_the_last_is_called_false(
    session: Session,
) -> None:
    camera = factories.make_camera(session)
    seen = [failed(session, camera, second) for second in range(3)]
    opened = factories.make_discrepancy(
        session,
        seen[0],
        last_inspection_id=seen[2].id,
        last_seen_at=seen[2].captured_at,
        seen_count=3,
    )
    first = reviews.say(session, seen[0].id, FALSE_CALL, "Ada")
    assert first.settled.closed == ()
    assert first.settled.still_shown_by == 2
    # What was taken back counts no more, and what was called false twice counts once.
    mistaken = reviews.say(session, seen[1].id, FALSE_CALL, "Ada").review
    reviews.take_back(session, seen[1].id, mistaken.id, "Ada")
    reviews.say(session, seen[0].id, FALSE_CALL, "Ada", note="again")
    assert reviews.say(session, seen[2].id, FALSE_CALL, "Ada").settled.still_shown_by == 1
    last = reviews.say(session, seen[1].id, FALSE_CALL, "Ada", note="a shadow")
    assert last.settled.closed == (opened.id,)
    assert discrepancies.get_discrepancy(session, opened.id).history[-1].note == "a shadow"


def test_confirming_after_all_opens_again_what_the_false_call_closed(session: Session) -> None:
    inspection = failed(session, factories.make_camera(session))
    opened = factories.make_discrepancy(session, inspection)
    reviews.say(session, inspection.id, FALSE_CALL, "Ada")
    said = reviews.say(session, inspection.id, CONFIRMED, "Ada")
    assert said.settled.reopened == (opened.id,)


def test_nothing_is_opened_beside_a_newer_one(session: Session) -> None:
    camera = factories.make_camera(session)
    inspection = failed(session, camera)
    old = factories.make_discrepancy(session, inspection)
    said = reviews.say(session, inspection.id, FALSE_CALL, "Ada")
    factories.make_discrepancy(session, failed(session, camera, 5))
    back = reviews.take_back(session, inspection.id, said.review.id, "Ada")
    assert back.settled.reopened == ()
    assert session.get_one(Discrepancy, old.id).state == "false_call"
    assert newest(session, inspection) == WITHDRAWN


def test_a_disposition_is_taken_back_step_by_step(session: Session) -> None:
    inspection = failed(session, factories.make_camera(session))
    rework = dispositions.dispose(session, inspection.id, "rework", "Ada")
    scrap = dispositions.dispose(session, inspection.id, "scrap", "Ada")
    assert held(session, inspection).disposition is scrap
    with pytest.raises(Conflict):
        dispositions.take_disposition_back(session, inspection.id, rework.id, "Ada")
    again = dispositions.take_disposition_back(session, inspection.id, scrap.id, "Ada")
    assert again.action == "rework"
    assert held(session, inspection).disposition is rework
    none = dispositions.take_disposition_back(session, inspection.id, rework.id, "Ada")
    assert none.action == "withdrawn"
    assert held(session, inspection).disposition is None
    with pytest.raises(Conflict):
        dispositions.take_disposition_back(session, inspection.id, rework.id, "Ada")
    with pytest.raises(NotFound):
        dispositions.take_disposition_back(session, inspection.id, 4711, "Ada")


def test_a_review_names_the_person_and_is_seen_at_their_lines_alone(session: Session) -> None:
    camera = factories.make_camera(session)
    inspection = failed(session, camera)
    other = failed(session, factories.make_camera(session))
    person = Person(name="ada", shown_name="Ada")
    session.add(person)
    session.flush()
    reviews.say(session, other.id, CONFIRMED, "Ben")
    line_id, person_id = camera.station.line_id, person.id
    session.expunge_all()
    actor = Actor(ActorKind.PERSON, person_id, "Ada")
    with acting(Access(actor, frozenset({line_id}))):
        said = reviews.say(session, inspection.id, CONFIRMED, actor.name)
        assert said.review.person_id == person_id
        assert [row.id for row in session.scalars(select(Review))] == [said.review.id]
        with pytest.raises(NotFound):
            reviews.say(session, other.id, CONFIRMED, actor.name)
