"""A control chart by keyboard, and a shift report on paper."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from db.base import utc_now
from db.engine import Database
from tests import factories
from tests.browser.server import DashboardServer
from tests.drawn_quality import draw_history

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def worse(database: Database) -> str:
    """The key of a line that a recipe made worse; of its own, whatever else is drawn here."""
    with database.sessions.begin() as session:
        line = factories.make_line(session, key="line-worse", name="Worse")
        draw_history(session, line, utc_now(), days=1.5, key="station-worse")
    return "line-worse"


def test_from_a_signal_to_its_row_without_a_mouse(
    new_page: Callable[..., Page], server: DashboardServer, worse: str
) -> None:
    page = new_page()
    page.goto(f"{server.url}/quality/{worse}?range=week&by=hour&phases=0")
    signal = page.locator("svg.chart a:has(.dot.out)").first
    signal.focus()
    expect(signal).to_be_focused()
    name = signal.get_attribute("aria-label")
    assert name is not None
    assert name.startswith("Point ")
    page.keyboard.press("Enter")
    row = page.locator("tr.out:target")
    expect(row).to_be_visible()
    assert name.split(": ")[1] in row.inner_text()
    assert any(
        "coincides with recipe" in told for told in page.locator(".signals li").all_inner_texts()
    )


def test_another_range_is_one_choice_away(
    new_page: Callable[..., Page], server: DashboardServer, worse: str
) -> None:
    page = new_page()
    page.goto(f"{server.url}/quality/{worse}")
    page.locator("select[name=range]").select_option("week")
    page.wait_for_url("**range=week**")
    expect(page.locator(".changes .flag")).to_have_text("1")
    page.locator("select[name=chart]").select_option("defects")
    page.wait_for_url("**chart=defects**")
    expect(page.locator("#chart-title")).to_have_text("Defects per inspected image")


def test_a_report_prints_on_paper(
    new_page: Callable[..., Page], server: DashboardServer, worse: str
) -> None:
    page = new_page(700, 1000)
    page.goto(f"{server.url}/reports/{worse}?shift=*")
    expect(page.get_by_role("button", name="Print")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator("form.filters")).to_be_hidden()
    expect(page.locator("header.top")).to_be_hidden()
    expect(page.locator(".report h2").first).to_be_visible()
    wide = page.evaluate(
        "[...document.querySelectorAll('.report table')].every((t) => t.offsetWidth <= innerWidth)"
    )
    assert wide
    paper = page.pdf(prefer_css_page_size=True)
    assert paper.startswith(b"%PDF")
    # A4 in points, as @page asks.
    assert b"/MediaBox [0 0 594.95" in paper or b"/MediaBox [0 0 595" in paper
