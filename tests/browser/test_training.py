"""An engineer freezes labels, starts a run, watches it live, cancels it and lets it go on."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from sqlalchemy import delete

from db.engine import Database
from db.frames import FrameStore
from db.models import Trainer
from db.queries import training_runs
from db.queries.training_runs import RunProgress
from tests import factories
from tests.browser.server import DashboardServer
from tests.labelled import draw_labelled

pytestmark = pytest.mark.browser

ENGINEER = "Emil Engineer"
PROGRESS = RunProgress(
    step=40,
    share=0.4,
    eta_s=200.0,
    curves=[
        {"name": "loss", "points": [[step, 2.0 / step] for step in range(1, 41)]},
        {"name": "validation", "points": [[10, 0.31], [20, 0.44], [30, 0.52], [40, 0.55]]},
    ],
    log="5 images to train on, 3 to validate on\nvalidation: mean IoU 0.55",
)


@pytest.fixture(scope="module")
def labelled(database: Database, store: FrameStore) -> Iterator[None]:
    with database.sessions.begin() as session:
        station = factories.make_station(session, key="trained-on", name="Labelled press")
        draw_labelled(session, store, station, 8, seed=77)
        training_runs.note_trainer(session, "here:cpu", "cpu")
    yield
    with database.sessions.begin() as session:
        session.execute(delete(Trainer))


def test_a_run_from_labels_to_its_curves(
    new_page: Callable[..., Page],
    server: DashboardServer,
    database: Database,
    labelled: None,
    tmp_path: Path,
) -> None:
    page = new_page(1280, 900, who=ENGINEER, allowed=("422 (UNPROCESSABLE",))
    page.goto(f"{server.url}/lab/snapshots")
    page.get_by_label("Name").fill("november")
    page.get_by_label("Labelled press").check()
    page.get_by_label("train (%)").fill("90")
    page.get_by_role("button", name="Make the snapshot").click()
    # Shares of 120 % are told at the field, and what was typed stays.
    expect(page.get_by_role("alert")).to_contain_text("100 % together")
    expect(page.get_by_label("Name")).to_have_value("november")
    page.get_by_label("train (%)").fill("60")
    page.get_by_label("validation (%)").fill("40")
    page.get_by_label("test (%)").fill("0")
    page.get_by_role("button", name="Make the snapshot").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("november")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as COCO").click()
    assert download.value.suggested_filename == "november.zip"
    assert_accessible(page)
    page.screenshot(path=tmp_path / "snapshot.png", full_page=True)

    page.get_by_role("link", name="Train on it").click()
    page.get_by_label("Network").select_option("unet")
    page.get_by_label("Encoder").fill("light")
    page.get_by_label("Name of the model").fill("november-cracks")
    assert_accessible(page)
    page.screenshot(path=tmp_path / "training.png", full_page=True)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", name="waiting")).to_be_visible()

    with database.sessions.begin() as session:
        taken = training_runs.take_up(session, 600)
        assert taken is not None
        training_runs.beat(session, taken, PROGRESS, 600)
    # By itself: nobody loads the page again.
    expect(page.get_by_role("heading", name="running")).to_be_visible()
    expect(page.get_by_role("img", name="Validation by step, 0.55 at the end")).to_be_visible()
    expect(page.get_by_text("3 min")).to_be_visible()
    with database.sessions.begin() as session:
        training_runs.beat(session, taken, replace(PROGRESS, step=60, share=0.6), 600)
    expect(page.get_by_text("60.0 %")).to_be_visible()
    assert_accessible(page)
    page.screenshot(path=tmp_path / "run.png", full_page=True)

    page.get_by_role("button", name="Cancel the run").click()
    expect(page.get_by_role("heading", name="being cancelled")).to_be_visible()
    with database.sessions.begin() as session:
        training_runs.finish(session, taken, "cancelled")
    page.get_by_role("button", name="Go on from the last checkpoint").click()
    expect(page.get_by_role("heading", name="waiting")).to_be_visible()
    with database.sessions.begin() as session:
        training_runs.cancel(session, taken.run_id, "the test")

    page.goto(f"{server.url}/lab/training")
    expect(page.get_by_role("link", name="november-cracks")).to_be_visible()
    narrow = new_page(390, 844, who=ENGINEER, scheme="dark")
    narrow.goto(f"{server.url}/lab/training/{taken.run_id}")
    assert_accessible(narrow)
    narrow.screenshot(path=tmp_path / "narrow.png", full_page=True)
    assert narrow.evaluate("document.documentElement.scrollWidth") <= 390


def assert_accessible(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
