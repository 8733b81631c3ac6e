"""An engineer's day in the lab: a camera from a clip, a region, a limit that is tried, and back."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import FloatRect, Page, expect

from db.base import utc_now
from db.engine import Database
from db.frames import FrameStore
from db.models import Line
from db.queries import recipes, stations
from inspection.decode import encode_jpeg
from inspection.drawing.surfaces import draw_surface
from inspection.recipe import Recipe
from tests import factories
from tests.browser.server import DashboardServer
from tests.factories import Found
from tests.integration.streams import IngestProcess
from tests.servers import RedisServer
from tests.unit.services.ingest.clips import write_clip

pytestmark = pytest.mark.browser

ENGINEER = "Emil Engineer"
LIMITS = {"crack": {"limits": {"length_mm": {"warn": 2.0, "fail": 3.0}}}}
PAGES = (
    "/lab/stations",
    "/lab/stations/bench",
    "/lab/stations/bench/scale",
    "/lab/cameras",
    "/lab/cameras/new",
    "/lab/cameras/bench-camera",
    "/lab/recipes",
    "/lab/recipes/new",
    "/lab/recipes/bench",
    "/lab/recipes/bench/edit",
    "/lab/recipes/bench/regions",
    "/lab/recipes/bench/planogram",
    "/lab/recipes/bench/differences",
    "/lab/planograms",
    "/lab/models",
    "/lab/models/surface-starter",
    "/lab/health",
)


@pytest.fixture(scope="module")
def bench(database: Database, store: FrameStore) -> int:
    """A station of six images, three of which fail by a crack of 4.8 mm; its version's id."""
    drawn = draw_surface(np.random.default_rng(2), (640, 480), [], texture="ceramic")
    image = store.put(encode_jpeg(drawn.image_rgb, 90), "jpg")
    with database.sessions.begin() as session:
        line = session.query(Line).filter_by(key="line-2").one()
        station = factories.make_station(session, line, key="bench", name="Bench")
        body = {"name": "bench", "model": "surface-starter", "classes": LIMITS}
        version, _ = recipes.draft(session, Recipe.model_validate(body))
        recipes.activate(session, "bench", version.id)
        recipes.draft(session, Recipe.model_validate(body | {"description": "a second one"}))
        stations.add_calibration(session, "bench", 0.06)
        camera = factories.make_camera(session, station, key="bench-camera", name="Bench camera")
        for number in range(6):
            found = [Found()] if number % 2 else []
            factories.decide(
                session,
                camera,
                "fail" if found else "pass",
                found=found,
                captured_at=utc_now(),
                image=image,
                recipe_version_id=version.id,
            )
        return version.id


@pytest.fixture
def ingest(data_dir: Path, shared_redis: RedisServer) -> Iterator[IngestProcess]:
    process = IngestProcess(data_dir, shared_redis.url)
    process.start()
    yield process
    process.send(signal.SIGTERM)


