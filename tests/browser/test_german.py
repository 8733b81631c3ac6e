"""The pages in German, whose words are longer than the English ones the pages were drawn with."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from dashboards.language import COOKIE
from tests.browser.server import DashboardServer

pytestmark = pytest.mark.browser

SCREENS = {"wall": (1920, 1080), "tablet": (1024, 768), "phone": (390, 844)}
PAGES = ("/lines/line-2", "/stations/station-a", "/shelves/aisle-3", "/people/1")
# Words of buttons and names of figures that stand on two lines, though they are one word.
BROKEN = """() => {
  const broken = [];
  for (const element of document.querySelectorAll("button, a.button, dt, thead th")) {
    if (!element.checkVisibility()) continue;
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      for (const found of walker.currentNode.data.matchAll(/[\\p{L}]+/gu)) {
        const range = document.createRange();
        range.setStart(walker.currentNode, found.index);
        range.setEnd(walker.currentNode, found.index + found[0].length);
        const tops = new Set([...range.getClientRects()].map((box) => Math.round(box.top)));
        if (tops.size > 1) broken.push(found[0]);
      }
    }
  }
  return broken;
}"""
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def _open(page: Page, server: DashboardServer, path: str) -> None:
    page.context.add_cookies([{"name": COOKIE, "value": "de", "url": server.url}])
    page.goto(server.url + path)
    expect(page.locator("html")).to_have_attribute("lang", "de")


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("path", PAGES)
def test_nothing_sticks_out_and_no_word_is_broken(
    new_page: Callable[..., Page], server: DashboardServer, path: str, screen: str
) -> None:
    page = new_page(*SCREENS[screen])
    _open(page, server, path)
    assert page.evaluate(TOO_WIDE) <= 0
    assert page.evaluate(BROKEN) == []


def test_the_broken_words_would_be_found(
    new_page: Callable[..., Page], server: DashboardServer
) -> None:
    page = new_page()
    _open(page, server, "/account")
    page.evaluate("document.querySelector('form.panel button').style.width = '3rem'")
    page.evaluate("document.querySelector('form.panel button').style.whiteSpace = 'normal'")
    page.evaluate("document.querySelector('form.panel button').style.overflowWrap = 'anywhere'")
    assert page.evaluate(BROKEN) != []


def test_the_menu_switches_to_german_and_everybody_can_read_it(
    new_page: Callable[..., Page], server: DashboardServer
) -> None:
    page = new_page()
    page.goto(f"{server.url}/lines/line-2")
    page.locator("details.who summary").click()
    page.get_by_role("button", name="Deutsch").click()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.get_by_role("heading", name="Offene Abweichungen")).to_be_visible()
    # What the script writes is German too.
    expect(page.locator("#live")).to_have_attribute("data-state", "on")
    assert page.locator("#words").get_attribute("data-paused") == "angehalten"
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
    assert Axe().run(page, options=rules).response["violations"] == []
