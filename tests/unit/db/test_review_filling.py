"""The review queue fills itself beside the line, once, and in the order of what a label teaches."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from db.engine import Database
from db.errors import Invalid
from db.frames import open_store
from db.models import (
    MeasurementRow,
    RegisteredModel,
    ReviewDay,
    ReviewItem,
    Shadow,
    ShadowResult,
)
from db.queries import review_sampling, reviews
from db.queries.review_filling import fill, fill_step
from db.queries.review_sampling import Sampling
from db.queries.reviews import ReviewVerdict
from inspection.decode import encode_png
from inspection.drawing.surfaces import draw_surface
from inspection.ranking import ReviewReason as Why
from inspection.ranking import priority
from inspection.sampling import is_drawn
from services.review_filling import run_once
from tests import factories
from tests.factories import Found

NOW = datetime(2026, 7, 2, 10, tzinfo=UTC)


def items(database: Database, reason: Why | None = None) -> list[ReviewItem]:
    statement = select(ReviewItem).order_by(ReviewItem.priority.desc(), ReviewItem.id)
    with database.reads() as session:
        return [row for row in session.scalars(statement) if reason in (None, row.reason)]


def sample_none(database: Database, station_id: int) -> None:
    with database.sessions.begin() as session:
        review_sampling.set_sampling(session, station_id, Sampling(None, 0.0))


def test_what_people_report_is_queued_and_leaves_when_they_take_it_back(
    any_database: Database,
) -> None:
    with any_database.sessions.begin() as session:
        camera = factories.make_camera(session)
        failed = factories.decide(session, camera, "fail", found=[Found()])
        passed = factories.decide(session, camera, "pass")
        called = reviews.say(session, failed.id, ReviewVerdict.FALSE_CALL, "Ada", note="dust")
        reviews.say(session, passed.id, ReviewVerdict.MISSED, "Ben", class_name="pit")
    sample_none(any_database, camera.station_id)
    assert fill(any_database, lag_s=0) == 2
    missed, false_call = items(any_database)
    assert (missed.reason, missed.class_name, missed.priority) == ("missed", "pit", 1.0)
    assert (false_call.reason, false_call.detail) == ("false_call", "Ada: dust")
    with any_database.sessions.begin() as session:
        reviews.take_back(session, failed.id, called.review.id, "Ada")
    assert fill(any_database, lag_s=0) == 0
    assert [row.state for row in items(any_database)] == ["open", "withdrawn"]
    with any_database.sessions.begin() as session:
        reviews.say(session, failed.id, ReviewVerdict.FALSE_CALL, "Ada")
    assert fill(any_database, lag_s=0) == 0
    assert [row.state for row in items(any_database)] == ["open", "open"]


def test_what_is_near_a_threshold_or_a_limit_is_queued_the_nearest_first(
    any_database: Database,
) -> None:
    body = factories.recipe_body(
        classes={"crack": {"min_score": 0.5, "limits": {"length_mm": {"fail": 3.0}}}}
    )
    with any_database.sessions.begin() as session:
        recipe = factories.make_recipe_version(session, body=body)
        camera = factories.make_camera(session, factories.make_station(session, recipe=recipe))
        factories.decide(session, camera, "fail", found=[Found(score=0.95)])
        near = factories.decide(session, camera, "fail", found=[Found(score=0.52)])
        bands = factories.decide(
            session,
            camera,
            "warn",
            found=[Found(score=0.99, measurements=[("length", 2.95, "mm", None, 3.0)])],
        )
        for row in session.scalars(
            select(MeasurementRow).where(MeasurementRow.inspection_id == bands.id)
        ):
            row.uncertainty = 0.05  # the guard band is 1.65 · 0.05 mm = 0.083 mm
    sample_none(any_database, camera.station_id)
    fill(any_database, lag_s=0)
    found = items(any_database)
    assert [row.inspection_id for row in found] == [near.id, bands.id]
    assert found[0].detail == "score 0.52, kept from 0.50 on"
    assert found[0].priority == pytest.approx(priority(Why.UNCERTAIN, 0.9))
    assert found[1].detail == "length 2.95 mm, limit 3 mm"
    # The second of its kind is worth less by its novelty.
    assert found[1].priority == pytest.approx(priority(Why.UNCERTAIN, 1 - 0.05 / 0.165, 1))


def test_a_random_sample_is_the_same_whoever_fills_and_keeps_its_probability(
    any_database: Database,
) -> None:
    with any_database.sessions.begin() as session:
        camera = factories.make_camera(session)
        review_sampling.set_sampling(session, camera.station_id, Sampling(10, None, 0.5))
        for n in range(40):
            factories.decide(session, camera, captured_at=NOW - timedelta(days=1, seconds=n))
        today = [factories.decide(session, camera, captured_at=NOW) for _ in range(60)]
        ids = [row.id for row in today]
        left_out = factories.decide(session, camera, "not_inspected", captured_at=NOW)
    steps = 0
    while fill_step(any_database, "inspection", lag_s=0) is not None:
        # Two that fill in turns, and somebody who reads again what has been read.
        steps += 1
        assert steps < 10
    drawn = {row.inspection_id: row for row in items(any_database, Why.RANDOM)}
    # 10 a day of the 40 of the day before.
    assert {id_ for id_ in drawn if id_ in ids} == {id_ for id_ in ids if is_drawn(id_, 0.25)}
    assert {row.probability for id_, row in drawn.items() if id_ in ids} == {0.25}
    assert left_out.id not in drawn
    assert {row.blind for row in drawn.values()} == {True, False}
    with any_database.sessions.begin() as session:
        review_sampling.set_sampling(session, camera.station_id, Sampling(None, 1.0))
        late = factories.decide(session, camera, captured_at=NOW)
    fill(any_database, lag_s=0)
    # A day's probability holds for the whole day, whatever is chosen meanwhile.
    assert (late.id in {row.inspection_id for row in items(any_database)}) == is_drawn(
        late.id, 0.25
    )
    with any_database.reads() as session:
        assert session.get_one(ReviewDay, (camera.station_id, "2026-07-02")).probability == 0.25


def test_what_is_younger_than_the_lag_waits(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        camera = factories.make_camera(session)
        review_sampling.set_sampling(session, camera.station_id, Sampling(None, 1.0))
        factories.decide(session, camera)
    assert fill(any_database, lag_s=60) == 0
    assert fill(any_database, lag_s=0) == 1
    assert fill(any_database, lag_s=0) == 0


def test_who_finds_the_cursor_moved_writes_nothing(
    any_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from db.queries import review_filling

    with any_database.sessions.begin() as session:
        camera = factories.make_camera(session)
        review_sampling.set_sampling(session, camera.station_id, Sampling(None, 1.0))
        for _ in range(3):
            factories.decide(session, camera, captured_at=NOW)
    read = review_filling.SOURCES["inspection"]
    turns = iter([True])

    def overtaken(session, after, until):  # type: ignore[no-untyped-def]
        batch = read(session, after, until)
        if not batch.undrawn and next(turns, False):
            assert fill_step(any_database, "inspection", lag_s=0) == 3
        return batch

    sources = {**review_filling.SOURCES, "inspection": overtaken}
    monkeypatch.setattr(review_filling, "SOURCES", sources)
    assert fill_step(any_database, "inspection", lag_s=0) == 0
    assert len(items(any_database)) == 3


def test_disagreements_of_a_shadow_are_queued_once(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        camera = factories.make_camera(session)
        model = RegisteredModel(
            name="m", version="v", source="trained", manifest={}, card="", registered_by="x"
        )
        session.add(model)
        session.flush()
        shadow = Shadow(station_id=camera.station_id, model_id=model.id)
        session.add(shadow)
        session.flush()
        for champion, challenger, agreement in (
            ("pass", "fail", 0.0),
            ("fail", "fail", 0.3),
            ("pass", "pass", 1.0),
        ):
            inspection = factories.decide(session, camera, champion)
            session.add(
                ShadowResult(
                    shadow_id=shadow.id,
                    inspection_id=inspection.id,
                    captured_at=inspection.captured_at,
                    champion=champion,
                    challenger=challenger,
                    agreement=agreement,
                    findings=[{"class_name": "crack", "score": 0.7}],
                    engine_ms=1.0,
                )
            )
    sample_none(any_database, camera.station_id)
    fill(any_database, lag_s=0)
    fill(any_database, lag_s=0)
    first, second = items(any_database, Why.DISAGREEMENT)
    assert (first.detail, first.class_name) == ("champion pass, challenger fail", "crack")
    assert second.detail == "of the findings 30% agree"


def test_near_copies_are_thinned_but_never_a_random_sample(
    any_database: Database, tmp_path: Path
) -> None:
    import numpy as np

    store = open_store(str(tmp_path / "frames"), min_free_bytes=0)
    rng = np.random.default_rng(7)
    one, other = (draw_surface(rng, (320, 240), ["crack"]).image_rgb for _ in range(2))
    nearly = np.clip(one.astype(np.int16) + 6, 0, 255).astype(np.uint8)
    with any_database.sessions.begin() as session:
        camera = factories.make_camera(session)
        for rgb in (one, nearly, other):
            image = store.put(encode_png(rgb), "png")
            row = factories.decide(session, camera, "fail", found=[Found()], image=image)
            reviews.say(session, row.id, ReviewVerdict.FALSE_CALL, "Ada")
        review_sampling.set_sampling(session, camera.station_id, Sampling(None, 1.0, 0.0))
    filled = run_once(any_database, store, lag_s=0)
    assert (filled.added, filled.looked_at, filled.copies) == (6, 6, 1)
    calls = sorted(items(any_database, Why.FALSE_CALL), key=lambda row: row.inspection_id)
    assert [row.state for row in calls] == ["open", "duplicate", "open"]
    assert calls[1].duplicate_of_id is not None
    assert {row.state for row in items(any_database, Why.RANDOM)} == {"open"}
    assert run_once(any_database, store, lag_s=0).looked_at == 0


@pytest.mark.parametrize(
    "wrong",
    [
        Sampling(None, None),
        Sampling(5, 0.1),
        Sampling(-1, None),
        Sampling(float("nan"), None),
        Sampling(None, 1.5),
        Sampling(5, None, 2.0),
    ],
)
def test_a_sampling_that_is_none_is_refused(any_database: Database, wrong: Sampling) -> None:
    with any_database.sessions.begin() as session:
        station = factories.make_station(session)
        with pytest.raises(Invalid, match="expected"):
            review_sampling.set_sampling(session, station.id, wrong)
