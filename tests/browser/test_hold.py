"""An engineer puts a station on hold, its board says so at once, and a word releases it."""

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from db.base import utc_now
from db.engine import Database
from db.frames import FrameStore
from db.models import Line
from db.queries import station_checks, station_references
from inspection.decode import encode_jpeg
from inspection.drawing.surfaces import draw_surface
from tests import factories
from tests.browser.server import DashboardServer

pytestmark = pytest.mark.browser

ENGINEER = "Emil Engineer"


@pytest.fixture(scope="module")
def shadow_id(database: Database, store: FrameStore) -> int:
    """Of a station that has a reference, and has lost its focus since."""
    drawn = draw_surface(np.random.default_rng(4), (640, 480), [], texture="ceramic")
    image = store.put(encode_jpeg(drawn.image_rgb, 90), "jpg")
    begun = station_checks.begin_of_hour(utc_now()) - timedelta(hours=6)
    with database.sessions.begin() as session:
        line = session.query(Line).filter_by(key="line-2").one()
        station = factories.make_station(session, line, key="watched", name="Watched press")
        camera = factories.make_camera(session, station, key="watched-camera", name="Top camera")
        factories.make_watched(session, camera, 30, until=begun, image=image)
        reference = station_references.make_reference(
            session, camera, begun - timedelta(hours=2), begun, "Ada Admin"
        )
        for hour, focus in enumerate((9.0, 9.1, 8.8, 5.0, 3.0)):
            at = begun + timedelta(hours=hour)
            until = at + timedelta(minutes=50)
            factories.make_watched(session, camera, 12, until=until, image=image, focus=focus)
            station_checks.check_hour(session, reference, at)
        shadows = []
        for place in range(40):
            verdict = "fail" if place % 5 == 0 else "pass"
            at = begun + timedelta(minutes=9 * place)
            one = factories.decide(session, camera, verdict, captured_at=at, image=image)
            shadows.append(one)
        shadow = factories.make_shadow(session, shadows[0])
        factories.add_results(session, shadow, shadows[1:])
        return shadow.id


def test_a_hold_stands_on_the_board_until_a_word_ends_it(
    new_page: Callable[..., Page], server: DashboardServer, shadow_id: int
) -> None:
    board = new_page(1280, 900, who="Olga Operator")
    board.goto(f"{server.url}/stations/watched")
    expect(board.locator(".banner").first).not_to_contain_text("ON HOLD")

    page = new_page(1280, 900, who=ENGINEER)
    page.goto(f"{server.url}/lab/watching")
    page.get_by_role("link", name="Watched press").click()
    expect(page.get_by_text("alarm").first).to_be_visible()
    page.get_by_label("Why nobody should trust it now").fill("the lens has come loose")
    page.get_by_role("button", name="Put on hold").click()
    expect(page.locator(".banner")).to_contain_text("ON HOLD")

    # The board hears of it by itself, and offers no operator the release.
    expect(board.locator(".banner").first).to_contain_text("ON HOLD")
    expect(board.locator(".banner").first).to_contain_text("the lens has come loose")
    expect(board.get_by_role("link", name="Release")).to_have_count(0)

    page.get_by_label("What was found or done").fill("lens screwed tight")
    page.get_by_role("button", name="Release the station").click()
    expect(page.get_by_label("Why nobody should trust it now")).to_be_visible()
    expect(board.locator(".banner").first).not_to_contain_text("ON HOLD")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["watching", "watching/watched", "shadows", "shadows/{}"])
def test_everybody_can_read_it(
    new_page: Callable[..., Page],
    server: DashboardServer,
    shadow_id: int,
    path: str,
    scheme: str,
) -> None:
    page = new_page(1024 if scheme == "dark" else 390, 768, scheme=scheme, who=ENGINEER)
    page.goto(f"{server.url}/lab/{path.format(shadow_id)}")
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = Axe().run(page, options={"runOnly": rules})
    told = [
        f"{each['id']}: {node['html'][:160]}"
        for each in found.response["violations"]
        for node in each["nodes"]
    ]
    assert not told, "\n".join(told)
    too_wide = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert too_wide <= 0, f"{too_wide} px too wide"
