"""Reviews and discrepancies on both databases, and two people who undo the same at once."""

import threading
from datetime import timedelta

from sqlalchemy import func, select

from db.base import utc_now
from db.engine import Database
from db.errors import Conflict
from db.models import Discrepancy, Disposition, Review
from db.queries import dispositions, reviews
from db.queries.reviews import ReviewVerdict
from tests import factories
from tests.factories import Found


def test_a_false_call_settles_and_is_taken_back(any_database: Database) -> None:
    now = utc_now()
    with any_database.sessions.begin() as session:
        camera = factories.make_camera(session)
        seen = [
            factories.decide(
                session,
                camera,
                "fail",
                found=[Found()],
                captured_at=now + timedelta(seconds=second),
            )
            for second in range(2)
        ]
        opened = factories.make_discrepancy(
            session,
            seen[0],
            last_inspection_id=seen[1].id,
            last_seen_at=seen[1].captured_at,
            seen_count=2,
        )
    with any_database.sessions.begin() as session:
        first = reviews.say(session, seen[0].id, ReviewVerdict.FALSE_CALL, "Ada")
        assert first.settled.still_shown_by == 1
    with any_database.sessions.begin() as session:
        second = reviews.say(session, seen[1].id, ReviewVerdict.FALSE_CALL, "Ada")
        assert second.settled.closed == (opened.id,)
    with any_database.sessions.begin() as session:
        back = reviews.take_back(session, seen[1].id, second.review.id, "Ada")
        assert back.settled.reopened == (opened.id,)
    with any_database.reads() as session:
        assert session.get_one(Discrepancy, opened.id).state == "open"


def test_of_two_who_undo_the_same_at_once_one_is_told(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        inspection = factories.decide(session, None, "fail", found=[Found()])
        said = reviews.say(session, inspection.id, ReviewVerdict.CONFIRMED, "Ada").review
        done = dispositions.dispose(session, inspection.id, "scrap", "Ada")
    start, outcomes = threading.Barrier(4), []

    def undo(kind: str) -> None:
        start.wait(10)
        try:
            with any_database.sessions.begin() as session:
                if kind == "review":
                    reviews.take_back(session, inspection.id, said.id, "Ben")
                else:
                    dispositions.take_disposition_back(session, inspection.id, done.id, "Ben")
            outcomes.append((kind, "undone"))
        except Conflict:
            outcomes.append((kind, "too late"))

    threads = [
        threading.Thread(target=undo, args=(kind,)) for kind in ("review", "disposition") * 2
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == [
        ("disposition", "too late"),
        ("disposition", "undone"),
        ("review", "too late"),
        ("review", "undone"),
    ]
    with any_database.reads() as session:
        assert session.scalar(select(func.count()).select_from(Review)) == 2
        assert session.scalar(select(func.count()).select_from(Disposition)) == 2
