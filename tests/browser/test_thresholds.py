"""The threshold studio: a slider answers at once, and as the server does."""

import os
from collections.abc import Callable
from urllib.parse import urlencode

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from db.base import utc_now
from db.engine import Database
from db.frames import FrameStore
from db.models import Line, ReviewItem
from db.queries import recipes, reviews
from db.queries.reviews import ReviewVerdict
from inspection.decode import encode_jpeg
from inspection.drawing.surfaces import draw_surface
from inspection.recipe import Recipe
from tests import factories
from tests.browser.server import DashboardServer
from tests.factories import Found

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SHOTS = os.environ.get("LINESIDE_SHOTS")
LIMITS = {"length_px": {"warn": 40.0, "fail": 60.0}, "count": {"fail": 1}}
BODY = {
    "name": "studio",
    "model": "surface-starter",
    "classes": {
        "crack": {"min_score": 0.5, "limits": LIMITS},
        "pit": {"min_score": 0.4, "limits": {"length_px": {"fail": 30.0}}},
    },
}
FIGURES = ("false_calls", "false_calls_between", "escapes", "escapes_between", "before", "after")


@pytest.fixture(scope="module")
def studio(database: Database, store: FrameStore) -> str:
    """The key of a station with forty results: of half of them people have said what is so."""
    rng = np.random.default_rng(8)
    drawn = draw_surface(rng, (320, 240), [], texture="ceramic")
    image = store.put(encode_jpeg(drawn.image_rgb, 85), "jpg")
    with database.sessions.begin() as session:
        line = session.query(Line).filter_by(key="line-2").one()
        station = factories.make_station(session, line, key="studio", name="Studio")
        version, _new = recipes.draft(session, Recipe.model_validate(BODY))
        recipes.activate(session, str(station.id), version.id)
        camera = factories.make_camera(session, station)
        for number in range(40):
            found = [
                Found(
                    class_name=str(rng.choice(["crack", "pit"])),
                    xyxy=(10, 10, 60, 20),
                    score=float(rng.uniform(0.5, 1)),
                    measurements=(("length", float(rng.uniform(20, 90)), "px", None, None),),
                )
                for _ in range(rng.integers(1, 3))
            ]
            one = factories.decide(
                session, camera, "fail", found=found, image=image, captured_at=utc_now()
            )
            if number % 2:
                said = ReviewVerdict.FALSE_CALL if number % 3 else ReviewVerdict.CONFIRMED
                reviews.say(session, one.id, said, "Ada")
                session.add(
                    ReviewItem(
                        inspection_id=one.id,
                        station_id=station.id,
                        reason="random",
                        priority=0.5,
                        probability=0.5 if number % 4 == 1 else 0.2,
                        state="done",
                    )
                )
    return "studio"


def figures(page: Page) -> dict[str, str]:
    return {name: page.locator(f"[data-out={name}]").inner_text() for name in FIGURES}


def test_a_slider_answers_at_once_and_as_the_server_does(
    new_page: Callable[..., Page], server: DashboardServer, studio: str
) -> None:
    page = new_page(1280, 900, who="Emil Engineer")
    page.goto(f"{server.url}/lab/stations/{studio}/thresholds")
    expect(page.locator("[data-counted=here]")).to_be_attached()
    begun = figures(page)
    assert begun["false_calls"] == begun["escapes"] == "none more or fewer"
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    asked = {"score:crack": "0.8", "fail:crack:length_px": "75", "score:pit": "0.65"}
    asked |= {"warn:crack:length_px": "55", "fail:crack:count": "0"}
    seen = [begun]
    for name, value in asked.items():
        slider = page.locator(f'input[type=range][data-for="{name}"]')
        # What the slider stands at after a step, in its own steps, is what is counted.
        slider.evaluate(
            "(each, value) => { each.value = value; each.dispatchEvent(new Event('input')); }",
            value,
        )
        asked[name] = page.locator(f'input[name="{name}"]').input_value()
        page.wait_for_function(
            "() => new Promise((done) => requestAnimationFrame(() => done(true)))"
        )
        seen.append(figures(page))
    assert requests == []
    # A fail limit that moves above the warning changes no part that is stopped; all else does.
    assert len({tuple(each.values()) for each in seen}) >= len(asked)
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    told = Axe().run(page, options={"runOnly": rules}).response["violations"]
    assert not [(each["id"], each["nodes"][0]["html"][:200]) for each in told]
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/studio.png", full_page=True)
    # The form alone, as a browser without scripts sends it, gets the same words.
    plain = page.context.browser.new_context(  # type: ignore[union-attr]
        java_script_enabled=False, storage_state=page.context.storage_state()
    )
    other = plain.new_page()
    for rejects in ("warn", "fail"):
        page.get_by_label("What stops a part").select_option(rejects)
        page.wait_for_function(
            "() => new Promise((done) => requestAnimationFrame(() => done(true)))"
        )
        query = urlencode(asked | {"rejects": rejects})
        other.goto(f"{server.url}/lab/stations/{studio}/thresholds?{query}")
        assert figures(page) == figures(other)
    assert other.locator("input[type=range]:visible").count() == 0
    expect(other.get_by_role("button", name="Count")).to_be_visible()
    plain.close()


def test_it_is_saved_as_a_draft(
    new_page: Callable[..., Page], server: DashboardServer, studio: str
) -> None:
    page = new_page(1024, 768, who="Emil Engineer")
    page.goto(f"{server.url}/lab/thresholds")
    page.get_by_role("link", name="Studio").click()
    page.locator('input[name="score:crack"]').fill("0.62")
    page.get_by_role("button", name="Save as draft").click()
    page.wait_for_url(f"{server.url}/lab/versions/*")
    expect(page.get_by_text("min_score: 0.62")).to_be_visible()
