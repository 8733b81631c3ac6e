"""What a person does at a screen: acknowledge, close, restock, walk, by mouse and by keyboard."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from db.base import utc_now
from db.engine import Database
from db.models import Discrepancy, DiscrepancyEvent
from tests import factories
from tests.browser.server import DashboardServer

pytestmark = pytest.mark.browser


@pytest.fixture
def opened(database: Database) -> Discrepancy:
    with database.sessions.begin() as session:
        camera = factories.make_camera(session, interval_s=600.0)
        inspection = factories.decide(session, camera, "fail", captured_at=utc_now())
        discrepancy = factories.make_discrepancy(session, inspection)
        discrepancy.line_key = camera.station.line.key  # type: ignore[attr-defined]
    return discrepancy


def test_acknowledging_by_keyboard_shows_on_every_screen(
    new_page: Callable[..., Page], server: DashboardServer, opened: Discrepancy
) -> None:
    url = f"{server.url}/lines/{opened.line_key}"  # type: ignore[attr-defined]
    wall, mine = new_page(1920, 1080), new_page()
    for page in (wall, mine):
        page.goto(url)
        expect(page.locator("#live")).to_have_attribute("data-state", "on")
    mine.get_by_role("button", name="Acknowledge").focus()
    mine.keyboard.press("Enter")
    expect(mine.locator("#toast")).to_contain_text("Acknowledged")
    for page in (mine, wall):
        expect(page.locator(".discrepancies li")).to_contain_text("acknowledged")


def test_a_false_call_is_closed_with_a_note(
    new_page: Callable[..., Page],
    server: DashboardServer,
    database: Database,
    opened: Discrepancy,
) -> None:
    page = new_page()
    page.goto(f"{server.url}/discrepancies/{opened.id}")
    page.get_by_label("Note").fill("a reflection")
    page.get_by_role("button", name="False call").click()
    expect(page.locator(".discrepancy .banner")).to_contain_text("false call")
    expect(page.locator(".history").first).to_contain_text("a reflection")
    with database.reads() as session:
        notes = session.scalars(
            select(DiscrepancyEvent.note).where(DiscrepancyEvent.discrepancy_id == opened.id)
        )
        assert "a reflection" in list(notes)


def test_without_scripts_forms_and_links_do_the_same(
    browser: "object",
    server: DashboardServer,
    opened: Discrepancy,
    cookies: Callable[[str], "object"],
) -> None:
    context = browser.new_context(  # type: ignore[attr-defined]
        java_script_enabled=False, storage_state=cookies("Olga Operator")
    )
    try:
        page = context.new_page()
        page.goto(f"{server.url}/lines/{opened.line_key}")  # type: ignore[attr-defined]
        page.get_by_role("button", name="Acknowledge").click()
        expect(page.locator(".discrepancies li")).to_contain_text("acknowledged")
        assert f"/lines/{opened.line_key}" in page.url  # type: ignore[attr-defined]
    finally:
        context.close()


def test_a_station_is_walked_by_keys(
    new_page: Callable[..., Page], server: DashboardServer
) -> None:
    page = new_page()
    page.goto(f"{server.url}/stations/station-a?only=deviating")
    current = page.locator(".strip ol a[aria-current]")
    newest = current.get_attribute("href")
    page.keyboard.press("ArrowLeft")
    expect(current).not_to_have_attribute("href", newest or "")
    expect(page).to_have_url(re.compile(r"inspection=\d+"))
    expect(page.locator(".banner")).to_contain_text("Back to live")
    page.keyboard.press("ArrowRight")
    expect(current).to_have_attribute("href", newest or "")
    page.keyboard.press("l")
    expect(page.locator(".banner")).not_to_contain_text("Back to live")


def test_masks_go_and_come_by_key_and_by_class(
    new_page: Callable[..., Page], server: DashboardServer
) -> None:
    page = new_page()
    page.goto(f"{server.url}/stations/station-a?only=deviating")
    page.keyboard.press("ArrowLeft")  # one that was chosen is shown as it was, however old
    expect(page.locator(".banner")).to_contain_text("Back to live")  # it is there
    mark = page.locator(".stage .mark").first
    expect(mark).to_be_visible()
    page.keyboard.press("m")
    expect(mark).to_be_hidden()
    page.keyboard.press("m")
    expect(mark).to_be_visible()
    name = mark.get_attribute("data-class")
    page.locator(f'[data-class-toggle="{name}"]').uncheck()
    expect(mark).to_be_hidden()


def test_the_image_is_zoomed_by_key_and_back(
    new_page: Callable[..., Page], server: DashboardServer
) -> None:
    page = new_page()
    page.goto(f"{server.url}/stations/station-a")
    stage = page.locator("[data-zoom]")
    page.keyboard.press("+")
    expect(stage).to_have_class(re.compile("zoomed"))
    page.keyboard.press("0")
    expect(stage).not_to_have_class(re.compile("zoomed"))


def test_a_gap_is_marked_restocked_on_a_phone(
    new_page: Callable[..., Page], server: DashboardServer
) -> None:
    page = new_page(390, 844)
    page.goto(f"{server.url}/shelves/aisle-3")
    gaps = page.locator(".gap")
    expect(gaps).to_have_count(3)
    first = gaps.first.locator(".product").inner_text()
    button = gaps.first.get_by_role("button", name="Restocked")
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 44, "too small for a thumb"
    button.click()
    expect(page.locator("#toast")).to_contain_text("next scans")
    done = page.locator(".gap.restocked")
    expect(done).to_contain_text("waiting for the next scan")
    expect(done).to_contain_text(first)
    # What is left to do comes first.
    expect(gaps.last).to_contain_text(first)


def test_light_and_dark_are_chosen_and_kept(
    new_page: Callable[..., Page], server: DashboardServer
) -> None:
    page = new_page()
    page.goto(f"{server.url}/")
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.keyboard.press("t")
    assert page.evaluate(colour) != light
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.evaluate(colour) != light


def test_a_station_is_opened_by_its_number(
    new_page: Callable[..., Page], server: DashboardServer
) -> None:
    page = new_page()
    page.goto(f"{server.url}/lines/line-2")
    page.keyboard.press("2")
    expect(page).to_have_url(re.compile("/stations/station-b$"))


def test_the_keys_are_listed(new_page: Callable[..., Page], server: DashboardServer) -> None:
    page = new_page()
    page.goto(f"{server.url}/stations/station-a")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("masks on or off")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
