"""People come in, see their line and no other, and act at a shared screen by name and PIN."""

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from db.engine import Database
from tests import factories
from tests.browser.conftest import PASSWORD
from tests.browser.server import DashboardServer

pytestmark = pytest.mark.browser

NEW_PASSWORD = "another password of the tests"


@pytest.fixture(scope="module")
def paint_shop(database: Database) -> str:
    """The key of a line with one station, beside the lines of the drawn plant."""
    with database.sessions.begin() as session:
        line = factories.make_line(session, key="paint-shop", name="Paint shop")
        station = factories.make_station(session, line, key="booth", name="Booth 1")
        camera = factories.make_camera(session, station, interval_s=600.0)
        factories.make_discrepancy(
            session, factories.decide(session, camera, "fail"), detail="run 4.0 mm > 3.0 mm"
        )
    return "paint-shop"


def test_somebody_is_let_in_to_one_line_and_sees_no_other(
    new_page: Callable[..., Page], server: DashboardServer, paint_shop: str
) -> None:
    admin = new_page()
    admin.goto(f"{server.url}/people")
    admin.get_by_label("Name").fill("Pia Paint")
    admin.get_by_label("Where").select_option(label="line: Paint shop")
    admin.get_by_role("button", name="Add and make a link").click()
    link = admin.locator(".secret").inner_text()

    pia = new_page(who=None, allowed=("404", "403"))
    pia.goto(link)
    pia.get_by_label("Password", exact=True).fill(NEW_PASSWORD)
    pia.get_by_label("The same again").fill(NEW_PASSWORD)
    pia.get_by_role("button", name="Set and sign in").click()
    expect(pia.locator("main")).to_contain_text("Paint shop")
    expect(pia.locator("main")).not_to_contain_text("Line 2")
    pia.goto(f"{server.url}/discrepancies?state=all")
    expect(pia.locator("main")).to_contain_text("run 4.0 mm")
    expect(pia.locator("main")).not_to_contain_text("Station A")
    for path in ("/lines/line-2", "/stations/station-a", "/inspections/1", "/images/1"):
        answer = pia.goto(server.url + path)
        assert answer is not None
        assert answer.status == 404, path
    answer = pia.goto(f"{server.url}/people")
    assert answer is not None
    assert answer.status == 403

    # The link worked once.
    stranger = new_page(who=None, allowed=("404",))
    answer = stranger.goto(link)
    assert answer is not None
    assert answer.status == 404


def test_a_tablet_is_paired_and_somebody_acts_at_it_by_pin(
    new_page: Callable[..., Page], server: DashboardServer, paint_shop: str
) -> None:
    admin = new_page()
    admin.goto(f"{server.url}/people")
    admin.get_by_role("link", name="Olga Operator").click()
    admin.get_by_label("PIN for shared screens").fill("2804")
    admin.get_by_role("button", name="Set PIN").click()
    expect(admin.get_by_text("The PIN is set.")).to_be_visible()
    admin.goto(f"{server.url}/screens")
    admin.get_by_label("Name").fill("Tablet at booth 1")
    admin.locator("select[name=line]").select_option(label="Paint shop")
    admin.get_by_role("button", name="Make a code").click()
    code = admin.locator(".code-shown").inner_text()

    tablet = new_page(1024, 768, who=None)
    tablet.goto(f"{server.url}/pair")
    tablet.get_by_label("Code").fill(code)
    tablet.get_by_role("button", name="Pair").click()
    tablet.wait_for_url(f"{server.url}/lines/paint-shop")
    tablet.goto(f"{server.url}/stations/booth")
    acknowledge = tablet.get_by_role("button", name="Acknowledge")
    expect(tablet.locator(".side .list li")).to_have_count(1)
    expect(acknowledge).to_have_count(0)

    tablet.get_by_role("link", name="Name and PIN", exact=True).click()
    tablet.get_by_label("Olga Operator").check()
    tablet.get_by_label("PIN").fill("2804")
    tablet.get_by_role("button", name="Go on").click()
    tablet.wait_for_url(re.compile("/stations/booth"))
    expect(tablet.locator(".who summary")).to_have_text("Olga Operator")
    acknowledge.first.click()
    expect(tablet.locator("#toast")).to_contain_text("Acknowledged")
    tablet.goto(f"{server.url}/discrepancies?line=paint-shop")
    expect(tablet.locator("main")).to_contain_text("Olga Operator")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/sign-in", "/pair", "/sign-in?next=/lab/recipes"])
def test_everybody_can_read_the_way_in(
    new_page: Callable[..., Page], server: DashboardServer, path: str, scheme: str
) -> None:
    page = new_page(390, 844, who=None, scheme=scheme)
    page.goto(server.url + path)
    found = Axe().run(
        page,
        options={
            "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        },
    )
    assert not found.response["violations"]


def test_a_wrong_password_is_said_and_the_right_one_brings_one_back(
    new_page: Callable[..., Page], server: DashboardServer
) -> None:
    page = new_page(who=None, allowed=("401",))
    page.goto(f"{server.url}/discrepancies")
    page.get_by_label("Name").fill("Mika Manager")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="not right")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("Mika Manager")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{server.url}/discrepancies")
    page.locator(".who summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{server.url}/sign-in")
