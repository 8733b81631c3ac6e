"""A real browser before the real server: `lineside dashboard`, Redis, and a drawn plant."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from argon2 import PasswordHasher
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    StorageState,
    expect,
    sync_playwright,
)

from db import migrate
from db.access import Role
from db.base import utc_now
from db.engine import Database, connect
from db.events import Events
from db.frames import FrameStore, open_store
from db.queries import people
from db.queries.people import Grant
from tests.browser.server import DashboardServer
from tests.drawn_plant import draw_plant
from tests.servers import RedisServer

# It takes the README's pictures and tests nothing: `make screenshots` says where they go.
collect_ignore = [] if os.environ.get("LINESIDE_SCREENSHOTS") else ["test_screenshots.py"]

# Hosts that run the tests are shared; what is waited for comes at once on an idle one.
expect.set_options(timeout=30_000)

# Who signs in here, each everywhere, with this password.
PEOPLE = {
    "Olga Operator": Role.OPERATOR,
    "Mika Manager": Role.MANAGER,
    "Emil Engineer": Role.ENGINEER,
    "Ada Admin": Role.ADMIN,
}
PASSWORD = "a password of the tests"

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium on this host: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the drawn plant in it."""
    folder = tmp_path_factory.mktemp("plant")
    database = connect(f"sqlite:///{folder / 'lineside.sqlite3'}")
    migrate.upgrade(database.engine)
    with database.sessions.begin() as session:
        draw_plant(session, open_store(str(folder / "frames")), utc_now())
        for name, role in PEOPLE.items():
            person = people.create_person(session, name, [Grant(role)])
            person.password_hash = PasswordHasher().hash(PASSWORD)
    database.dispose()
    return folder


@pytest.fixture(scope="session")
def database(data_dir: Path) -> Iterator[Database]:
    database = connect(f"sqlite:///{data_dir / 'lineside.sqlite3'}")
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def store(data_dir: Path) -> FrameStore:
    return open_store(str(data_dir / "frames"))


@pytest.fixture(scope="session")
def events(shared_redis: RedisServer) -> Iterator[Events]:
    events = Events(shared_redis.url)
    yield events
    events.close()


@pytest.fixture(scope="session")
def server(data_dir: Path, shared_redis: RedisServer) -> Iterator[DashboardServer]:
    """The pages, for tests that leave the server alone."""
    server = DashboardServer(data_dir, shared_redis.url)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def cookies(browser: Browser, server: DashboardServer) -> Callable[[str], StorageState]:
    """What a browser keeps after somebody has signed in through the form, by their name."""
    kept: dict[str, StorageState] = {}

    def of(name: str) -> StorageState:
        if name not in kept:
            context = browser.new_context()
            page = context.new_page()
            page.goto(f"{server.url}/sign-in")
            page.get_by_label("Name").fill(name)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in", exact=True).click()
            page.wait_for_url(f"{server.url}/")
            kept[name] = context.storage_state()
            context.close()
        return kept[name]

    return of


@pytest.fixture
def new_page(
    browser: Browser, cookies: Callable[[str], StorageState]
) -> Iterator[Callable[..., Page]]:
    """Opens pages, signed in as an admin or `who`; None: as nobody.

    At the end none may have logged an error or asked another host.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def watch(page: Page) -> None:
        page.on(
            "console",
            lambda message: (
                complaints.append(f"{message.type}: {message.text}")
                if message.type in ("error", "warning")
                else None
            ),
        )
        page.on("pageerror", lambda error: complaints.append(f"uncaught: {error}"))
        page.on(
            "request",
            lambda request: (
                complaints.append(f"left the host: {request.url}")
                if urlsplit(request.url).hostname not in ("127.0.0.1", None)
                else None
            ),
        )

    def open_page(
        width: int = 1280,
        height: int = 800,
        *,
        scheme: str = "light",
        allowed: tuple[str, ...] = (),
        who: str | None = "Ada Admin",
        state: StorageState | None = None,
    ) -> Page:
        context = browser.new_context(
            storage_state=state or (cookies(who) if who else None),
            viewport={"width": width, "height": height},
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        context.set_default_timeout(30_000)
        contexts.append(context)
        page = context.new_page()
        watch(page)
        allowed_here.extend(allowed)
        return page

    allowed_here: list[str] = []
    yield open_page
    for context in contexts:
        context.close()
    unexpected = [each for each in complaints if not any(part in each for part in allowed_here)]
    assert not unexpected, unexpected
