"""What can be pressed is large enough, pages fit where room is little, walls are for looking."""

import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from argon2 import PasswordHasher
from playwright.sync_api import Page, expect

from db.access import Role
from db.base import utc_now
from db.engine import Database
from db.events import Events
from db.models import Camera
from db.queries import people, sign_ins
from db.queries.people import Grant
from tests import factories
from tests.browser.server import DashboardServer
from tests.servers import wait_until

pytestmark = pytest.mark.browser

PAGES = (
    "/",
    "/lines/line-2",
    "/stations/station-a",
    "/shelves/aisle-3",
    "/shelves/aisle-3/walk",
    "/shelves/aisle-3/history",
    "/stores/north",
    "/discrepancies",
    "/discrepancies/1",
    "/inspections/1",
    "/alerts/rules/new",
    "/alerts/log",
    "/people/1",
    "/lab/stations",
)
# What is lower than `least` px and no link in a sentence: measured by where a tap would land, since
# a row of a list is its link's.
TOO_LOW = """least => {
  const low = [];
  const pressed = 'a[href], button, summary, select, input:not([type=hidden])';
  for (const each of document.querySelectorAll(pressed)) {
    if (!each.checkVisibility({ visibilityProperty: true })) continue;
    if (each.closest('.skip, svg, [tabindex="-1"], [type=checkbox], [type=radio]')) continue;
    const isWord = (node) => node.nodeType === 3 && node.textContent.trim().length > 2;
    const inline = getComputedStyle(each).display === 'inline';
    if (inline && [...each.parentNode.childNodes].some(isWord)) continue;
    each.scrollIntoView({ block: 'center', inline: 'center' });
    const box = each.getBoundingClientRect();
    const x = box.left + Math.min(box.width / 2, 20);
    const y = (box.top + box.bottom) / 2;
    const lands = (at) => {
      const on = document.elementFromPoint(x, at);
      return on && (each === on || each.contains(on));
    };
    let height = 0;
    for (const way of [-1, 1]) {
      for (let step = 0; step < 30 && lands(y + way * step); step += 1) height += 1;
    }
    height = Math.max(height, box.height);
    if (height < least - 1) low.push(`${height} ${each.outerHTML.slice(0, 100)}`);
  }
  return low;
}"""


@pytest.mark.parametrize(("width", "height", "least"), [(1280, 900, 24), (1024, 768, 44)])
def test_what_is_pressed_is_high_enough(
    new_page: Callable[..., Page], server: DashboardServer, width: int, height: int, least: int
) -> None:
    page = new_page(width, height)
    low: list[str] = []
    for path in PAGES:
        page.goto(server.url + path)
        low += [f"{path}: {each}" for each in page.evaluate(TOO_LOW, least)]
    assert not low, "\n".join(low)


def test_a_page_fits_320_px_as_at_four_times_its_size(
    new_page: Callable[..., Page], server: DashboardServer
) -> None:
    """WCAG 2.2, 1.4.10: 1280 px at 400 % are 320 px."""
    page = new_page(320, 256)
    too_wide = {}
    for path in (*PAGES, "/quality/line-2?range=day", "/reports/line-2?shift=*", "/account"):
        page.goto(server.url + path)
        more = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if more > 0:
            too_wide[path] = more
    assert not too_wide


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_head_of_a_board_is_one_row_on_a_tablet(
    new_page: Callable[..., Page], server: DashboardServer, language: str
) -> None:
    page = new_page(1024, 768, who="Olga Operator")
    page.context.add_cookies([{"name": "lineside_language", "value": language, "url": server.url}])
    for path in ("/lines/line-2", "/stations/station-a", "/shelves/aisle-3"):
        page.goto(server.url + path)
        box = page.locator("header.top").bounding_box()
        assert box is not None
        assert box["height"] <= 64, (path, box)


def test_a_wall_has_nothing_to_press_and_cuts_no_row_in_two(
    new_page: Callable[..., Page], server: DashboardServer
) -> None:
    page = new_page(1920, 1080)
    page.goto(f"{server.url}/lines/line-2")
    acknowledge = page.get_by_role("button", name="Acknowledge")
    report = page.get_by_role("link", name="Shift report")
    expect(acknowledge.first).to_be_visible()
    expect(report).to_be_visible()
    page.goto(f"{server.url}/lines/line-2?kiosk=1")
    expect(page.locator("html")).to_have_attribute("data-kiosk", "on")
    expect(report).to_be_hidden()
    for button in page.locator("button").all():
        expect(button).to_be_hidden()
    frame = page.locator(".feed").bounding_box()
    assert frame is not None
    rows = [row.bounding_box() for row in page.locator(".feed li").all()]
    cut = [
        row
        for row in rows
        if row is not None
        and row["x"] < frame["x"] + frame["width"]
        and row["y"] + row["height"] > frame["y"] + frame["height"]
    ]
    assert rows
    assert not cut


@pytest.fixture
def camera(database: Database) -> Camera:
    with database.sessions.begin() as session:
        camera = factories.make_camera(session, interval_s=600.0)
        factories.decide(session, camera, "fail", captured_at=utc_now() - timedelta(seconds=9))
        _ = camera.station.line.key
    return camera


def test_at_an_unnamed_screen_one_button_leads_to_deciding_and_back(
    new_page: Callable[..., Page], server: DashboardServer, database: Database, camera: Camera
) -> None:
    with database.sessions.begin() as session:
        _device, code = sign_ins.add_device(session, camera.station.line.key, "Tablet at the saw")
        person = people.create_person(session, "Pia Pinned", [Grant(Role.OPERATOR)])
        person.pin_hash = PasswordHasher().hash("280471")
    page = new_page(1024, 768, who=None)
    page.goto(f"{server.url}/pair")
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Pair").click()
    page.wait_for_url(re.compile("/lines/"))
    page.goto(f"{server.url}/stations/{camera.station.key}")
    expect(page.locator("[data-decision]")).to_have_count(0)
    page.get_by_role("link", name="Sign in with name and PIN to decide").click()
    page.get_by_label("Pia Pinned").check()
    page.get_by_label("PIN", exact=True).fill("280471")
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url(f"{server.url}/stations/{camera.station.key}")
    page.keyboard.press("c")
    expect(page.locator(".holds")).to_contain_text("Pia Pinned")


def test_what_opens_is_read_aloud_once(
    new_page: Callable[..., Page],
    server: DashboardServer,
    database: Database,
    events: Events,
    camera: Camera,
) -> None:
    page = new_page()
    page.goto(f"{server.url}/lines/{camera.station.line.key}")
    expect(page.locator("#live")).to_have_attribute("data-state", "on")
    page.evaluate(
        """() => { window.said = []; const box = document.getElementById('announce');
        new MutationObserver(() => { if (box.textContent) window.said.push(box.textContent); })
          .observe(box, { childList: true, characterData: true, subtree: true }); }"""
    )
    with database.sessions.begin() as session:
        inspection = factories.decide(session, session.get_one(Camera, camera.id), "fail")
        opened = [
            factories.make_discrepancy(session, inspection, place=place).id
            for place in ("left", "centre", "right")
        ]
        name = session.get_one(Camera, camera.id).station.name
    its = {"type": "discrepancy", "station_id": camera.station_id, "state": "open"}
    for number in opened:
        tell = partial(events.publish, {**its, "discrepancy_id": number})
        wait_until(tell, 10, "Redis takes the event")
    expect(page.locator(".discrepancies li")).to_have_count(3)
    wait_until(lambda: bool(page.evaluate("window.said.length")), 20, "the announcement")
    assert page.evaluate("window.said") == [f"{name}: A new discrepancy was opened."]
