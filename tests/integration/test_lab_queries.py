"""What the lab reads and writes, on both databases."""

from datetime import timedelta

import pytest

from db.access import Access, acting
from db.base import utc_now
from db.engine import Database
from db.models import Station
from db.queries import (
    camera_shots,
    lab_health,
    lab_places,
    recipe_drafts,
    recipes,
    stations,
    stored_results,
)
from db.queries.camera_states import write_state
from db.queries.recipe_drafts import DraftedMeanwhile
from inspection.recipe import Recipe
from inspection.verdicts import CameraState
from tests import factories
from tests.factories import Found

BODY = {"name": "tile", "model": "surface-starter", "classes": {"crack": {}}}


def recipe(**values: object) -> Recipe:
    return Recipe.model_validate(BODY | values)


def test_the_second_of_two_drafts_from_one_version_is_refused(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        first, _ = recipe_drafts.save_draft(session, recipe(), None)
    with any_database.sessions.begin() as session:
        second, is_new = recipe_drafts.save_draft(session, recipe(description="a"), first.id)
        assert is_new
    with pytest.raises(DraftedMeanwhile) as told, any_database.sessions.begin() as session:
        recipe_drafts.save_draft(session, recipe(description="b"), first.id)
    assert told.value.newest.id == second.id
    assert told.value.newest.body["description"] == "a"
    with any_database.reads() as session:
        assert [each.version for each in recipe_drafts.versions_of(session, "tile")] == [2, 1]


def test_the_way_back_is_what_was_active_here_before(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        line = factories.make_line(session)
        station = stations.create_station(session, line.key, "s", "S")
        ids = [recipes.draft(session, recipe(description=text))[0].id for text in "abc"]
        assert recipe_drafts.version_before(session, station) is None
        for version_id in (*ids, ids[2]):  # activating it twice is activating it once
            recipes.activate(session, "s", version_id)
    with any_database.reads() as session:
        station = stations.get_station(session, "s")
        before = recipe_drafts.version_before(session, station)
        assert before is not None
        assert before.id == ids[1]
        done = recipe_drafts.activations(session, station.id)
        assert [each.recipe_version_id for each in done] == ids[::-1]
        (listed,) = recipe_drafts.list_with_use(session)
        assert [(at.key, number) for at, number in listed.active_at] == [("s", 3)]


def test_before_activations_were_written_down_the_last_active_version_is_the_way_back(
    any_database: Database,
) -> None:
    with any_database.sessions.begin() as session:
        old = factories.make_recipe_version(session, state="retired")
        now = factories.make_recipe_version(session)
        now.recipe_id, now.version = old.recipe_id, 2
        station = factories.make_station(session, recipe=now)
        before = recipe_drafts.version_before(session, station)
        assert before is not None
        assert before.id == old.id


def test_a_shot_is_taken_once_and_answered_once(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        camera = factories.make_camera(session, kind="file", source="/x")
        shot_id = camera_shots.ask_for_shot(session, camera, "Ada").id
        assert camera_shots.ask_for_shot(session, camera, "Bob").id == shot_id
        assert camera_shots.any_asked(session)
    with any_database.sessions.begin() as session:
        (order,) = camera_shots.take_orders(session)
        assert (order.shot_id, order.kind, order.source) == (shot_id, "file", "/x")
    with any_database.sessions.begin() as session:
        assert camera_shots.take_orders(session) == []
        assert not camera_shots.any_asked(session)
        assert camera_shots.answer_shot(session, shot_id, reason="x" * 1000)
        assert not camera_shots.answer_shot(session, shot_id, reason="again")


def test_old_shots_go_and_the_newest_ten_stay(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        camera = factories.make_camera(session, kind="file")
        for _ in range(14):
            shot = camera_shots.ask_for_shot(session, camera, "Ada")
            camera_shots.answer_shot(session, shot.id, reason="none")
            session.expire_all()
        kept = [s for n in range(shot.id + 1) if (s := session.get(type(shot), n)) is not None]
    assert len(kept) <= 11
    assert kept[-1].id == shot.id


def test_stored_results_are_of_images_that_are_there(any_database: Database) -> None:
    class Image:
        key, sha256 = "ab/" + "ab" * 32 + ".jpg", "ab" * 32

    with any_database.sessions.begin() as session:
        camera = factories.make_camera(session)
        wanted = factories.decide(session, camera, "fail", found=[Found()], image=Image)
        factories.decide(session, camera, "fail", found=[Found()])  # its image was purged
        factories.decide(session, camera, "not_inspected", image=Image)
        station_id = camera.station_id
    with any_database.reads() as session:
        (tried,) = stored_results.newest_stored(session, station_id)
    assert tried.inspection_id == wanted.id
    (finding,) = tried.result.findings
    assert [(each.name, each.value) for each in finding.measurements] == [("length", 4.8)]


def test_health_counts_by_station_and_finds_what_failed(any_database: Database) -> None:
    now = utc_now()
    with any_database.sessions.begin() as session:
        camera = factories.make_camera(session, heartbeat_at=now)
        for number in range(4):
            inspection = factories.decide(session, camera, captured_at=now)
            inspection.acquisition.received_at = inspection.created_at - timedelta(
                seconds=number + 1
            )
        factories.make_acquisition(session, camera, state="waiting")
        factories.make_acquisition(session, camera, state="claimed")
        failed = factories.decide(
            session, camera, "not_inspected", captured_at=now, reason="failed", detail="boom"
        )
        elsewhere = factories.make_camera(session)
        line_id = elsewhere.station.line_id
    with any_database.reads() as session:
        of = {each.key: each for each in lab_health.station_health(session, now)}
        here = of[camera.station.key]
        assert (here.waiting, here.in_flight, here.inspected) == (1, 1, 5)
        assert here.p50_s == pytest.approx(2.0, abs=1.1)
        assert here.p95_s == pytest.approx(4.0, abs=0.01)
        assert of[elsewhere.station.key].p50_s is None
        (letter,) = lab_health.failed_frames(session, now)
        assert (letter.inspection_id, letter.detail) == (failed.id, "boom")
        assert lab_health.newest_beat(session) == now
        assert len(lab_places.cameras_with_places(session)) == 2
        assert len(lab_places.sites_with_lines(session)) == 2
    with acting(Access(None, frozenset({line_id}))), any_database.reads() as session:
        (only,) = lab_health.station_health(session, now)
        assert (only.key, only.waiting) == (elsewhere.station.key, 0)
        assert lab_health.failed_frames(session, now) == []
        assert [c.id for c in lab_places.cameras_with_places(session)] == [elsewhere.id]
        assert session.get(Station, camera.station_id) is None


def test_the_states_of_a_camera_are_remembered_and_the_oldest_go(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        camera = factories.make_camera(session, state="offline", state_reason="not started yet")
        now = utc_now()
        for state, reason in (
            (CameraState.ONLINE, "frames arrive"),
            (CameraState.ONLINE, "frames arrive"),  # no news
            (CameraState.OFFLINE, "lost rtsp://u:s3cret@host/x"),
        ):
            write_state(session, camera.id, state, reason, now)
        told = [(each.state, each.reason) for each in lab_places.newest_states(session, camera.id)]
        assert told == [("offline", "lost rtsp://***@host/x"), ("online", "frames arrive")]
        for number in range(320):
            write_state(session, camera.id, CameraState.DEGRADED, f"reason {number}", now)
        kept = lab_places.newest_states(session, camera.id, limit=1000)
        assert kept[0].reason == "reason 319"
        assert 300 <= len(kept) <= 301
