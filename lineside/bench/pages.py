"""How long the server takes for every page, on a plant with a long past."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from db.access import Role
from db.engine import Database, connect
from db.frames import open_store
from db.migrate import upgrade
from db.models import (
    AlertChannel,
    AlertRule,
    Camera,
    DatasetSnapshot,
    Discrepancy,
    GateFlip,
    GateRun,
    Inspection,
    LabelledImage,
    Line,
    Person,
    RecipeRow,
    RecipeVersion,
    Shadow,
    Site,
    Station,
    TrainingRun,
)
from db.queries.people import Grant, create_person
from db.queries.sign_ins import begin_session
from lineside.bench.alert_rows import add_alert_rows
from lineside.bench.learning_rows import add_learning_rows

# Streams never end, and images are timed by what is in them, not by how many there are.
_LEFT_OUT = {"/events", "/healthz", "/favicon.ico", "/assets", "/images", "/overlays"}
# What a person sees once, and not while a line runs.
_LEFT_OUT |= {"/sign-in", "/setup", "/invitation", "/pair", "/pin", "/oidc"}
# These lead on to another page, or show a picture.
_LEFT_OUT_RULES = {"/lab/", "/lab/shots/<int:shot_id>.jpg", "/lab/stations/<station>/choose"}
_LEFT_OUT_RULES |= {"/lab/flips/<int:flip_id>/overlay.jpg", "/lab/labels/<int:image_id>/image"}
# A download, as long as its pictures are many.
_LEFT_OUT_RULES |= {"/lab/snapshots/<int:snapshot_id>/archive"}
_API_LISTS = ("inspections", "discrepancies", "stations", "cameras", "lines", "ledger")


class NotEmpty(Exception):
    """The database holds a plant already."""


class _Silence:
    """Nobody listens: neither bell nor live events."""

    def publish(self, _event: dict[str, Any]) -> bool:
        return True

    def ring(self, _queue: str) -> None:
        return None


@contextlib.contextmanager
def opened(folder: Path, url: str | None) -> Iterator[Database]:
    """An empty database with all tables.

    Raises:
        NotEmpty: there is a plant in it.
    """
    database = connect(url or f"sqlite:///{folder / 'lineside.sqlite3'}")
    try:
        upgrade(database.engine)
        with database.reads() as session:
            if session.scalar(select(func.count()).select_from(Site)):
                raise NotEmpty(f"{database.engine.url!r} holds a plant: expected an empty database")
        yield database
    finally:
        database.dispose()


def measure(database: Database, folder: Path, rounds: int) -> dict[str, dict[str, Any]]:
    """Of each path p50 and p95 in ms, statements and size, over so many requests.

    Each round asks for other rows (the newest, older and oldest inspections), so that nothing is
    measured twice from a cache that a plant would not have.
    """
    statements = _counted(database)
    found: dict[str, dict[str, Any]] = {}
    for rule, paths, client, headers in _requests(database, folder, rounds):
        took, busy, size, count = [], [], 0, 0
        for path in paths:
            statements.clear()
            begin, begin_busy = time.perf_counter(), time.process_time()
            answer = client.get(path, headers=headers)
            size = max(size, len(answer.get_data()))
            took.append(time.perf_counter() - begin)
            busy.append(time.process_time() - begin_busy)
            if answer.status_code != 200:
                raise RuntimeError(f"{path} answered {answer.status}")
            count = max(count, len(statements))
        p50, p95 = np.percentile(took[1:], [50, 95]) * 1000
        found[rule] = {
            "p50_ms": round(float(p50), 1),
            "p95_ms": round(float(p95), 1),
            # Of this process; a PostgreSQL server's own is not in it.
            "processor_ms": round(float(np.median(busy[1:])) * 1000, 1),
            "statements": count,
            "bytes": size,
        }
    return found


def _requests(
    database: Database, folder: Path, rounds: int
) -> Iterator[tuple[str, list[str], Any, dict[str, str]]]:
    from dashboards.app import create_app as create_pages
    from dashboards.values import DashboardValues
    from db.credentials import SecretBox, derived_key
    from services.api import create_app as create_api
    from services.api.values import ApiValues

    silence, nowhere = _Silence(), "redis://127.0.0.1:1/0"
    store = open_store(str(folder / "frames"))
    secret = derived_key(folder / "key", "cookies of the bench")
    pages = create_pages(DashboardValues(database, store, silence, nowhere, secret))
    client = _signed_in(pages, database)
    with database.sessions.begin() as session:
        add_alert_rows(session)
        add_learning_rows(session)
    with database.reads() as session:
        asked = _asked(session, rounds)
    for rule in sorted(pages.url_map.iter_rules(), key=lambda one: one.rule):
        start = "/" + rule.rule.split("/")[1]
        if "GET" not in (rule.methods or ()) or start in _LEFT_OUT or rule.rule in _LEFT_OUT_RULES:
            continue
        for shown, values in _filled(rule.rule, rule.arguments, asked):
            with pages.test_request_context():
                paths = [rule.build(each)[1] for each in values]  # type: ignore[index]
            yield shown, paths, client, {}
            for query in _QUERIES.get(shown, ()):
                yield f"{shown}?{query}", [f"{path}?{query}" for path in paths], client, {}
    token = "b" * 32
    api = create_api(
        ApiValues(
            database, store, silence, silence, token, lambda: SecretBox(folder / "key"), nowhere
        )
    )
    for name in _API_LISTS:
        path = f"/api/v1/{name}"
        headers = {"Authorization": f"Bearer {token}"}
        yield path, [path] * (rounds + 1), api.test_client(), headers


def _signed_in(pages: Any, database: Database) -> Any:
    """A client of somebody who may see everything."""
    with database.sessions.begin() as session:
        person = create_person(session, "Bench", [Grant(Role.ADMIN)])
        token = begin_session(session, person=person, address="", browser="bench")
    client = pages.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = token
    return client


def _asked(session: Session, rounds: int) -> dict[str, list[Any]]:
    """Of each name in a path, as many values as requests; the first warms up."""

    def spread(values: list[Any]) -> list[Any]:
        places = np.linspace(0, len(values) - 1, rounds + 1).round().astype(int)
        return [values[place] for place in places]

    def keys(kind: str) -> list[Any]:
        return list(session.scalars(select(Line.key).where(Line.kind == kind)))

    newest = session.scalar(select(func.max(Inspection.id))) or 0
    stations = session.execute(select(Station.key, Station.id).order_by(Station.id)).all()
    return {
        "line": spread(keys("production")),
        "shelf": spread(keys("shelf")),
        "site": spread(list(session.scalars(select(Site.key)))),
        "station": spread([key for key, _ in stations]),
        "line_station": spread(
            list(
                session.scalars(
                    select(Station.key).join(Station.line).where(Line.kind == "production")
                )
            )
        ),
        "station_id": [stations[0].id] * (rounds + 1),
        "inspection_id": spread(list(range(1, newest + 1))),
        "discrepancy_id": spread(list(session.scalars(select(Discrepancy.id)))),
        "rule_id": spread(list(session.scalars(select(AlertRule.id)))),
        "channel_id": spread(list(session.scalars(select(AlertChannel.id)))),
        "camera": spread(list(session.scalars(select(Camera.key)))),
        "recipe": spread(list(session.scalars(select(RecipeRow.name)))),
        "version_id": spread(list(session.scalars(select(RecipeVersion.id)))),
        "model": ["surface-starter"] * (rounds + 1),
        "gate_id": spread(list(session.scalars(select(GateRun.id)))),
        "flip_id": spread(list(session.scalars(select(GateFlip.id)))),
        "image_id": spread(list(session.scalars(select(LabelledImage.id)))),
        "snapshot_id": spread(list(session.scalars(select(DatasetSnapshot.id)))),
        "run_id": spread(list(session.scalars(select(TrainingRun.id)))),
        "shadow_id": spread(list(session.scalars(select(Shadow.id)))),
        "person_id": [session.scalar(select(func.max(Person.id)))] * (rounds + 1),
    }


# The parts that each board's page asks for by name.
_PARTS = {
    "/lines/<ref>/parts/<name>": ("summary", "discrepancies", "pareto", "feed"),
    "/shelves/<ref>/parts/<name>": ("summary", "gaps", "bays"),
    "/stores/<ref>/parts/<name>": ("summary", "aisles", "gaps"),
}
# What else a page may be asked for that costs it more: longer times, and other counts.
_QUERIES = {
    "/inspections": (
        "verdict=fail",
        "class=crack",
        "class=never-seen",
        "reviewed=yes",
        "reviewed=no&verdict=fail",
        "verdict=fail&class=stain&from=2020-01-01T00:00",
    ),
    "/shelves/<ref>": ("order=walk",),
    "/quality/<ref>": (
        "range=day",
        "range=week",
        "range=month",
        "range=week&by=hour",
        "range=week&chart=defects",
        "range=month&chart=parts",
        "range=month&by=count",
    ),
    "/quality/station/<ref>": ("range=week&by=hour", "range=month&chart=parts"),
    "/reports/<ref>": ("shift=*",),
    "/alerts/log": ("state=failed", "state=dropped", "state=sent"),
}


def _filled(
    rule: str, arguments: set[str], asked: dict[str, list[Any]]
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    refs = {"lines": "line", "shelves": "shelf", "stores": "site", "stations": "station"}
    refs |= {"quality": "line", "reports": "line"}
    sources = {name: name for name in arguments if name in asked}
    if "/thresholds" in rule:  # which a shelf has not
        sources["station"] = "line_station"
    if "ref" in arguments:
        of_station = rule.startswith("/quality/station/")
        sources["ref"] = "station" if of_station else refs[rule.split("/")[1]]
    rows = len(asked["inspection_id"])
    values = [{name: asked[source][n] for name, source in sources.items()} for n in range(rows)]
    if rule not in _PARTS:
        yield rule, values
        return
    for name in _PARTS[rule]:
        yield rule.replace("<name>", name), [each | {"name": name} for each in values]


def _counted(database: Database) -> list[str]:
    found: list[str] = []

    @event.listens_for(database.engine, "before_cursor_execute")
    def _note(_c: Any, _k: Any, statement: str, _p: Any, _x: Any, _m: bool) -> None:
        found.append(statement)

    return found
