"""Register → gate → look at a flip → promote → roll back, in a browser, by the keyboard."""

import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from sqlalchemy import select

from db.engine import Database
from db.frames import FrameStore
from db.models import Line, RecipeVersion, Station
from db.queries.reviews import ReviewVerdict, say
from inspection.decode import encode_png
from inspection.detections import Detections
from inspection.judge import judge
from inspection.model_folder import MANIFEST, find_model
from tests import factories
from tests.browser.server import DashboardServer
from tests.factories import Found
from tests.integration.drain.plant import BrightnessDetector, grey
from workers.inspecting.gates import gate_step
from workers.inspecting.models import Models, Pace
from workers.inspecting.runtime import Runtime
from workers.inspecting.uploads import upload_step
from workers.settings import WorkerSettings

pytestmark = pytest.mark.browser

ENGINEER = "Emil Engineer"
FALSE_CALL = 190  # grey value of an image on which the champion sees a defect that is none
RULES = {"crack": {"limits": {"count": {"fail": 0}}}}


class Sharper(BrightnessDetector):
    """Is not fooled by the false call."""

    def _detect(self, image: Any) -> Detections:
        if int(image[0, 0, 0]) == FALSE_CALL:
            return Detections.empty((image.shape[1], image.shape[0]))
        return super()._detect(image)


@pytest.fixture(scope="module")
def gated(database: Database, store: FrameStore) -> None:
    """A station with three bad parts and three good ones, one of which was called bad."""
    with database.sessions.begin() as session:
        line = session.scalars(select(Line).where(Line.key == "line-2")).one()
        body = factories.recipe_body(name="gated", classes=RULES)
        version = factories.make_recipe_version(session, body=body)
        station = factories.make_station(session, line, recipe=version, key="gated", name="Gated")
        camera = factories.make_camera(session, station, key="gated-camera")
        for value, verdict, word in (
            (200, "fail", ReviewVerdict.CONFIRMED),
            (201, "fail", ReviewVerdict.CONFIRMED),
            (FALSE_CALL, "fail", ReviewVerdict.FALSE_CALL),
            (203, "pass", ReviewVerdict.CONFIRMED),
            (204, "pass", ReviewVerdict.CONFIRMED),
        ):
            image = store.put(encode_png(grey(value, dark=verdict == "fail")), "png")
            found = [Found(xyxy=(30, 20, 50, 40))] if verdict == "fail" else []
            inspection = factories.decide(
                session, camera, verdict, found=found, image=image, size_wh=(80, 60)
            )
            say(session, inspection.id, word, "Olga Operator")


@pytest.fixture
def runtime(database: Database, store: FrameStore, data_dir: Path) -> Iterator[Runtime]:
    def load(folder: Any) -> BrightnessDetector:
        return (Sharper if folder.name == "mine" else BrightnessDetector)(folder.classes)

    made = Runtime(
        database=database,
        store=store,
        models=Models(load, models_dir=data_dir / "models", budget_bytes=10**12),
        judge=judge,
        publish=lambda *events: None,
        settings=WorkerSettings(),
        pace=Pace(0.5),
    )
    yield made
    made.models.close()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    shutil.copytree(find_model("surface-starter"), folder)
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | {"name": "mine"}))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as zipped:
        for file in folder.iterdir():
            zipped.write(file, f"mine/{file.name}")
    path = tmp_path / "mine.zip"
    path.write_bytes(packed.getvalue())
    return path


def no_violations(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_from_a_foreign_folder_to_the_champion_and_back(
    new_page: Callable[..., Page],
    server: DashboardServer,
    database: Database,
    gated: None,
    runtime: Runtime,
    archive: Path,
) -> None:
    page = new_page(1280, 900, who=ENGINEER)
    page.goto(f"{server.url}/lab/models")
    page.get_by_label("A ZIP or TAR of the folder").set_input_files(archive)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("being checked: a worker tries it on one image")).to_be_visible()
    no_violations(page)
    while upload_step(runtime):
        pass
    page.reload()
    page.get_by_role("link", name="mine", exact=True).click()
    page.get_by_label("Hold it against what inspects at").select_option("gated")
    page.get_by_label("Images of bad parts, at least").fill("2")
    page.get_by_label("Images of good parts, at least").fill("3")
    no_violations(page)
    page.get_by_role("button", name="Start the gate").click()
    expect(page.get_by_text("Being looked at: 0 of 10 images")).to_be_visible()
    while gate_step(runtime):
        pass
    page.reload()
    expect(page.get_by_role("heading", name="Every limit is kept")).to_be_visible()
    expect(page.get_by_text("One flip has to be looked at first.")).to_be_visible()
    expect(page.get_by_role("button", name="Promote")).to_have_count(0)
    no_violations(page)
    page.get_by_role("link", name="Look at them").click()
    expect(page.get_by_role("img", name="What mine found")).to_be_visible()
    no_violations(page)
    page.keyboard.press("a")
    expect(page.get_by_text("accepted by Emil Engineer")).to_be_visible()
    page.get_by_role("button", name="Promote").click()
    expect(page.get_by_role("heading", name="mine is champion at Gated")).to_be_visible()
    assert active_model(database) == "mine"
    no_violations(page)
    page.get_by_role("button", name="Roll back to surface-starter").click()
    expect(page.get_by_role("heading", name="Promote", exact=True)).to_be_visible()
    assert active_model(database) == "surface-starter"


def active_model(database: Database) -> str:
    with database.reads() as session:
        station = session.scalars(select(Station).where(Station.key == "gated")).one()
        return session.get_one(RecipeVersion, station.recipe_version_id or 0).model
