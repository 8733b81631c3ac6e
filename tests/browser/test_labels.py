"""A picture is labelled end to end in a real browser: by mouse, by touch, and by keys alone."""

from collections.abc import Callable

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from sqlalchemy import select

from db.base import utc_now
from db.engine import Database
from db.frames import FrameStore
from db.models import Annotation, LabelledImage, Line, ReviewItem
from db.queries import labels, recipes
from inspection.decode import encode_jpeg
from inspection.recipe import Recipe
from tests import factories
from tests.browser.server import DashboardServer
from tests.factories import Found

pytestmark = pytest.mark.browser

ENGINEER = "Emil Engineer"
SIZE_WH = (640, 480)


@pytest.fixture(scope="module")
def inspections(database: Database, store: FrameStore) -> list[int]:
    """Two inspections of a drawn plate with a dark square at 300 to 380, 200 to 260, queued."""
    ids = []
    with database.sessions.begin() as session:
        line = session.query(Line).filter_by(key="line-2").one()
        station = factories.make_station(session, line, key="labelled", name="Labelled")
        body = {
            "name": "labelled",
            "model": "surface-starter",
            "classes": {"crack": {}, "stain": {}},
        }
        version, _ = recipes.draft(session, Recipe.model_validate(body))
        recipes.activate(session, "labelled", version.id)
        camera = factories.make_camera(session, station, key="labelled-camera", name="C")
        for seed in range(2):
            rgb = np.random.default_rng(seed).normal(180, 4, (*SIZE_WH[::-1], 3))
            rgb[200:260, 300:380] -= 100
            image = store.put(encode_jpeg(rgb.clip(0, 255).astype(np.uint8), 95), "jpg")
            inspection = factories.decide(
                session,
                camera,
                "fail",
                found=[Found()],
                captured_at=utc_now(),
                image=image,
                size_wh=SIZE_WH,
                recipe_version_id=version.id,
            )
            session.add(
                ReviewItem(
                    inspection_id=inspection.id,
                    station_id=station.id,
                    reason="uncertain",
                    priority=2.0 - seed,
                )
            )
            ids.append(inspection.id)
    return ids


def on_screen(page: Page) -> Callable[[float, float], tuple[float, float]]:
    """Where a point of the picture, px, is on the screen while all of it is shown."""
    canvas = page.locator("[data-canvas]")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    scale = min(box["width"] / SIZE_WH[0], box["height"] / SIZE_WH[1]) * 0.98
    left = box["x"] + (box["width"] - SIZE_WH[0] * scale) / 2
    top = box["y"] + (box["height"] - SIZE_WH[1] * scale) / 2
    return lambda x, y: (left + x * scale, top + y * scale)


def drag(page: Page, *points: tuple[float, float]) -> None:
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=4)
    page.mouse.up()


def rows(database: Database) -> list[Annotation]:
    with database.reads() as session:
        image = session.scalars(select(LabelledImage).order_by(LabelledImage.id)).first()
        assert image is not None
        return labels.labels_at(session, image)


def ready(page: Page) -> None:
    expect(page.locator("[data-labeller]")).to_have_attribute("data-ready", "true")


