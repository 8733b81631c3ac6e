"""What is done with the queue: confirmed, skipped, closed by labels, read blind, counted."""

from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import Session

from db.engine import Database
from db.errors import Conflict, Invalid, NotFound, WrongState
from db.models import Annotation, Inspection, LabelledImage, ReviewItem
from db.queries import review_blind, review_queue, review_rates, review_truth
from db.queries.review_queue import QueueFilter, Word
from db.queries.reviews import ReviewVerdict, reviews_of, say
from inspection.ranking import ReviewReason
from tests import factories
from tests.factories import Found

NOW = datetime(2026, 7, 2, 10, tzinfo=UTC)


def queue(
    session: Session,
    inspection: Inspection,
    reason: ReviewReason = ReviewReason.UNCERTAIN,
    **values: object,
) -> ReviewItem:
    item = ReviewItem(
        **{
            "inspection_id": inspection.id,
            "station_id": inspection.station_id,
            "reason": reason.value,
            "priority": 0.5,
            "probability": 0.5 if reason is ReviewReason.RANDOM else None,
        }
        | values
    )
    session.add(item)
    session.flush()
    return item


def said(session: Session, inspection: Inspection) -> list[tuple[str, str]]:
    rows = reviews_of(session, [inspection.id]).get(inspection.id, ())
    return [(row.verdict, row.class_name) for row in rows]


@pytest.fixture
def session(any_database: Database):  # type: ignore[no-untyped-def]
    with any_database.sessions.begin() as session:
        yield session


def test_an_inspection_comes_once_for_its_best_reason(session: Session) -> None:
    camera = factories.make_camera(session)
    one, other = (factories.decide(session, camera, "fail", found=[Found()]) for _ in range(2))
    queue(session, one, priority=0.4)
    best = queue(session, one, ReviewReason.FALSE_CALL, priority=0.9)
    second = queue(session, other, priority=0.6, class_name="crack")
    page = review_queue.list_items(session, QueueFilter())
    assert [row.id for row in page.rows] == [best.id, second.id]
    assert (page.total, page.next_offset) == (2, None)
    first = review_queue.list_items(session, QueueFilter(), limit=1)
    assert (len(first.rows), first.total, first.next_offset) == (1, 2, 1)
    assert review_queue.reasons_of(session, [one.id]) == {one.id: ["false_call", "uncertain"]}
    assert review_queue.count_by_reason(session, QueueFilter()) == {"false_call": 1, "uncertain": 2}
    assert review_queue.classes_in(session) == ["crack"]
    by_reason = QueueFilter(reason=ReviewReason.UNCERTAIN)
    assert review_queue.list_items(session, by_reason).total == 2
    by_class = QueueFilter(class_name="crack", station_id=camera.station_id)
    assert [row.id for row in review_queue.list_items(session, by_class).rows] == [second.id]


def test_labels_that_are_done_close_what_asked_for_them(session: Session) -> None:
    inspection = factories.decide(session, verdict="fail", found=[Found()])
    queue(session, inspection), queue(session, inspection, ReviewReason.FALSE_CALL)
    blind = queue(session, inspection, ReviewReason.RANDOM, blind=True)
    closed = review_queue.close_for_acquisition(session, inspection.acquisition_id, "Ada")
    assert closed == 2
    assert blind.state == "open"
    page = review_queue.list_items(session, QueueFilter(state="done"))
    assert [row.closed_by for row in page.rows] == ["Ada"]
    assert review_queue.close_for_acquisition(session, inspection.acquisition_id, "Ada") == 0
    assert review_queue.close_for_acquisition(session, 10**9, "Ada") == 0


