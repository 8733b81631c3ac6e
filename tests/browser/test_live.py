"""Screens follow the database without being reloaded, through whatever happens to the server."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from db.base import utc_now
from db.engine import Database
from db.events import Events
from db.models import Camera
from tests import factories
from tests.browser.server import KILLED, DashboardServer
from tests.servers import RedisServer, wait_until

pytestmark = pytest.mark.browser


@pytest.fixture
def camera(database: Database) -> Camera:
    """A camera of a line of its own, with one good part inspected a moment ago."""
    with database.sessions.begin() as session:
        camera = factories.make_camera(session, interval_s=600.0)
        factories.decide(session, camera, captured_at=utc_now())
        _ = camera.station.line.key
    return camera


def decide(database: Database, camera: Camera, verdict: str, detail: str) -> dict[str, object]:
    """Commit a result as a worker does, and hand back the event that it then publishes."""
    with database.sessions.begin() as session:
        here = session.get_one(Camera, camera.id)
        inspection = factories.decide(session, here, verdict, captured_at=utc_now(), detail=detail)
    return {
        "type": "inspection",
        "station_id": inspection.station_id,
        "inspection_id": inspection.id,
        "verdict": verdict,
        "captured_at": inspection.captured_at.isoformat(),
    }


def open_board(page: Page, server: DashboardServer, camera: Camera) -> None:
    page.goto(f"{server.url}/lines/{camera.station.line.key}")
    expect(page.locator("#live")).to_have_attribute("data-state", "on")


def test_a_verdict_shows_as_soon_as_it_is_told(
    new_page: Callable[..., Page],
    server: DashboardServer,
    database: Database,
    events: Events,
    camera: Camera,
) -> None:
    page = new_page()
    open_board(page, server, camera)
    expect(page.locator(".tile .banner")).to_contain_text("PASS")
    wait_until(
        lambda: events.publish(decide(database, camera, "fail", "crack 9.9 mm > 3.0 mm")),
        10,
        "Redis takes the event",
    )
    expect(page.locator(".tile .banner")).to_contain_text("FAIL")
    expect(page.locator(".tile .banner")).to_contain_text("crack 9.9 mm")
    expect(page.locator(".feed")).to_contain_text("crack 9.9 mm")
    expect(page.locator(".tile")).to_have_class("tile panel is-fail fresh")


def test_nothing_of_the_page_is_lost_while_it_follows(
    new_page: Callable[..., Page],
    server: DashboardServer,
    database: Database,
    events: Events,
    camera: Camera,
) -> None:
    with database.sessions.begin() as session:
        inspection = factories.decide(
            session, session.get_one(Camera, camera.id), "fail", captured_at=utc_now()
        )
        one = factories.make_discrepancy(session, inspection)
    page = new_page()
    page.goto(f"{server.url}/discrepancies?station={camera.station.key}")
    expect(page.locator("#live")).to_have_attribute("data-state", "on")
    page.locator("main summary").click()
    page.get_by_label("Note").fill("half a wo")
    with database.sessions.begin() as session:
        again = session.get_one(type(one), one.id)
        again.seen_count = 77
    event = {"type": "discrepancy", "station_id": one.station_id, "state": "open"}
    wait_until(lambda: events.publish(event), 10, "Redis takes the event")
    expect(page.locator("tbody")).to_contain_text("×77")
    expect(page.get_by_label("Note")).to_have_value("half a wo")
    expect(page.get_by_label("Note")).to_be_focused()


def test_a_tile_grows_old_by_itself(
    new_page: Callable[..., Page], server: DashboardServer, database: Database
) -> None:
    with database.sessions.begin() as session:
        camera = factories.make_camera(session, interval_s=1.0)
        # Two seconds are left until it counts as old, eleven until nothing is believed.
        factories.decide(session, camera, captured_at=utc_now() - timedelta(seconds=4))
        _ = camera.station.line.key
    page = new_page()
    open_board(page, server, camera)
    expect(page.locator(".tile .shot")).to_contain_text("old")
    expect(page.locator(".tile .banner")).to_contain_text("NO DATA", timeout=20_000)


@pytest.fixture
def own_server(data_dir: Path, shared_redis: RedisServer) -> Iterator[DashboardServer]:
    """A server that the test may kill."""
    server = DashboardServer(data_dir, shared_redis.url)
    server.start()
    yield server
    server.stop()


def test_a_lost_connection_is_said_and_the_page_catches_up(
    new_page: Callable[..., Page],
    own_server: DashboardServer,
    database: Database,
    camera: Camera,
) -> None:
    page = new_page(allowed=(KILLED,))
    open_board(page, own_server, camera)
    own_server.kill()
    bar = page.locator("#lost")
    expect(bar).to_be_visible()
    expect(bar).to_contain_text("Connection lost since ")
    # Nobody publishes this one: the page finds it because it reads everything again.
    decide(database, camera, "fail", "pit 8.8 mm > 1.0 mm")
    own_server.start()
    expect(bar).to_be_hidden()
    expect(page.locator(".tile .banner")).to_contain_text("pit 8.8 mm")


def test_an_action_without_a_server_says_that_it_was_not_done(
    new_page: Callable[..., Page],
    own_server: DashboardServer,
    database: Database,
    camera: Camera,
) -> None:
    with database.sessions.begin() as session:
        here = session.get_one(Camera, camera.id)
        factories.make_discrepancy(
            session, factories.decide(session, here, "fail", captured_at=utc_now())
        )
    page = new_page(allowed=(KILLED,))
    open_board(page, own_server, camera)
    own_server.kill()
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator("#toast")).to_contain_text("Not done")


@pytest.fixture
def server_without_redis(data_dir: Path) -> Iterator[DashboardServer]:
    server = DashboardServer(data_dir, "redis://127.0.0.1:1/0")
    server.start()
    yield server
    server.stop()


def test_without_redis_the_page_asks_by_itself(
    # First, so that it stops after the page is closed.
    server_without_redis: DashboardServer,
    new_page: Callable[..., Page],
    database: Database,
    camera: Camera,
) -> None:
    page = new_page()
    open_board(page, server_without_redis, camera)
    decide(database, camera, "warn", "stain 1.4 mm > 1.2 mm")
    expect(page.locator(".tile .banner")).to_contain_text("WARN")
