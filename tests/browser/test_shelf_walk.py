"""A store manager's round with a phone in one hand: the list, the walk, and what is taken back."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from db.base import utc_now
from db.engine import Database
from db.frames import FrameStore
from db.models import Discrepancy, Station
from tests.browser.server import DashboardServer
from tests.drawn_store import draw_store

pytestmark = pytest.mark.browser

PHONE = (390, 844)
SCREENS = {"phone": PHONE, "tablet": (1024, 768), "wall": (1920, 1080)}
THUMB_PX = 44
MOST_BYTES = 200_000
PAGES = (
    "/shelves/store-aisle-3",
    "/shelves/store-aisle-4",
    "/shelves/store-aisle-3/walk",
    "/shelves/store-aisle-3/history",
    "/stores/store-14",
)


@pytest.fixture(scope="module")
def drawn(database: Database, store: FrameStore) -> None:
    with database.sessions.begin() as session:
        draw_store(session, store, utc_now())


@pytest.fixture
def phone(
    new_page: Callable[..., Page], server: DashboardServer, drawn: None
) -> Callable[[str], Page]:
    def at(path: str, **options: Any) -> Page:
        page = new_page(*PHONE, who="Mika Manager", **options)
        page.goto(server.url + path)
        expect(page.locator("#live")).to_have_attribute("data-state", "on")
        return page

    return at


def thumb_sized(button: Locator) -> None:
    box = button.bounding_box()
    assert box is not None
    assert min(box["height"], box["width"]) >= THUMB_PX, box


def opened(database: Database, station_key: str) -> dict[str, int]:
    """The gaps of a bay that are open, by their places."""
    with database.reads() as session:
        rows = session.execute(
            select(Discrepancy.place, Discrepancy.id)
            .join(Station, Station.id == Discrepancy.station_id)
            .where(Station.key == station_key, Discrepancy.closed_at.is_(None))
        )
        return {row.place: row.id for row in rows}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it(
    phone: Callable[..., Page], server: DashboardServer, scheme: str
) -> None:
    page = phone(PAGES[0], scheme=scheme)
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    for path in PAGES:
        page.goto(server.url + path)
        for summary in page.locator(".buttons summary").all()[:2]:
            summary.click()
        found = Axe().run(page, options={"runOnly": rules})
        told = [
            f"{path}: {each['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:300]}"
            for each in found.response["violations"]
            for node in each["nodes"]
        ]
        assert not told, "\n".join(told)


@pytest.mark.parametrize("screen", SCREENS)
def test_nothing_sticks_out_and_the_pages_are_light(
    new_page: Callable[..., Page], server: DashboardServer, drawn: None, screen: str
) -> None:
    page = new_page(*SCREENS[screen])
    weights: list[int] = []

    def weigh(request: Any) -> None:
        if request.resource_type not in ("image", "eventsource"):
            weights.append(request.sizes()["responseBodySize"])

    page.on("requestfinished", weigh)
    for path in PAGES:
        weights.clear()
        page.goto(server.url + path)
        expect(page.locator("#live")).to_have_attribute("data-state", "on")
        too_wide = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert too_wide <= 0, f"{path} is {too_wide} px too wide"
        assert sum(weights) < MOST_BYTES, path


def test_a_manager_walks_the_list_and_closes_gaps(
    phone: Callable[..., Page], database: Database
) -> None:
    page = phone("/shelves/store-aisle-3")
    left = page.locator(".gap:not(.restocked):not(.unworkable)")
    count = left.count()
    assert count >= 4
    page.get_by_role("link", name="Walk the list").click()
    expect(page.locator(".progress")).to_contain_text(f"1 of {count} to fill")
    # The way begins at bay 2, whatever its gaps are worth.
    expect(page.locator(".where")).to_contain_text("Bay 2")
    expect(page.locator(".stop .crop")).to_be_visible()
    expect(page.locator(".stop .position.lit")).to_have_count(1)
    for name in ("Restocked", "Next"):
        thumb_sized(page.get_by_text(name, exact=True).locator("visible=true").first)
    first = page.locator(".stop h2").inner_text()

    page.get_by_role("button", name="Restocked", exact=True).click()
    expect(page.locator(".stop h2")).not_to_have_text(first)
    expect(page.locator(".deed")).to_contain_text(f"{first} restocked")

    page.get_by_role("button", name=re.compile("^Undo")).click()
    expect(page.locator(".progress")).to_contain_text(f"{count} to fill")
    expect(page.locator(".deed")).to_have_count(0)

    # The page that is loaded again stands before the same gap.
    page.get_by_role("link", name="Next").click()
    here = page.locator(".stop h2").inner_text()
    url = page.url
    assert "gap=" in url
    page.reload()
    expect(page.locator(".stop h2")).to_have_text(here)
    assert page.url == url

    page.locator("summary", has_text="Not workable").click()
    page.get_by_role("button", name="no stock in the back").click()
    expect(page.locator(".deed")).to_contain_text(f"{here} not workable")
    expect(page.locator(".stop h2")).not_to_have_text(here)
    page.get_by_role("link", name="all gaps").click()
    expect(page.locator(".gap.unworkable")).to_contain_text("no stock in the back")
    expect(left).to_have_count(count - 1)


def test_a_gap_is_snoozed_and_fetched_back(phone: Callable[..., Page]) -> None:
    page = phone("/shelves/store-aisle-4")
    gap = page.locator(".gap").first
    name = gap.locator(".product").inner_text()
    gap.locator("summary", has_text="More").click()
    gap.get_by_role("button", name="in an hour").click()
    expect(page.locator("#toast")).to_contain_text("Snoozed until")
    expect(page.locator(".gap")).to_have_count(0)
    expect(page.locator(".asleep summary")).to_contain_text("1 snoozed")
    expect(page.locator(".availability")).to_contain_text("to fill0")
    page.get_by_role("button", name=re.compile("^Undo")).click()
    expect(page.locator(".gap .product")).to_have_text([name])
    expect(page.locator(".asleep")).to_have_count(0)


def test_a_snoozed_gap_comes_back_by_itself(phone: Callable[..., Page], database: Database) -> None:
    (gap_id,) = opened(database, "store-bay-7").values()
    with database.sessions.begin() as session:
        gap = session.get_one(Discrepancy, gap_id)
        gap.snoozed_until, gap.snoozed_by = utc_now() + timedelta(seconds=4), "Max"
    page = phone("/shelves/store-aisle-4")
    expect(page.locator(".gap")).to_have_count(1, timeout=20_000)
    expect(page.locator(".asleep")).to_have_count(0)


def test_what_was_restocked_and_is_still_empty_is_said(
    phone: Callable[..., Page], database: Database
) -> None:
    page = phone("/shelves/store-aisle-4")
    page.get_by_role("button", name="Restocked", exact=True).click()
    expect(page.locator(".gap.restocked")).to_contain_text("waiting for the next scan")
    (gap_id,) = opened(database, "store-bay-7").values()
    with database.sessions.begin() as session:
        session.get_one(Discrepancy, gap_id).last_seen_at = utc_now() + timedelta(seconds=1)
    page.reload()
    expect(page.locator(".gap .still")).to_contain_text("still empty")
    # It is something to do again.
    expect(page.locator(".gap .rank")).to_have_text("1")
    expect(page.get_by_role("button", name="Restocked", exact=True)).to_be_visible()


def test_a_tapped_position_shows_its_gap_and_its_place_in_the_photo(
    phone: Callable[..., Page], database: Database
) -> None:
    page = phone("/shelves/store-aisle-3")
    place, gap_id = next(iter(opened(database, "store-bay-10").items()))
    page.locator(f'.planogram a[href="#gap-{gap_id}"]').click()
    row = page.locator(f"#gap-{gap_id}")
    expect(row).to_be_in_viewport()
    expect(row).to_have_class(re.compile(r"\blit\b"))
    expect(page.locator(".places .place.lit")).to_have_count(1)
    expect(page.locator(f'.position.lit[data-key="{place}"]')).to_have_count(1)
    photo = page.locator(".bay", has=page.locator(".place.lit")).locator(".photo img")
    frame, image = page.locator(".place.lit").bounding_box(), photo.bounding_box()
    assert frame is not None
    assert image is not None
    assert image["x"] - 3 <= frame["x"]
    assert frame["x"] + frame["width"] <= image["x"] + image["width"] + 3


def test_what_nobody_sees_is_not_drawn_as_empty(phone: Callable[..., Page]) -> None:
    page = phone("/shelves/store-aisle-4")
    unseen = page.locator(".position.is-unknown")
    expect(unseen).to_have_count(2)
    expect(unseen.first.locator(".said")).to_have_text("?")
    expect(page.locator(".availability")).to_contain_text("not seen")


def test_it_is_done_without_scripts_too(
    browser: Any,
    cookies: Callable[[str], Any],
    server: DashboardServer,
    drawn: None,
) -> None:
    context = browser.new_context(
        java_script_enabled=False,
        storage_state=cookies("Mika Manager"),
        viewport={"width": PHONE[0], "height": PHONE[1]},
    )
    try:
        page = context.new_page()
        page.goto(f"{server.url}/shelves/store-aisle-3?order=walk")
        count = page.locator(".gap:not(.restocked):not(.unworkable)").count()
        gap = page.locator(".gap:not(.restocked):not(.unworkable)").first
        gap.locator("summary", has_text="More").click()
        gap.get_by_role("button", name="False call").click()
        assert page.url.endswith("order=walk")
        expect(page.locator(".gap:not(.restocked):not(.unworkable)")).to_have_count(count - 1)
        page.get_by_role("button", name=re.compile("^Undo")).click()
        expect(page.locator(".gap:not(.restocked):not(.unworkable)")).to_have_count(count)
    finally:
        context.close()
