"""The review queue as an engineer works it off: by keys alone, and blind with somebody else."""

import os
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from sqlalchemy import delete, select

from db.engine import Database
from db.models import Acquisition, Inspection, Reading, Review, ReviewItem
from tests.browser.server import DashboardServer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SHOTS = os.environ.get("LINESIDE_SHOTS")


@pytest.fixture
def queued(database: Database) -> Iterator[list[int]]:
    """Inspections that passed and have images: three in the queue, one for two blind readers."""
    with database.sessions.begin() as session:
        found = session.scalars(
            select(Inspection)
            .join(Acquisition, Acquisition.id == Inspection.acquisition_id)
            .where(Inspection.verdict == "pass", Acquisition.image_key.is_not(None))
            .order_by(Inspection.id)
            .limit(4)
        ).all()
        for number, one in enumerate(found):
            blind = number == 3
            session.add(
                ReviewItem(
                    inspection_id=one.id,
                    station_id=one.station_id,
                    reason="random" if blind else "uncertain",
                    class_name="" if blind else "crack",
                    priority=0.9 - number / 10,
                    probability=0.1 if blind else None,
                    detail="" if blind else "score 0.52, kept from 0.50 on",
                    blind=blind,
                )
            )
        ids = [one.id for one in found]
    yield ids
    with database.sessions.begin() as session:
        session.execute(delete(Reading))
        session.execute(delete(ReviewItem))
        session.execute(delete(Review).where(Review.inspection_id.in_(ids)))


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def readable(page: Page) -> None:
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = Axe().run(page, options={"runOnly": rules}).response["violations"]
    assert not [(each["id"], each["nodes"][0]["html"][:200]) for each in found]


def states(database: Database) -> dict[int, str]:
    with database.reads() as session:
        return {row.inspection_id: row.state for row in session.scalars(select(ReviewItem))}


def test_the_queue_is_worked_off_by_keys(
    new_page: Callable[..., Page], server: DashboardServer, database: Database, queued: list[int]
) -> None:
    page = new_page(1280, 900, who="Emil Engineer")
    page.goto(f"{server.url}/lab/queue?reason=uncertain")
    expect(page.locator("#total")).to_contain_text("3 pictures")
    shot(page, "queue")
    readable(page)
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("[data-item].chosen")).to_have_attribute(
        "aria-label", f"Inspection {queued[1]}"
    )
    page.keyboard.press("s")
    expect(page.locator("#total")).to_contain_text("2 pictures")
    assert states(database)[queued[1]] == "skipped"
    page.keyboard.press("u")
    expect(page.locator("#total")).to_contain_text("3 pictures")
    assert states(database)[queued[1]] == "open"
    page.keyboard.press("j")
    page.keyboard.press("g")
    expect(page.locator("#total")).to_contain_text("2 pictures")
    assert states(database)[queued[0]] == "done"
    # It goes on with the next one. Bad, and it passed: what was missed has to be said first.
    page.keyboard.press("b")
    missed = page.locator("[data-item].chosen [data-missed]")
    expect(missed).to_be_focused()
    missed.select_option("crack")
    page.locator("[data-item].chosen [data-key=b]").click()
    expect(page.locator("#total")).to_contain_text("One picture")
    with database.reads() as session:
        said = session.scalars(select(Review).where(Review.inspection_id.in_(queued))).all()
    assert {(row.inspection_id, row.verdict, row.class_name) for row in said} == {
        (queued[0], "confirmed", ""),
        (queued[1], "missed", "crack"),
    }
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{server.url}/inspections/{queued[2]}")


def test_two_read_blind(
    new_page: Callable[..., Page], server: DashboardServer, database: Database, queued: list[int]
) -> None:
    for who in ("Emil Engineer", "Ada Admin"):
        page = new_page(1024, 768, who=who)
        page.goto(f"{server.url}/lab/queue/blind")
        expect(page.get_by_role("heading", name="Is the part good or bad?")).to_be_visible()
        assert page.locator("main .verdict, main .marks").count() == 0
        shot(page, "blind")
        readable(page)
        page.keyboard.press("g")
        expect(page.get_by_role("heading", name="Nothing waits for you")).to_be_visible()
    assert states(database)[queued[3]] == "done"
    expect(page.get_by_role("row", name="all 1 not known 2 not known")).to_be_visible()
