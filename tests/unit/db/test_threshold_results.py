"""What the threshold studio counts from, and the draft that it saves."""

from datetime import UTC, datetime, time, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.orm import Session

from db.engine import Database
from db.errors import Invalid, NotFound
from db.models import Camera, Inspection, ReviewItem, Station
from db.queries import recipe_drafts, recipes, reviews, threshold_results
from db.queries.recipe_drafts import DraftedMeanwhile
from db.queries.reviews import ReviewVerdict
from inspection.recipe import Recipe
from inspection.threshold_curves import Bounds, ClassSetting, compare
from tests import factories
from tests.factories import Found

NOW = datetime(2026, 7, 2, 10, 30, tzinfo=UTC)
IMAGE = SimpleNamespace(key="k", sha256="0" * 64)
LENGTH = (("length", 80.0, "px", None, 60.0),)


def body(**crack: Any) -> dict[str, Any]:
    rule = {"min_score": 0.5, "limits": {"length_px": {"fail": 60.0}}} | crack
    return {"name": "studio", "model": "m", "classes": {"crack": rule}}


def activate(session: Session, station: Station, **crack: Any) -> int:
    version, _new = recipes.draft(session, Recipe.model_validate(body(**crack)))
    recipes.activate(session, str(station.id), version.id)
    return version.id


def cracked(session: Session, camera: Camera, score: float, minutes: int = 0) -> Inspection:
    return factories.decide(
        session,
        camera,
        "fail",
        found=[Found(score=score, measurements=LENGTH)],
        image=IMAGE,
        captured_at=NOW + timedelta(minutes=minutes),
    )


@pytest.fixture
def session(any_database: Database):  # type: ignore[no-untyped-def]
    with any_database.sessions.begin() as session:
        yield session


@pytest.fixture
def station(session: Session) -> Station:
    station = factories.make_station(session)
    factories.make_shift(session, station.line.site, starts_at=time(22), ends_at=time(6))
    factories.make_shift(session, station.line.site, starts_at=time(6), ends_at=time(18))
    activate(session, station)
    return station


def test_fewer_false_calls_and_one_more_escape_a_shift(session: Session, station: Station) -> None:
    camera = factories.make_camera(session, station)
    good = [cracked(session, camera, 0.55, n) for n in range(3)]
    bad = cracked(session, camera, 0.6, 40)
    cracked(session, camera, 0.9)
    for each in good:
        reviews.say(session, each.id, ReviewVerdict.FALSE_CALL, "Ada")
    reviews.say(session, bad.id, ReviewVerdict.CONFIRMED, "Ada")
    session.add(
        ReviewItem(
            inspection_id=bad.id,
            station_id=station.id,
            reason="random",
            priority=0.5,
            probability=0.25,
        )
    )
    session.flush()
    studio = threshold_results.load(session, station)
    assert (len(studio.results), studio.left_out, studio.said, studio.sampled) == (5, 0, 4, 1)
    assert [each.weight for each in studio.results if each.weight] == [4.0]
    # Shifts of 8 h and 12 h; the results came in two of the clock's hours.
    assert (studio.shift_h, studio.hours, studio.per_shift) == (10.0, 2, 5.0)
    assert studio.floors == {"crack": 0.5}
    after = {"crack": ClassSetting(0.62, studio.settings["crack"].limits)}
    found = compare(studio.results, studio.settings, after, studio.recipe.decision.guard_k)
    assert (found.false_calls.value, found.escapes.value) == (-3, 1)


def test_results_of_another_threshold_count_only_where_they_tell(
    session: Session, station: Station
) -> None:
    camera = factories.make_camera(session, station)
    model = factories.make_model_version(
        session, manifest={"thresholds": {"crack": {"score": 0.35}}}
    )
    activate(session, station, min_score=0.7)
    strict = factories.decide(session, camera, "pass", image=IMAGE)
    activate(session, station, min_score=0.4)
    lax = cracked(session, camera, 0.45)
    lax.model_version_id = model.id
    session.flush()
    studio = threshold_results.load(session, station)
    # What scored 0.4 to 0.7 was not stored then.
    assert strict.id != lax.id
    assert (len(studio.results), studio.left_out, studio.reasons) == (1, 1, ["scores"])
    assert studio.floors == {"crack": 0.4}


def test_a_draft_is_the_active_version_with_other_thresholds(
    session: Session, station: Station
) -> None:
    studio = threshold_results.load(session, station)
    after = {"crack": ClassSetting(0.62, {"length_px": Bounds(50.0, 70.0)})}
    version, new = threshold_results.save(session, studio, after, studio.version.id)
    assert new
    assert (version.state, version.version) == ("draft", 2)
    saved = Recipe.model_validate(version.body)
    assert saved.classes["crack"].min_score == 0.62
    limit = saved.classes["crack"].limits["length_px"]
    assert (limit.warn, limit.fail) == (50.0, 70.0)
    assert station.recipe_version_id == studio.version.id
    with pytest.raises(DraftedMeanwhile):
        threshold_results.save(session, studio, studio.settings, studio.version.id)


def test_unchanged_settings_are_the_version_itself(session: Session, station: Station) -> None:
    activate(session, station, min_score=None)
    studio = threshold_results.load(session, station)
    newest = recipe_drafts.newest_version(session, studio.version.recipe_id)
    assert newest is not None
    version, new = threshold_results.save(session, studio, studio.settings, newest.id)
    assert not new
    assert version.id == studio.version.id


def test_what_has_no_thresholds_is_told(session: Session, station: Station) -> None:
    with pytest.raises(Invalid, match="1 to 1000"):
        threshold_results.load(session, station, last=0)
    bare = factories.make_station(session, recipe_version_id=None)
    with pytest.raises(NotFound):
        threshold_results.load(session, bare)
    shelf = body() | {"positions": [{"name": "p", "product": "cola", "box": [0.1, 0.1, 0.2, 0.2]}]}
    shelves = factories.make_station(
        session, recipe=factories.make_recipe_version(session, body=shelf)
    )
    with pytest.raises(Invalid, match="not a shelf"):
        threshold_results.load(session, shelves)