def test_a_picture_is_labelled_from_the_queue_to_done(
    new_page: Callable[..., Page],
    server: DashboardServer,
    database: Database,
    inspections: list[int],
) -> None:
    page = new_page(1280, 900, who=ENGINEER, allowed=("409 (CONFLICT)", "422 (UNPROCESSABLE"))
    page.goto(f"{server.url}/lab/labels")
    page.get_by_role("button", name="Label the next of the review queue").click()
    ready(page)
    at = on_screen(page)
    canvas, drawn = page.locator("[data-canvas]"), page.locator("[data-list] li")
    # A polygon by clicks, closed at its first corner.
    page.get_by_role("button", name="Polygon").click()
    for point in ((50, 50), (150, 50), (150, 120), (50, 120), (50, 50)):
        page.mouse.click(*at(*point))
    expect(drawn).to_have_count(1)
    # A box, of the second class.
    for key in ("Escape", "2", "r"):
        page.keyboard.press(key)
    drag(page, at(200, 50), at(260, 110))
    expect(drawn).to_have_count(2)
    # A click on the square, cut out by the server, and taken.
    page.get_by_role("button", name="Click", exact=True).click()
    page.mouse.click(*at(340, 230))
    with page.expect_response("**/segment"):
        page.mouse.click(*at(350, 235))
    page.get_by_role("button", name="Take it").click()
    expect(drawn).to_have_count(3)
    # A stroke of the brush, and something wiped off it again.
    page.keyboard.press("v")
    page.mouse.click(*at(10, 470))
    page.keyboard.press("b")
    drag(page, at(100, 350), at(300, 350))
    expect(drawn).to_have_count(4)
    page.keyboard.press("e")
    drag(page, at(220, 350), at(320, 350))
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+y")
    expect(page.locator("[data-state]")).to_have_text("Not saved yet")
    page.keyboard.press("Control+s")
    expect(page.locator("[data-state]")).to_have_text("Draft, revision 1")
    found = rows(database)
    assert [(row.class_name, row.origin, row.author) for row in found] == [
        ("crack", "polygon", ENGINEER),
        ("stain", "box", ENGINEER),
        ("stain", "segment", ENGINEER),
        ("stain", "brush", ENGINEER),
    ]
    areas = [row.area_px for row in found]
    assert areas[0] == pytest.approx(100 * 70, rel=0.05)
    assert areas[1] == pytest.approx(60 * 60, rel=0.05)
    assert areas[2] == pytest.approx(80 * 60, rel=0.05)
    assert 16 * 100 < areas[3] < 16 * 140
    # A corner is dragged, a label moved, another deleted and brought back, one hidden.
    page.keyboard.press("v")
    page.mouse.click(*at(100, 80))
    drag(page, at(150, 120), at(170, 140))
    drag(page, at(230, 80), at(330, 90))
    page.get_by_role("button", name="Delete stain 4").click()
    expect(drawn).to_have_count(3)
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Hide stain 3").click()
    expect(page.get_by_role("button", name="Show stain 3")).to_be_visible()
    # The page warns before this work is left behind.
    asked: list[str] = []
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.get_by_role("link", name="Stations").first.click(no_wait_after=True)
    expect(canvas).to_be_visible()
    assert asked == ["beforeunload"]
    page.get_by_role("button", name="Done", exact=True).click()
    expect(page.locator("[data-state]")).to_have_text("Done, revision 2")
    after = {row.origin: row for row in rows(database)}
    assert after["polygon"].x1 == pytest.approx(170, abs=2)
    assert after["box"].x0 == pytest.approx(300, abs=3)
    assert after["segment"].id == found[2].id
    with database.reads() as session:
        states = dict(session.execute(select(ReviewItem.inspection_id, ReviewItem.state)).all())
    assert states[inspections[0]] == "done"
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


def test_who_saves_second_is_told_and_loses_nothing(
    new_page: Callable[..., Page], server: DashboardServer, database: Database
) -> None:
    with database.reads() as session:
        image = session.scalars(select(LabelledImage).order_by(LabelledImage.id)).first()
        assert image is not None
    page = new_page(1280, 900, who=ENGINEER, allowed=("409 (CONFLICT)",))
    page.goto(f"{server.url}/lab/labels/{image.id}")
    ready(page)
    with database.sessions.begin() as session:
        labels.restore(session, image.id, image.revision, 1, "Ada Admin")
    page.get_by_role("button", name="Delete crack").click()
    page.get_by_role("button", name="Save draft").click()
    told = page.get_by_role("alert").filter(has_text="Ada Admin has saved revision 3 meanwhile")
    expect(told).to_be_visible()
    expect(page.locator("[data-list] li")).to_have_count(3)
    assert len(rows(database)) == 4
    page.get_by_role("button", name="Save mine as the next revision").click()
    expect(page.locator("[data-state]")).to_have_text("Draft, revision 4")
    assert len(rows(database)) == 3