def test_a_skip_is_taken_back(session: Session) -> None:
    item = queue(session, factories.decide(session))
    review_queue.skip(session, item.id, "Ada")
    assert (item.state, item.closed_by) == ("skipped", "Ada")
    with pytest.raises(WrongState):
        review_queue.skip(session, item.id, "Ada")
    review_queue.reopen(session, item.id)
    assert (item.state, item.closed_at, item.closed_by) == ("open", None, "")
    with pytest.raises(WrongState):
        review_queue.reopen(session, item.id)
    with pytest.raises(NotFound):
        review_queue.skip(session, 10**9, "Ada")


@pytest.mark.parametrize(
    ("verdict", "word", "class_name", "expected"),
    [
        ("pass", Word.GOOD, "", "confirmed"),
        ("pass", Word.BAD, "pit", "missed"),
        ("fail", Word.GOOD, "", "false_call"),
        ("warn", Word.GOOD, "", "false_call"),
        ("fail", Word.BAD, "", "confirmed"),
    ],
)
def test_good_or_bad_is_a_review_and_closes(
    session: Session, verdict: str, word: Word, class_name: str, expected: str
) -> None:
    inspection = factories.decide(session, verdict=verdict)
    item = queue(session, inspection)
    other = queue(session, inspection, ReviewReason.DRIFT)
    review_queue.confirm(session, item.id, word, "Ada", class_name=class_name)
    assert said(session, inspection) == [(expected, class_name)]
    assert {item.state, other.state} == {"done"}
    truth = review_truth.truths(session, [inspection.id])[inspection.id]
    assert truth.bad is (word is Word.BAD)


def test_what_was_missed_has_to_be_said_and_nothing_else(session: Session) -> None:
    passed, failed = factories.decide(session), factories.decide(session, verdict="fail")
    with pytest.raises(Invalid, match="the class of what was missed"):
        review_queue.confirm(session, queue(session, passed).id, Word.BAD, "Ada")
    with pytest.raises(Invalid, match="nothing was missed"):
        review_queue.confirm(session, queue(session, failed).id, Word.BAD, "Ada", class_name="pit")
    item = queue(session, passed, ReviewReason.DRIFT)
    assert review_queue.missable(session, [item]) == {item.id: ["crack"]}


def test_two_read_blind_and_what_they_do_not_agree_on_joins_the_queue(session: Session) -> None:
    camera = factories.make_camera(session)
    image = type("Image", (), {"key": "k", "sha256": "0" * 64})
    one, other = (factories.decide(session, camera, "fail", image=image) for _ in range(2))
    agreed = queue(session, one, ReviewReason.RANDOM, blind=True)
    disputed = queue(session, other, ReviewReason.RANDOM, blind=True)
    assert review_queue.list_items(session, QueueFilter()).total == 0
    with pytest.raises(WrongState):
        review_queue.confirm(session, agreed.id, Word.GOOD, "Ada")
    for by, words in (("Ada", (Word.BAD, Word.GOOD)), ("Ben", (Word.BAD, Word.BAD))):
        assert review_blind.waiting_for(session, by) == 2
        for item, word in zip((agreed, disputed), words, strict=True):
            waiting = review_blind.next_for(session, by)
            assert waiting is not None
            assert waiting.id == item.id
            review_blind.read(session, item.id, word, by)
            if by == "Ada":
                with pytest.raises(Conflict, match="has said"):
                    review_blind.read(session, item.id, word, by)
        assert review_blind.next_for(session, by) is None
    assert review_blind.next_for(session, "Cleo") is None
    with pytest.raises(WrongState):
        review_blind.read(session, disputed.id, Word.BAD, "Cleo")
    assert (agreed.state, disputed.state) == ("done", "open")
    page = review_queue.list_items(session, QueueFilter())
    assert [row.detail for row in page.rows] == ["two people do not agree"]
    known = review_truth.truths(session, [one.id, other.id])
    assert (known[one.id].bad, known[one.id].source) == (True, "readings")
    assert other.id not in known
    review_queue.confirm(session, disputed.id, Word.GOOD, "Ada")
    assert not review_truth.truths(session, [other.id])[other.id].bad
    everything = review_blind.agreement(session, camera.station_id)[0]
    assert (everything.between.things, everything.between.agreement) == (2, 0.5)
    # The model failed both: of four words three say so too.
    assert (everything.with_model.things, everything.with_model.agreement) == (4, 0.75)


