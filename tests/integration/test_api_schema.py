"""Schemathesis reads the API's own description and tries what it says, and what it forbids.

Over a socket, since its engine does not follow links through an app in the same process.
"""

import threading
from collections.abc import Iterator

import pytest
import schemathesis
from flask import Flask
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema
from werkzeug.serving import make_server

from db.engine import Database
from db.frames import FrameStore
from tests.factories import Found, decide, make_discrepancy, make_model_version
from tests.unit.services.api.conftest import (  # noqa: F401  (fixtures)
    TOKEN,
    app,
    bell,
    database,
    empty_sqlite,
    kept_events,
    store,
    values,
)

# What a schema cannot say: a URL's parts, limits in order, a time zone's name, a time to come,
# that only one of three places is named, shares that make a whole, what an archive holds, a
# revision that there is, a note that has words.
MAY_REFUSE_VALID = (
    "PATCH /api/v1/alert-channels/{id}",
    "POST /api/v1/alert-channels",
    "POST /api/v1/alert-rules",
    "POST /api/v1/alert-rules/{id}/snooze",
    "PUT /api/v1/alert-rules/{id}",
    "POST /api/v1/cameras",
    "POST /api/v1/dataset-snapshots",
    "POST /api/v1/inspections/{id}/reviews",
    "GET /api/v1/labelled-images/{id}/annotations",
    "PUT /api/v1/labelled-images/{id}/annotations",
    "POST /api/v1/labelled-images/{id}/restore",
    "POST /api/v1/promotions",
    "POST /api/v1/registered-models",
    "POST /api/v1/training-runs",
    "PUT /api/v1/cameras/{ref}/source",
    "POST /api/v1/recipes",
    "POST /api/v1/sites",
    "PATCH /api/v1/sites/{ref}",
    "POST /api/v1/stations/{ref}/calibrations",
    "POST /api/v1/stations/{ref}/frames",
    "POST /api/v1/tokens",
)
ACCEPTING = ["2xx", "401", "403", "404", "409", "429", "422"]
CONFIG = {
    "headers": {"Authorization": f"Bearer {TOKEN}"},
    "generation": {"max-examples": 5, "deterministic": True},
    "continue-on-failure": True,
    "operations": [
        {
            "include-name": name,
            "checks": {"positive_data_acceptance": {"expected-statuses": ACCEPTING}},
        }
        for name in MAY_REFUSE_VALID
    ],
}


@pytest.fixture
def address(app: Flask, database: Database, store: FrameStore) -> Iterator[str]:  # noqa: F811
    """The API on a free port, with one of everything, so that id 1 mostly exists."""
    image = store.put(b"\xff\xd8\xff no JPEG", "jpg")
    with database.sessions.begin() as session:
        model = make_model_version(session)
        failed = decide(
            session, verdict="fail", found=[Found()], image=image, model_version_id=model.id
        )
        make_discrepancy(session, failed)
        decide(session, verdict="not_inspected", reason="failed")
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def test_the_api_does_what_its_document_says(address: str) -> None:
    schema = schemathesis.openapi.from_url(
        f"{address}/api/v1/openapi.json", config=SchemathesisConfig.from_dict(CONFIG)
    )
    tried: set[str] = set()
    failures: dict[str, str] = {}  # the first of each kind
    for event in from_schema(schema).execute():
        assert not isinstance(event, events.FatalError), event
        if isinstance(event, events.NonFatalError):
            failures.setdefault(f"{event.phase} {event.label}", event.info.message)
        if isinstance(event, events.ScenarioFinished):
            tried.add(event.label or "")
            for kind, example in failures_of(event):
                failures.setdefault(kind, example)
    assert not failures, "\n\n".join(f"{kind}: {each}" for kind, each in failures.items())
    assert tried >= {
        "GET /api/v1/inspections",
        "POST /api/v1/stations/{ref}/frames",
        "POST /api/v1/discrepancies/{id}/resolve",
    }


def failures_of(event: events.ScenarioFinished) -> Iterator[tuple[str, str]]:
    for case_id, checks in event.recorder.checks.items():
        for check in checks:
            if check.status is Status.FAILURE and check.failure_info is not None:
                failure = check.failure_info.failure
                case = event.recorder.cases[case_id].value
                kind = f"{case.operation.label} {failure.title}"
                yield kind, f"{failure.message}\n{check.failure_info.code_sample[:2000]}"