def test_a_crossing_polygon_is_named_and_can_be_put_right(
    new_page: Callable[..., Page], server: DashboardServer
) -> None:
    page = new_page(1280, 900, who=ENGINEER, allowed=("422 (UNPROCESSABLE",))
    page.goto(f"{server.url}/lab/labels")
    page.locator(".labelled a").first.click()
    ready(page)
    at = on_screen(page)
    before = page.locator("[data-list] li").count()
    page.keyboard.press("p")
    for point in ((400, 300), (500, 400), (500, 300), (400, 400)):
        page.mouse.click(*at(*point))
    page.keyboard.press("Enter")
    page.keyboard.press("Control+s")
    wrong = page.locator("[data-list] li.is-wrong")
    expect(wrong).to_contain_text("self-crossing")
    page.keyboard.press("Delete")
    page.keyboard.press("Control+s")
    expect(page.locator("[data-state]")).to_contain_text("Draft")
    expect(page.locator("[data-list] li")).to_have_count(before)


def test_all_of_it_by_keys_on_a_tablet_and_by_touch(
    new_page: Callable[..., Page],
    server: DashboardServer,
    database: Database,
    inspections: list[int],
) -> None:
    page = new_page(1024, 768, who=ENGINEER, scheme="dark")
    page.goto(f"{server.url}/lab/labels")
    page.get_by_role("button", name="Label the next of the review queue").click()
    ready(page)
    drawn = page.locator("[data-list] li")
    page.locator("[data-canvas]").focus()
    # The cross begins in the middle of the picture.
    for key in (
        "p",
        "Space",
        *("Shift+ArrowRight",) * 5,
        "Space",
        *("Shift+ArrowDown",) * 4,
        "Space",
    ):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(drawn).to_have_count(1)
    for key in ("v", "n", "n", "Shift+ArrowUp", "i", "2"):
        page.keyboard.press(key)
    page.keyboard.press("b")
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    expect(drawn).to_have_count(2)
    page.keyboard.press("Control+s")
    expect(page.locator("[data-state]")).to_have_text("Draft, revision 1")
    with database.reads() as session:
        image = session.scalars(select(LabelledImage).order_by(LabelledImage.id.desc())).first()
        assert image is not None
        found = labels.labels_at(session, image)
    assert [(row.class_name, row.origin) for row in found] == [
        ("stain", "polygon"),
        ("crack", "model"),
    ]
    assert found[0].segmentation == [[320, 240, 370, 230, 370, 255, 370, 280]]
    # Two fingers zoom around the point between them.
    canvas = page.locator("[data-canvas]")
    before = float(canvas.get_attribute("data-zoom") or 0)
    session = page.context.new_cdp_session(page)
    box = canvas.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def touch(kind: str, apart: float) -> None:
        points = [{"x": x - apart, "y": y, "id": 1}, {"x": x + apart, "y": y, "id": 2}]
        session.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": points if kind != "touchEnd" else []},
        )

    touch("touchStart", 40)
    for apart in (50, 70, 100):
        touch("touchMove", apart)
    touch("touchEnd", 0)
    expect(canvas).not_to_have_attribute("data-zoom", f"{before:.3f}")
    assert float(canvas.get_attribute("data-zoom") or 0) == pytest.approx(2.5 * before, rel=0.1)
    assert drawn.count() == 2
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    for item in page.get_by_role("button", name="Delete").all()[::-1]:
        item.click()
    page.get_by_role("button", name="Nothing on it").click()
    expect(page.locator("[data-state]")).to_have_text("Done, revision 2")