def test_labels_that_are_done_are_judged_by_the_recipe_of_that_time(session: Session) -> None:
    body = factories.recipe_body(classes={"crack": {"limits": {"length_px": {"fail": 60}}}})
    station = factories.make_station(
        session, recipe=factories.make_recipe_version(session, body=body)
    )
    camera = factories.make_camera(session, station)
    drawn = {"short": 40, "long": 90, "nothing": 0, "draft": 90}
    inspections = {name: factories.decide(session, camera) for name in drawn}
    for name, length in drawn.items():
        inspection = inspections[name]
        image = LabelledImage(
            station_id=station.id,
            acquisition_id=inspection.acquisition_id,
            name=name,
            image_key=name,
            image_sha256=name.ljust(64, "0"),
            width_px=640,
            height_px=480,
            split_group=name,
            captured_at=NOW,
            state="draft" if name == "draft" else "done",
        )
        session.add(image)
        session.flush()
        if length:
            x1 = 100 + length
            session.add(
                Annotation(
                    image_id=image.id,
                    revision_from=1,
                    class_name="crack",
                    segmentation=[[100, 100, x1, 100, x1, 110, 100, 110]],
                    x0=100,
                    y0=100,
                    x1=x1,
                    y1=110,
                    area_px=length * 10,
                    origin="polygon",
                    author="Ada",
                )
            )
    session.flush()
    known = review_truth.truths(session, [each.id for each in inspections.values()])
    assert {name: known[each.id].bad for name, each in inspections.items() if each.id in known} == {
        "short": False,
        "long": True,
        "nothing": False,
    }
    say(session, inspections["long"].id, ReviewVerdict.CONFIRMED, "Ada")
    again = review_truth.truths(session, [inspections["long"].id])
    assert again[inspections["long"].id] == review_truth.Truth(False, "review")


def test_rates_weigh_each_of_the_sample_by_how_seldom_it_is_drawn(session: Session) -> None:
    camera = factories.make_camera(session)
    model = factories.make_model_version(session)

    def drawn(verdict: str, word: Word | None, probability: float) -> None:
        row = factories.decide(session, camera, verdict, captured_at=NOW, model_version_id=model.id)
        item = queue(session, row, ReviewReason.RANDOM, probability=probability)
        if word is not None:
            name = "pit" if (verdict, word) == ("pass", Word.BAD) else ""
            review_queue.confirm(session, item.id, word, "Ada", class_name=name)

    for _ in range(8):
        drawn("pass", Word.GOOD, 0.5)
    drawn("fail", Word.GOOD, 0.1)
    drawn("fail", Word.BAD, 0.5)
    drawn("pass", Word.BAD, 0.25)
    drawn("pass", None, 0.5)
    # Reported by somebody, and not drawn: it says nothing of the rates.
    queue(
        session, factories.decide(session, camera, "fail", captured_at=NOW), ReviewReason.FALSE_CALL
    )
    found = review_rates.rates(session, camera.station_id, since=NOW)
    assert (found.drawn, found.answered) == (12, 11)
    assert found.false_calls.share == pytest.approx(10 / (8 * 2 + 10))
    assert found.escapes.share == pytest.approx(4 / (4 + 2))
    assert found.escapes.low < 4 / 6 < found.escapes.high
    newer = factories.make_model_version(session)
    factories.decide(session, camera, captured_at=NOW, model_version_id=newer.id)
    assert review_rates.rates(session, camera.station_id, since=NOW).drawn == 0
    everything = review_rates.rates(session, camera.station_id, since=NOW, champion_only=False)
    assert everything.drawn == 12
