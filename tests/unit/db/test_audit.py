"""The audit log writes itself: what changed, by whom, in the same transaction, and no secret."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, event, select, update

from db import audit
from db.access import Access, Actor, ActorKind, acting
from db.base import utc_now
from db.engine import Database
from db.frames import StoredImage
from db.models import (
    ApiToken,
    AuditEntry,
    Calibration,
    Camera,
    CameraMinute,
    Line,
    Person,
    RoleGrant,
    Site,
    Station,
)
from db.queries import discrepancies, plant_edits, recipes
from db.queries.acquisitions import NewAcquisition, accept
from db.queries.camera_pages import saw_push, set_enabled
from db.queries.inserting import insert_rows
from inspection.recipe import Recipe
from tests import factories

IMAGE = StoredImage("ab/cd.jpg", "0" * 64, 1000)
ANNA = Actor(ActorKind.PERSON, 7, "Anna", "192.0.2.7")


def entries(database: Database) -> Sequence[AuditEntry]:
    with database.reads() as session:
        return session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()


@pytest.fixture
def anna() -> Iterator[None]:
    with acting(Access(ANNA, None)):
        yield


def test_a_change_is_told_by_who_what_and_how(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        station = factories.make_station(session, name="Oven")
        line = session.get_one(Line, station.line_id)
        station_id, line_id, site_id = station.id, line.id, line.site_id
    assert entries(any_database) == []  # nobody acted
    with acting(Access(ANNA, None)), any_database.sessions.begin() as session:
        plant_edits.edit_station(session, str(station_id), name="Press")
    (entry,) = entries(any_database)
    assert (entry.actor_kind, entry.actor_id, entry.actor_name) == ("person", 7, "Anna")
    assert (entry.address, entry.action) == ("192.0.2.7", "changed")
    assert (entry.object_kind, entry.object_id) == ("station", str(station_id))
    assert (entry.site_id, entry.line_id) == (site_id, line_id)
    assert (entry.before, entry.after) == ({"name": "Oven"}, {"name": "Press"})


@pytest.mark.usefixtures("anna")
def test_what_comes_and_goes_is_told_whole(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        site = factories.make_site(session, key="north", name="North")
        site_id = site.id
    with any_database.sessions.begin() as session:
        plant_edits.remove_site(session, "north")
    came, went = entries(any_database)
    whole = {"id": site_id, "key": "north", "name": "North", "timezone": "UTC"}
    assert (came.action, came.before, came.after) == ("created", None, whole)
    assert (went.action, went.before, went.after) == ("removed", whole, None)
    assert came.object_name == went.object_name == "north"


@pytest.mark.usefixtures("anna")
def test_what_is_secret_is_told_by_stars(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        camera = factories.make_camera(
            session,
            secret="c1pher",
            options={"password": "pa55", "loop": True},
            source="rtsp://a/b",
        )
        person = Person(name="b", shown_name="B", password_hash="$argon2id$x", grants=[])
        session.add(person)
        session.add(
            ApiToken(name="t", hash="0a" * 32, role="push", created_by="Anna", expires_at=utc_now())
        )
    with any_database.sessions.begin() as session:
        session.get_one(Camera, camera.id).secret = "0ther"
    told = entries(any_database)
    text = " ".join(f"{each.before} {each.after}" for each in told)
    assert not [word for word in ("c1pher", "pa55", "argon2id", "0a0a", "0ther") if word in text]
    last = told[-1]
    assert (last.before, last.after) == ({"secret": "***"}, {"secret": "***"})
    created = {each.object_kind: each.after or {} for each in told[:-1]}
    assert created["camera"]["options"] == {"password": "***", "loop": True}
    assert created["person"]["pin_hash"] is None  # there is none


@pytest.mark.usefixtures("anna")
def test_what_is_rolled_back_never_happened(any_database: Database) -> None:
    with any_database.sessions() as session:
        factories.make_site(session)
        session.rollback()
    with any_database.sessions.begin() as session:
        savepoint = session.begin_nested()
        factories.make_site(session, key="inside")
        savepoint.rollback()
        factories.make_site(session, key="outside")
    assert [each.object_name for each in entries(any_database)] == ["outside"]


@pytest.mark.usefixtures("anna")
def test_changes_and_removals_in_bulk_are_told_one_by_one(any_database: Database) -> None:
    with acting(Access(None, None)), any_database.sessions.begin() as session:
        station = factories.make_station(session)
        other = factories.make_station(session)
        session.add_all(Calibration(station_id=station.id, mm_per_px=n / 10) for n in (1, 2))
    with any_database.sessions.begin() as session:
        session.execute(update(Station).values(name="same"))
        session.execute(delete(Calibration).where(Calibration.station_id == station.id))
    told = [(each.action, each.object_kind, each.object_id) for each in entries(any_database)]
    assert told[:2] == [("changed", "station", str(one.id)) for one in (station, other)]
    assert [each[:2] for each in told[2:]] == [("removed", "calibration")] * 2
    assert entries(any_database)[0].after == {"name": "same"}


@pytest.mark.usefixtures("anna")
def test_many_rows_changed_by_their_keys_are_told_and_no_others(any_database: Database) -> None:
    with acting(Access(None, None)), any_database.sessions.begin() as session:
        first, second, third = (factories.make_site(session).id for _ in range(3))
    with any_database.sessions.begin() as session:
        changes = [{"id": first, "name": "A"}, {"id": third, "name": "C"}]
        session.execute(update(Site), changes)
    told = [(each.object_id, each.after) for each in entries(any_database)]
    assert told == [(str(first), {"name": "A"}), (str(third), {"name": "C"})]
    assert second


@pytest.mark.usefixtures("anna")
def test_an_old_value_that_was_not_read_is_told_too(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        site = factories.make_site(session, name="Old")
    with any_database.sessions.begin() as session:
        session.add(site)
        session.expire(site, ["name"])
        site.name = "New"
    assert entries(any_database)[-1].before == {"name": "Old"}


@pytest.mark.usefixtures("anna")
def test_an_orphan_is_told_as_removed(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        person = Person(name="c", shown_name="C", grants=[RoleGrant(role="admin")])
        session.add(person)
    with any_database.sessions.begin() as session:
        session.get_one(Person, person.id).grants = []
    last = entries(any_database)[-1]
    assert (last.action, last.object_kind) == ("removed", "role_grant")
    assert (last.before or {})["role"] == "admin"


@pytest.mark.usefixtures("anna")
def test_what_people_do_at_the_line_is_told(any_database: Database) -> None:
    with acting(Access(None, None)), any_database.sessions.begin() as session:
        found = factories.make_discrepancy(session)
        station = session.get_one(Station, found.station_id)
        recipe = factories.make_recipe_version(session)
    with any_database.sessions.begin() as session:
        discrepancies.resolve(session, found.id, "Anna", "glued")
    with any_database.sessions.begin() as session:
        recipes.activate(session, str(station.id), recipe.id)
    told = {(each.object_kind, each.action): each for each in entries(any_database)}
    closed = told["discrepancy", "changed"]
    assert (closed.before or {})["state"] == "open"
    assert (closed.after or {})["state"] == "resolved"
    assert closed.line_id == station.line_id
    assert (told["discrepancy_event", "created"].after or {})["note"] == "glued"
    assert (told["station", "changed"].after or {})["recipe_version_id"] == recipe.id
    assert ("recipe_version", "changed") in told  # the one before is retired, in bulk


@pytest.mark.usefixtures("anna")
def test_an_event_is_recorded_with_its_words(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        audit.record(session, "exported", kind="discrepancy", detail={"rows": 3, "api_token": "x"})
    (entry,) = entries(any_database)
    assert (entry.action, entry.after) == ("exported", {"rows": 3, "api_token": "***"})


def test_an_event_needs_somebody(any_database: Database) -> None:
    with any_database.sessions.begin() as session, pytest.raises(LookupError):
        audit.record(session, "signed in")
    with any_database.reads() as session, pytest.raises(ValueError, match="only reads"):
        audit.record(session, "signed in", actor=ANNA)
    with any_database.sessions.begin() as session:
        audit.record(session, "sign-in refused", actor=Actor(ActorKind.PERSON, None, "root"))
    assert entries(any_database)[0].actor_name == "root"


def statements_of_a_push(database: Database, station_id: int, access: Access | None) -> list[str]:
    """What one accepted frame sends to the database, and a batch beside it."""
    sent: list[str] = []

    def keep(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(statement)

    def push() -> None:
        with database.sessions.begin() as session:
            camera = session.scalars(select(Camera).where(Camera.station_id == station_id)).one()
            accept(
                session, [NewAcquisition(camera_id=camera.id, captured_at=utc_now(), image=IMAGE)]
            )
            saw_push(session, camera)
            minute = utc_now() + timedelta(hours=1 if access else 0)
            insert_rows(
                session,
                CameraMinute,
                [
                    {"camera_id": camera.id, "minute": minute, "reason": str(number), "count": 1}
                    for number in range(5)
                ],
            )

    event.listen(database.engine, "before_cursor_execute", keep)
    try:
        if access is None:
            push()
        else:
            with acting(access):
                push()
    finally:
        event.remove(database.engine, "before_cursor_execute", keep)
    return sent


def test_accepting_frames_pays_nothing(any_database: Database) -> None:
    """Neither a camera's own process nor one that pushes with a token sends one statement more."""
    with any_database.sessions.begin() as session:
        camera = factories.make_camera(session, kind="push")
        station_id = camera.station_id
    token = Actor(ActorKind.TOKEN, 1, "camera 1")
    with any_database.sessions.begin() as session:
        accept(session, [NewAcquisition(camera_id=camera.id, captured_at=utc_now(), image=IMAGE)])
    # The first push puts the camera online, which is said once.
    statements_of_a_push(any_database, station_id, None)
    without = statements_of_a_push(any_database, station_id, None)
    acted = statements_of_a_push(any_database, station_id, Access(token, None))
    assert acted == without
    assert entries(any_database) == []


@pytest.mark.usefixtures("anna")
def test_a_camera_that_is_switched_off_is_told_and_its_state_is_not(
    any_database: Database,
) -> None:
    with acting(Access(None, None)), any_database.sessions.begin() as session:
        camera = factories.make_camera(session)
    with any_database.sessions.begin() as session:
        set_enabled(session, camera.key, False)
    (entry,) = entries(any_database)
    assert (entry.before, entry.after) == ({"enabled": True}, {"enabled": False})


@pytest.mark.usefixtures("anna")
def test_a_draft_is_told_with_its_body(any_database: Database) -> None:
    recipe = Recipe.model_validate(factories.recipe_body())
    with any_database.sessions.begin() as session:
        recipes.draft(session, recipe)
    told = {each.object_kind: each for each in entries(any_database)}
    body = (told["recipe_version"].after or {})["body"]
    assert isinstance(body, dict)
    assert body["model"] == "surface-starter"
