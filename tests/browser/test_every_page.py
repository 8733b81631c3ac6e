"""What holds for every page on every screen: readable by all, light, and in its frame."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from db.base import utc_now
from db.engine import Database
from tests import factories
from tests.browser.server import DashboardServer
from tests.drawn_quality import draw_history
from tests.factories import Found

pytestmark = pytest.mark.browser

PAGES = (
    "/",
    "/lines/line-2",
    "/shelves/aisle-3",
    "/stations/station-a",
    "/inspections",
    "/inspections/1",
    "/discrepancies",
    "/discrepancies/1",
    "/alerts",
    "/alerts/log",
    "/alerts/rules/new",
    "/alerts/channels/new",
    "/people",
    "/people/1",
    "/screens",
    "/tokens",
    "/account",
    "/account/second-factor",
    "/quality/line-2?range=day",
    "/quality/station/station-weld?range=week&by=hour&phases=0",
    "/reports/line-weld?shift=*",
)
SCREENS = {"wall": (1920, 1080), "tablet": (1024, 768), "phone": (390, 844)}
MOST_BYTES = 200_000


@pytest.fixture(scope="module")
def long_names(database: Database) -> str:
    """The key of a line whose names are as long as the database takes them."""
    long = "Gehäusedeckelverschraubungsmontagestation_mit_Prüfung " * 4
    with database.sessions.begin() as session:
        line = factories.make_line(session, key="long-names", name=long[:200])
        station = factories.make_station(session, line, name=long[:200], key="long-station")
        camera = factories.make_camera(
            session, station, state="degraded", state_reason=long[:200], interval_s=600.0
        )
        inspection = factories.decide(
            session,
            camera,
            "fail",
            captured_at=utc_now(),
            detail=long[:200],
            found=[Found(class_name=long[:100], place=long[:200])],
        )
        factories.make_discrepancy(
            session, inspection, kind=long[:100], place=long[:200], detail=long[:200]
        )
    return "long-names"


@pytest.fixture(scope="module", autouse=True)
def weld(database: Database) -> None:
    """A station with three days behind it, whose control chart has signals and a change."""
    with database.sessions.begin() as session:
        line = factories.make_line(session, key="line-weld", name="Welding")
        draw_history(session, line, utc_now())


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_everybody_can_read_it(
    new_page: Callable[..., Page], server: DashboardServer, path: str, scheme: str
) -> None:
    page = new_page(scheme=scheme)
    page.goto(server.url + path)
    found = Axe().run(
        page,
        options={
            "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        },
    )
    told = [
        f"{each['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:300]}"
        for each in found.response["violations"]
        for node in each["nodes"]
    ]
    assert not told, "\n".join(told)


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize(
    "path",
    [
        *PAGES,
        "/lines/long-names",
        "/stations/long-station",
        "/discrepancies?state=all",
        "/quality/long-names?range=day",
        "/reports/long-names?shift=*",
    ],
)
def test_nothing_sticks_out_and_the_page_is_light(
    new_page: Callable[..., Page],
    server: DashboardServer,
    long_names: str,
    path: str,
    screen: str,
) -> None:
    page = new_page(*SCREENS[screen])
    weights: list[int] = []

    def weigh(request: "object") -> None:
        if request.resource_type not in ("image", "eventsource"):  # type: ignore[attr-defined]
            weights.append(request.sizes()["responseBodySize"])  # type: ignore[attr-defined]

    page.on("requestfinished", weigh)
    page.goto(server.url + path)
    if page.locator("body").get_attribute("data-events"):
        expect(page.locator("#live")).to_have_attribute("data-state", "on")
    too_wide = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert too_wide <= 0, f"{too_wide} px too wide"
    assert sum(weights) < MOST_BYTES


def test_a_wall_shows_a_line_without_scrolling(
    new_page: Callable[..., Page], server: DashboardServer
) -> None:
    page = new_page(*SCREENS["wall"])
    page.goto(f"{server.url}/lines/line-2")
    page.locator(".feed li").first.wait_for()
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    for part in (".tile >> nth=2", ".discrepancies", ".pareto", ".feed"):
        box = page.locator(part).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 1080, part


def test_an_image_and_its_masks_lie_on_each_other(
    new_page: Callable[..., Page], server: DashboardServer
) -> None:
    page = new_page(*SCREENS["wall"])
    page.goto(f"{server.url}/shelves/aisle-3")
    photo = page.locator(".photo img").bounding_box()
    marks = page.locator(".photo .marks:not(.places)").bounding_box()
    assert photo is not None
    assert marks is not None
    for edge in ("x", "y", "width", "height"):
        assert abs(photo[edge] - marks[edge]) <= 1, (photo, marks)
