"""An operator's day: fails are cleared by keyboard, decisions undone, masks set as one likes."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from db.base import utc_now
from db.engine import Database
from db.frames import FrameStore
from db.models import Camera, Discrepancy, Disposition, Inspection, Review
from inspection.decode import encode_jpeg
from inspection.drawing.surfaces import draw_surface
from tests import factories
from tests.browser.server import DashboardServer
from tests.factories import Found

pytestmark = pytest.mark.browser

OPERATOR = "Olga Operator"


@pytest.fixture
def camera(database: Database, store: FrameStore) -> Camera:
    """A station of its own with ten fails, the last of which opened a discrepancy."""
    import numpy as np

    image = store.put(
        encode_jpeg(draw_surface(np.random.default_rng(2), (640, 480), []).image_rgb, 80), "jpg"
    )
    found = [
        Found(score=0.93),
        Found(class_name="pit", xyxy=(300, 200, 340, 240), score=0.41, verdict="pass"),
    ]
    with database.sessions.begin() as session:
        camera = factories.make_camera(session, interval_s=600.0)
        now = utc_now()
        for back in range(10, 0, -1):
            newest = factories.decide(
                session,
                camera,
                "fail",
                found=found,
                captured_at=now - timedelta(seconds=10 * back),
                image=image,
            )
        factories.make_discrepancy(session, newest)
        _ = camera.station.line.key
    return camera


@pytest.fixture
def page(new_page: Callable[..., Page], server: DashboardServer, camera: Camera) -> Page:
    """The station's page as its operator has it: a tablet."""
    page = new_page(1024, 768, who=OPERATOR)
    page.goto(f"{server.url}/stations/{camera.station.key}")
    expect(page.locator("#live")).to_have_attribute("data-state", "on")
    return page


def shown(page: Page) -> str:
    return page.locator(".decide").get_attribute("data-inspection") or ""


def press(page: Page, key: str, said: str) -> None:
    """Decide by a key, and wait for what the page says of it."""
    page.keyboard.press(key)
    expect(page.locator("#toast")).to_have_text(re.compile(re.escape(said)))


def test_ten_fails_are_cleared_by_keyboard(page: Page, database: Database, camera: Camera) -> None:
    keys = {
        "c": ("confirmed", None),
        "f": ("false_call", None),
        "u": (None, "use_as_is"),
        "r": (None, "rework"),
        "s": (None, "scrap"),
    }
    words = {"c": "confirmed", "f": "false call", "u": "use as is", "r": "rework", "s": "scrap"}
    expected: dict[int, str] = {}
    expect(page.locator(".strip")).to_contain_text("10 to decide")
    for number, key in enumerate("cfursscfuc"):
        inspection_id = shown(page)
        expected[int(inspection_id)] = key
        press(page, key, f"Inspection {inspection_id}: {words[key]}.")
        expect(page.locator(".strip")).to_contain_text(f"{9 - number} to decide")
        if number < 9:
            page.keyboard.press("ArrowLeft")
            expect(page.locator(".decide")).not_to_have_attribute("data-inspection", inspection_id)
    expect(page.locator(".strip li.decided")).to_have_count(10)
    with database.reads() as session:
        ids = set(
            session.scalars(select(Inspection.id).where(Inspection.station_id == camera.station_id))
        )
        said = {
            row.inspection_id: (row.verdict, row.actor, row.person_id is not None)
            for row in session.scalars(select(Review).where(Review.inspection_id.in_(ids)))
        }
        done = {
            row.inspection_id: (row.action, row.actor)
            for row in session.scalars(
                select(Disposition).where(Disposition.inspection_id.in_(ids))
            )
        }
    assert set(expected) == ids
    for inspection_id, key in expected.items():
        review, action = keys[key]
        assert said.get(inspection_id) == ((review, OPERATOR, True) if review else None)
        assert done.get(inspection_id) == ((action, OPERATOR) if action else None)


def test_a_false_call_closes_its_discrepancy_and_undo_opens_it(
    page: Page, database: Database, camera: Camera
) -> None:
    press(page, "f", "Its discrepancy is closed.")
    expect(page.locator('[data-decision="F"]')).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".side .list")).to_contain_text("Nothing is open")
    press(page, "z", "Undone. Its discrepancy is open again.")
    expect(page.locator(".holds")).to_contain_text("Nobody has decided")
    expect(page.locator('[data-decision="Z"]')).to_be_disabled()
    with database.reads() as session:
        state = session.scalar(
            select(Discrepancy.state).where(Discrepancy.station_id == camera.station_id)
        )
    assert state == "open"