def test_a_camera_a_region_and_a_limit_are_tried_activated_and_rolled_back(
    new_page: Callable[..., Page],
    server: DashboardServer,
    bench: int,
    ingest: IngestProcess,
    data_dir: Path,
) -> None:
    clips = data_dir / "clips"
    clips.mkdir()
    page = new_page(1280, 900, who=ENGINEER, allowed=("400 (BAD REQUEST)",))
    page.goto(f"{server.url}/lab/stations/bench")
    page.get_by_role("link", name="Add a camera").click()
    page.get_by_role("textbox", name="Key").fill("clip-camera")
    page.get_by_role("textbox", name="Name").fill("Clip camera")
    page.get_by_role("combobox", name="Kind").select_option("file")
    page.get_by_role("textbox", name="Source").fill(str(write_clip(clips / "clip.mp4", 20)))
    page.get_by_label("begin again at the end").check()
    page.get_by_role("button", name="Add", exact=True).click()

    page.get_by_role("button", name="Take one").click()
    shot = page.get_by_role("img", name="Test shot of Clip camera")
    expect(shot).to_be_visible()
    assert shot.evaluate("picture => picture.naturalWidth") == 160
    # Nothing more of it is needed, and its frames are for other tests none.
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_role("button", name="Switch on")).to_be_visible()

    page.get_by_role("link", name="Draw regions").click()
    page.get_by_label("Name of the region").first.fill("plate")
    canvas = page.locator(".drawing")
    box = canvas.bounding_box()
    assert box is not None
    for x, y in ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)):
        canvas.click(position={"x": x * box["width"], "y": y * box["height"]})
    corner = page.get_by_role("button", name="corner 1:")
    corner.focus()
    before = page.locator("[data-shape]").first.input_value()
    page.keyboard.press("ArrowLeft")
    after = page.locator("[data-shape]").first.input_value()
    assert before.split()[1:] == after.split()[1:]
    moved = float(before.split(",")[0]) - float(after.split(",")[0])
    assert moved == pytest.approx(0.5)
    # A second one that is drawn by mistake is taken away again.
    page.get_by_role("button", name="Another region").click()
    canvas.click(position={"x": 20, "y": 20})
    page.get_by_role("button", name="Remove").last.click()
    page.get_by_role("button", name="Save as a draft").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("version 3")
    expect(page.locator("pre")).to_contain_text("plate")

    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("Fail above, limit 1").fill("much")
    page.get_by_role("button", name="Save as a draft").click()
    expect(page.get_by_role("alert")).to_contain_text("expected a valid number")
    page.get_by_label("Warn above, limit 1").fill("6")
    page.get_by_label("Fail above, limit 1").fill("9")
    page.get_by_role("button", name="Save as a draft").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("version 4")

    page.get_by_role("link", name="Try on stored images").click()
    expect(page.get_by_role("heading", level=2).first).to_contain_text("3 verdicts of 6")
    expect(page.locator(".flips img")).to_have_count(3)
    page.get_by_role("link", name="Activate at Bench").click()
    expect(page.locator(".changes")).to_contain_text("classes.crack.limits.length_mm.fail")
    page.get_by_role("button", name="Activate").click()
    expect(page.locator("dd").first).to_have_text("bench version 4")

    page.get_by_role("link", name="Roll back to bench version 1").click()
    expect(page.locator(".changes")).to_contain_text("regions[plate].polygon")
    page.get_by_role("button", name="Activate").click()
    expect(page.locator("dd").first).to_have_text("bench version 1")


def test_a_scale_is_drawn_by_touch_and_by_keys(
    new_page: Callable[..., Page], server: DashboardServer, bench: int
) -> None:
    page = new_page(1024, 768, who=ENGINEER)
    page.goto(f"{server.url}/lab/stations/bench/scale")
    canvas = page.locator(".drawing")
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.5 * box["height"], steps=4)
    page.mouse.up()
    shape = page.locator("[data-shape]")
    drawn = shape.input_value()
    # A finger that comes down beside an end takes that end, and draws no new line.
    _tap(page, box, 0.25, 0.5, beside_px=15)
    assert shape.input_value() == drawn
    # By two taps, one for each end.
    shape.fill("")
    _tap(page, box, 0.25, 0.5)
    _tap(page, box, 0.75, 0.5)
    assert shape.input_value() == drawn
    page.get_by_label("Its length, mm").fill("32")
    page.get_by_role("button", name="Save the scale").click()
    expect(page.get_by_role("table").last).to_contain_text("0.1")


def _tap(page: Page, box: FloatRect, x: float, y: float, *, beside_px: float = 0) -> None:
    """A finger on the picture, at shares of its width and height."""
    at = {
        "pointerId": 1,
        "pointerType": "touch",
        "isPrimary": True,
        "button": 0,
        "bubbles": True,
        "clientX": box["x"] + x * box["width"] + beside_px,
        "clientY": box["y"] + y * box["height"],
    }
    canvas = page.locator(".drawing")
    canvas.evaluate("each => { each.setPointerCapture = () => {}; }")
    for name in ("pointerdown", "pointerup"):
        canvas.dispatch_event(name, at)


# Every other one in the dark and on a phone; next to its neighbour each rule meets both.
@pytest.mark.parametrize(("number", "path"), enumerate(PAGES), ids=PAGES)
def test_everybody_can_read_the_lab(
    new_page: Callable[..., Page], server: DashboardServer, bench: int, path: str, number: int
) -> None:
    dark = number % 2 == 1
    page = new_page(390 if dark else 1280, 844, scheme="dark" if dark else "light", who=ENGINEER)
    page.goto(server.url + path)
    _axe(page)
    too_wide = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert too_wide <= 0, f"{too_wide} px too wide"


@pytest.mark.parametrize("name", ["", "/try", "/activate?station=bench"])
def test_everybody_can_read_what_a_version_changes(
    new_page: Callable[..., Page], server: DashboardServer, bench: int, name: str
) -> None:
    page = new_page(who=ENGINEER)
    page.goto(f"{server.url}/lab/versions/{bench}{name}")
    _axe(page)


def _axe(page: Page) -> None:
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = Axe().run(page, options={"runOnly": rules})
    told = [
        f"{each['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:300]}"
        for each in found.response["violations"]
        for node in each["nodes"]
    ]
    assert not told, "\n".join(told)
