"""The sample plant in the browser, as a new user meets it: `lineside up`, then every board.

With LINESIDE_SCREENSHOTS it waits for more to show and writes the pictures of docs/screens there
(`make screenshots`), each light and dark.
"""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, StorageState
from sqlalchemy import func, select

from db.engine import connect
from db.models import Inspection, Station
from tests.servers import wait_until

FOLDER = os.environ.get("LINESIDE_SCREENSHOTS")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(1800),
]

MOST_BYTES = 300_000
LEAST_INSPECTIONS = 60 if FOLDER else 3
_PATIENCE_S = 900


@pytest.fixture(scope="module")
def plant(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> Iterator[tuple[str, int, StorageState]]:
    """Address of a running sample plant, an inspection that failed, and its first admin."""
    folder = tmp_path_factory.mktemp("sample")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"LINESIDE_DATA_DIR": str(folder)}
    for name in ("LINESIDE_DATABASE_URL", "LINESIDE_REDIS_URL"):
        environment.pop(name, None)
    log = (folder / "up.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "lineside", "up", "--port", str(port)],
        env=environment,
        stdout=log,
        stderr=log,
    )
    database = connect(f"sqlite:///{folder / 'lineside.sqlite3'}")

    def enough() -> bool:
        assert process.poll() is None, (folder / "up.log").read_text()[-3000:]
        if not (folder / "lineside.sqlite3").exists():
            return False
        with database.reads() as session:
            done = session.execute(
                select(Station.key, func.count(Inspection.id))
                .outerjoin(Inspection, Inspection.station_id == Station.id)
                .group_by(Station.key)
            )
            return all(number >= LEAST_INSPECTIONS for _, number in done) and failed() is not None

    def failed() -> int | None:
        with database.reads() as session:
            return session.scalar(
                select(func.max(Inspection.id))
                .join(Station, Station.id == Inspection.station_id)
                .where(Inspection.verdict == "fail", Station.key == "sample-surface")
            )

    try:
        wait_until(
            lambda: (folder / "lineside.sqlite3").exists(), _PATIENCE_S, "the database is there"
        )
        # Its tables come a moment later; what answers over HTTP has them.
        wait_until(lambda: _answers(port), _PATIENCE_S, f"the plant is up; see {folder}/up.log")
        wait_until(enough, _PATIENCE_S, f"every station has inspected; see {folder}/up.log")
        shown = failed()
        assert shown is not None
        yield f"http://127.0.0.1:{port}", shown, _first_admin(browser, folder / "up.log")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
        database.dispose()


WALL, TABLET, PHONE, DESK = (1920, 1080), (1024, 768), (390, 844), (1366, 900)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("name", "path", "size_wh", "moment"),
    [
        (
            "line-board",
            "/lines/line-1",
            WALL,
            ".board:has(.tile.is-fail .mark):has(.discrepancies .is-fail) .tile",
        ),
        ("station", "/stations/sample-surface", TABLET, ".station.is-fail .mark"),
        ("inspection", "/inspections/FAILED", TABLET, ".mark"),
        ("quality", "/quality/line-1", DESK, "svg"),
        ("shelf-board", "/shelves/aisle-1", DESK, ".gap:nth-child(2)"),
        ("shelf-board-phone", "/shelves/aisle-1", PHONE, ".gap"),
        ("recipe", "/lab/recipes/surface-sample", DESK, "main"),
        ("health", "/lab/health", DESK, "table"),
        ("alerts", "/alerts", DESK, "main"),
        ("people", "/people", DESK, "table"),
    ],
)
def test_every_board_of_the_sample_plant_is_photographed(
    new_page: Callable[..., Page],
    plant: tuple[str, int, StorageState],
    name: str,
    path: str,
    size_wh: tuple[int, int],
    scheme: str,
    moment: str,
    tmp_path: Path,
) -> None:
    url, failed, state = plant
    page = new_page(*size_wh, scheme=scheme, state=state)
    page.goto(url + path.replace("FAILED", str(failed)))
    wait_until(
        lambda: page.evaluate(
            "[...document.images].every((i) => i.complete || i.loading == 'lazy')"
        ),
        30,
        "all images are there",
    )
    # A picture for a README wants something to be seen on it.
    page.locator(moment if FOLDER else "main").first.wait_for(timeout=300_000)
    target = Path(FOLDER or tmp_path) / f"{name}-{scheme}.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=target)
    _shrink(target)
    assert target.stat().st_size <= MOST_BYTES


def _first_admin(browser: Browser, log: Path) -> StorageState:
    """Signed in by the link that the terminal shows."""
    wait_until(lambda: "/setup/" in log.read_text(), 60, "the link is shown")
    link = re.search(r"http://\S+/setup/\S+", log.read_text())
    assert link is not None
    context = browser.new_context()
    page = context.new_page()
    page.goto(link[0])
    page.get_by_label("Name").fill("Ada Admin")
    page.get_by_label("Password", exact=True).fill("correct horse battery")
    page.get_by_label("The same again").fill("correct horse battery")
    page.get_by_role("button", name="Set and sign in").click()
    page.wait_for_url(re.compile("/$"))
    state = context.storage_state()
    context.close()
    return state


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _shrink(path: Path) -> None:
    """Fewer colours until the file is small enough; pages have few, photos hide the rest."""
    picture = Image.open(path).convert("RGB")
    for colours in (256, 128, 64, 32):
        picture.quantize(colours, dither=Image.Dither.NONE).save(path, optimize=True)
        if path.stat().st_size <= MOST_BYTES:
            return