def test_decisions_are_undone_one_after_the_other(page: Page) -> None:
    press(page, "c", "confirmed.")
    press(page, "s", "scrap.")
    expect(page.locator('[data-decision="Z"]')).to_contain_text("scrap")
    press(page, "z", "Undone.")
    expect(page.locator('[data-decision="Z"]')).to_contain_text("confirmed")
    expect(page.locator('[data-decision="S"]')).to_have_attribute("aria-pressed", "false")
    press(page, "z", "Undone.")
    expect(page.locator('[data-decision="Z"]')).to_be_disabled()


def test_a_note_and_a_missed_defect_by_key(page: Page, database: Database, camera: Camera) -> None:
    page.keyboard.press("n")
    expect(page.get_by_label("Note about this inspection")).to_be_focused()
    page.keyboard.type("scratch from the fixture")  # holds every key that would decide
    page.keyboard.press("Enter")
    expect(page.locator("#toast")).to_contain_text("the note is saved")
    expect(page.locator(".holds")).to_contain_text("scratch from the fixture")
    page.keyboard.press("d")
    expect(page.get_by_role("button", name="crack", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#toast")).to_contain_text("missed defect, crack")
    with database.reads() as session:
        rows = session.execute(
            select(Review.verdict, Review.class_name, Review.note)
            .join(Inspection, Inspection.id == Review.inspection_id)
            .where(Inspection.station_id == camera.station_id)
            .order_by(Review.id)
        ).all()
    assert [tuple(row) for row in rows] == [
        ("noted", "", "scratch from the fixture"),
        ("missed", "crack", ""),
    ]


def test_every_decision_is_as_large_as_a_glove_needs(page: Page) -> None:
    buttons = page.locator(".decide > form > .decision, .decide summary, .under .button")
    assert buttons.count() >= 9
    for button in buttons.all():
        box = button.bounding_box()
        assert box is not None
        assert box["width"] >= 48, button.inner_text()
        assert box["height"] >= 48, button.inner_text()


def test_a_decision_is_about_what_was_looked_at(
    page: Page, database: Database, camera: Camera
) -> None:
    """A newer result comes while somebody decides: the page stays with what was decided."""
    decided = shown(page)
    press(page, "c", f"Inspection {decided}: confirmed.")
    with database.sessions.begin() as session:
        factories.decide(session, session.get_one(Camera, camera.id), captured_at=utc_now())
    press(page, "s", f"Inspection {decided}: scrap.")
    assert shown(page) == decided
    page.keyboard.press("l")
    expect(page.locator(".decide")).not_to_have_attribute("data-inspection", decided)


def test_masks_are_hidden_by_score_and_that_is_kept_on_the_device(page: Page) -> None:
    marks = page.locator(".stage .mark")
    expect(marks).to_have_count(2)
    slider = page.get_by_label("Score from")
    slider.fill("0.5")
    expect(page.locator('.mark[data-class="pit"]')).to_be_hidden()
    expect(page.locator('.mark[data-class="crack"]')).to_be_visible()
    expect(page.locator("[data-hidden-masks]")).to_have_text("Hidden masks: 1")
    page.locator('[data-class-toggle="crack"]').uncheck()
    expect(page.locator('.mark[data-class="crack"]')).to_be_hidden()
    page.reload()
    expect(page.get_by_label("Score from")).to_have_value("0.5")
    expect(page.locator('[data-class-toggle="crack"]')).not_to_be_checked()
    expect(page.locator("[data-hidden-masks]")).to_have_text("Hidden masks: 2")
    page.locator('[data-class-toggle="crack"]').check()
    page.get_by_label("Score from").fill("0")
    expect(page.locator("[data-hidden-masks]")).to_be_hidden()


def test_without_scripts_the_buttons_do_the_same(
    browser: "object",
    server: DashboardServer,
    camera: Camera,
    cookies: Callable[[str], "object"],
) -> None:
    context = browser.new_context(  # type: ignore[attr-defined]
        java_script_enabled=False, storage_state=cookies(OPERATOR)
    )
    try:
        page = context.new_page()
        page.goto(f"{server.url}/stations/{camera.station.key}")
        page.locator('[data-decision="S"]').click()
        expect(page.locator(".holds")).to_contain_text("scrap")
        page.locator('[data-decision="Z"]').click()
        expect(page.locator(".holds")).to_contain_text("Nobody has decided")
    finally:
        context.close()
