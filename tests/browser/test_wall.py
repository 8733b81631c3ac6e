"""A board on a wall: full screen, awake, heard if wanted, on to the next line, back by itself."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from db.base import utc_now
from db.engine import Database
from db.events import Events
from db.models import Camera
from tests import factories
from tests.browser.server import KILLED, DashboardServer
from tests.browser.test_live import decide
from tests.servers import RedisServer, wait_until

pytestmark = pytest.mark.browser

# Counts the notes that the page plays; they are played all the same.
COUNT_NOTES = """
window.notes = 0;
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...at) {
  window.notes += 1;
  window.notedAt = performance.now();
  return start.apply(this, at);
};
"""


@pytest.fixture
def camera(database: Database) -> Camera:
    with database.sessions.begin() as session:
        camera = factories.make_camera(session, interval_s=600.0)
        inspection = factories.decide(session, camera, "fail", captured_at=utc_now())
        factories.make_discrepancy(session, inspection)
        _ = camera.station.line.key
    return camera


def live(page: Page) -> None:
    expect(page.locator("#live")).to_have_attribute("data-state", "on")


def heard(page: Page, notes: int) -> None:
    """Wait until so many notes were played, and until the pause after a tone is over."""
    wait_until(lambda: bool(page.evaluate(f"window.notes === {notes}")), 20, f"{notes} notes")
    over = "performance.now() - window.notedAt > 2100"
    wait_until(lambda: bool(page.evaluate(over)), 20, "the pause after a tone")


def test_full_screen_by_key_hides_everything_but_the_line(
    new_page: Callable[..., Page], server: DashboardServer
) -> None:
    page = new_page(1920, 1080)
    page.goto(f"{server.url}/lines/line-2")
    live(page)
    chrome = page.locator(".top .links, .who, [data-keys-open]")
    expect(chrome.first).to_be_visible()
    page.keyboard.press("k")
    expect(page.locator("html")).to_have_attribute("data-kiosk", "on")
    for part in chrome.all():
        expect(part).to_be_hidden()
    for part in (".crumbs h1", ".clock", "#live", ".tile >> nth=0"):
        expect(page.locator(part)).to_be_visible()
    assert page.evaluate("document.fullscreenElement === document.documentElement")
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    # Opened again, as after a power cut, it is a wall again; without a key it stays in its window.
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-kiosk", "on")
    page.keyboard.press("k")
    expect(page.locator("html")).not_to_have_attribute("data-kiosk", "on")
    expect(page).to_have_url(f"{server.url}/lines/line-2")
    expect(chrome.first).to_be_visible()


def test_the_screen_is_kept_awake_where_the_browser_can(
    new_page: Callable[..., Page], server: DashboardServer
) -> None:
    page = new_page(1920, 1080)
    page.goto(f"{server.url}/lines/line-2")
    live(page)
    page.get_by_role("button", name="Full screen for a wall").click()
    expect(page.locator("#toast")).to_have_text(
        re.compile("The screen stays on|cannot keep the screen on")
    )


def test_a_tone_for_a_new_fail_once_somebody_wanted_it(
    new_page: Callable[..., Page],
    server: DashboardServer,
    database: Database,
    events: Events,
    camera: Camera,
) -> None:
    page = new_page()
    page.add_init_script(COUNT_NOTES)
    page.goto(f"{server.url}/lines/{camera.station.line.key}")
    live(page)

    def fail(detail: str) -> None:
        event = decide(database, camera, "fail", detail)
        wait_until(lambda: events.publish(event), 10, "Redis takes the event")
        expect(page.locator(".feed")).to_contain_text(detail)

    fail("crack 5.1 mm")
    assert page.evaluate("window.notes") == 0, "a sound that nobody wanted"
    button = page.get_by_role("button", name="Sound on a new fail")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(button).to_have_attribute("data-silent", "false")
    heard(page, 2)  # so that one hears what it will be
    fail("crack 5.2 mm")
    heard(page, 4)
    # What passes makes no sound, and the choice is kept on this device.
    event = decide(database, camera, "pass", "")
    wait_until(lambda: events.publish(event), 10, "Redis takes the event")
    expect(page.locator(".tile .banner")).to_contain_text("PASS")
    assert page.evaluate("window.notes") == 4
    page.reload()
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")


def test_lines_take_turns_where_that_was_asked(
    new_page: Callable[..., Page], server: DashboardServer, database: Database
) -> None:
    with database.sessions.begin() as session:
        site = factories.make_site(session)
        for key in ("turn-1", "turn-2"):
            line = factories.make_line(session, site, key=key, name=f"Turn {key[-1]}")
            factories.decide(
                session,
                factories.make_camera(session, factories.make_station(session, line)),
                captured_at=utc_now(),
            )
    page = new_page(1920, 1080)
    page.goto(f"{server.url}/lines/turn-1?cycle=5")
    expect(page.locator("html")).to_have_attribute("data-kiosk", "on")
    live(page)
    expect(page.locator(".crumbs h1")).to_have_text("Turn 2", timeout=15_000)
    live(page)  # to the other line's events now
    assert "/lines/turn-2" in page.url
    assert page.locator("body").get_attribute("data-events") != ""
    expect(page).to_have_title(re.compile("Turn 2"))


@pytest.fixture
def own_server(data_dir: Path, shared_redis: RedisServer) -> Iterator[DashboardServer]:
    """A server that the test may kill."""
    server = DashboardServer(data_dir, shared_redis.url)
    server.start()
    yield server
    server.stop()


def test_a_wall_finds_back_after_the_server_was_away(
    new_page: Callable[..., Page],
    own_server: DashboardServer,
    database: Database,
    camera: Camera,
) -> None:
    page = new_page(1920, 1080, allowed=(KILLED,))
    page.goto(f"{own_server.url}/lines/{camera.station.line.key}?kiosk=1")
    live(page)
    own_server.kill()
    expect(page.locator("#lost")).to_be_visible()
    decide(database, camera, "fail", "pit 7.7 mm > 1.0 mm")
    own_server.start()
    expect(page.locator("#lost")).to_be_hidden()
    expect(page.locator(".tile .banner")).to_contain_text("pit 7.7 mm")
    expect(page.locator("html")).to_have_attribute("data-kiosk", "on")


def test_the_oldest_discrepancy_is_acknowledged_by_key(
    new_page: Callable[..., Page], server: DashboardServer, camera: Camera
) -> None:
    page = new_page()
    page.goto(f"{server.url}/lines/{camera.station.line.key}")
    live(page)
    page.keyboard.press("a")
    expect(page.locator("#toast")).to_contain_text("Acknowledged")
    expect(page.locator(".discrepancies li")).to_contain_text("acknowledged")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_a_wall_and_an_open_choice(
    new_page: Callable[..., Page], server: DashboardServer, scheme: str
) -> None:
    page = new_page(1920, 1080, scheme=scheme)
    for path, key in (("/lines/line-2", "k"), ("/stations/station-a", "d")):
        page.goto(server.url + path)
        live(page)
        page.keyboard.press(key)
        found = Axe().run(page)
        told = [
            f"{path} {each['id']}: {each['nodes'][0]['html'][:160]}"
            for each in found.response["violations"]
        ]
        assert not told, "\n".join(told)
