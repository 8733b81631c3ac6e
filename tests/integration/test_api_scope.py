"""Whatever is asked of the API and by which role: another line's things are unknown."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.routing import Rule

from db.access import PERMISSIONS, Permission, Role
from db.base import utc_now
from db.credentials import SecretBox
from db.engine import Database
from db.frames import FrameStore, open_store
from db.models import (
    Alert,
    AlertChannel,
    AlertRule,
    AlertTarget,
    AuditEntry,
    Calibration,
    Delivery,
    LabelledImage,
    Line,
    ReviewItem,
    Station,
)
from db.queries.reviews import ReviewVerdict, say
from db.queries.tokens import Place, create_token
from services.api import create_app
from services.api.permissions import declared
from services.api.values import ApiValues
from tests import factories
from tests.drawn_exports import SIZE_WH as EXPORT_WH
from tests.drawn_exports import cvat_archive, jpeg
from tests.labelled import add_training, draw_labelled
from tests.unit.services.api.conftest import NO_REDIS, TOKEN, KeptBell, KeptEvents

JPEG = b"\xff\xd8\xff"
# Of no line: what is made and how it is judged is the same everywhere.
OF_NO_PLACE = {"recipes", "recipe-versions", "products", "models", "registered-models"} | {
    "model-uploads"
}
# Where no name is told that could leak.
NUMBERS_ALONE = {"ledger", "review-blind", "review-agreement"}
PUSH_ONLY = "push"


@pytest.fixture
def store(tmp_path: Path) -> FrameStore:
    return open_store(str(tmp_path / "frames"), min_free_bytes=0)


@pytest.fixture
def app(any_database: Database, store: FrameStore, tmp_path: Path) -> Flask:
    return create_app(
        ApiValues(
            database=any_database,
            store=store,
            bell=KeptBell(),
            events=KeptEvents(),
            token=TOKEN,
            secrets=lambda: SecretBox(tmp_path / "secret.key"),
            redis_url=NO_REDIS,
            max_wait_s=0.1,
        )
    )


class Plant:
    """Ids of one of everything at a line, and headers that present tokens of it."""

    def __init__(self, database: Database, store: FrameStore, name: str) -> None:
        image = store.put(JPEG + name.encode(), "jpg")
        with database.sessions.begin() as session:
            site = factories.make_site(session, key=f"{name}-site", name=name)
            line = factories.make_line(session, site, key=f"{name}-line", name=name)
            station = factories.make_station(session, line, key=f"{name}-station", name=name)
            camera = factories.make_camera(session, station, key=f"{name}-camera", name=name)
            shift = factories.make_shift(session, site, name=name)
            failed = factories.decide(
                session, camera, "fail", found=[factories.Found()], image=image, detail=name
            )
            dead = factories.decide(
                session, camera, "not_inspected", reason="failed", image=image, detail=name
            )
            discrepancy = factories.make_discrepancy(session, failed, detail=name)
            session.add(Calibration(station_id=station.id, mm_per_px=0.1, note=name))
            alert = Alert(
                discrepancy_id=discrepancy.id,
                event="discrepancy.opened",
                idempotency_key=name,
                payload={"at": name},
            )
            alert.deliveries = [Delivery(channel="webhook", last_error=name, state="failed")]
            session.add(alert)
            channel = AlertChannel(key=f"{name}-ch", name=name, kind="webhook", line_id=line.id)
            session.add(channel)
            session.flush()
            rule = AlertRule(name=name, line_id=line.id)
            rule.targets = [AlertTarget(channel_id=channel.id)]
            session.add(rule)
            session.flush()
            recipe_version_id = station.recipe_version_id
            token, _ = create_token(
                session, f"{name}-token", "operator", Place(line_id=line.id), created_by="x"
            )
            said = say(session, failed.id, ReviewVerdict.CONFIRMED, name)
            item = ReviewItem(
                inspection_id=failed.id,
                station_id=station.id,
                reason="uncertain",
                priority=0.5,
                detail=name,
            )
            session.add(item)
            session.flush()
            gate, flip = factories.make_gate(session, failed, by=name)
            drawn = store.put(jpeg(100 + line.id), "jpg")
            labelled = LabelledImage(
                station_id=station.id,
                name=f"{name}.jpg",
                image_key=drawn.key,
                image_sha256=drawn.sha256,
                width_px=EXPORT_WH[0],
                height_px=EXPORT_WH[1],
                split_group=name,
                captured_at=utc_now(),
                state="done",
            )
            session.add(labelled)
            session.flush()
            shadow = factories.make_shadow(session, failed, started_by=name)
            challenger = shadow.model.name
            factories.make_watched(session, camera, 12, until=utc_now(), image=image)
            snapshot, training_run = add_training(session, station, name)
            self.ids = {
                "dataset-snapshots": snapshot.id,
                "training-runs": training_run.id,
                "shadows": shadow.id,
                "labelled-images": labelled.id,
                "sites": site.id,
                "lines": line.id,
                "stations": station.id,
                "cameras": camera.id,
                "shifts": shift.id,
                "acquisitions": failed.acquisition_id,
                "dead-letters": dead.acquisition_id,
                "inspections": failed.id,
                "review_id": said.review.id,
                "gate-runs": gate.id,
                "gate-flips": flip.id,
                "discrepancies": discrepancy.id,
                "tokens": token.id,
                "deliveries": alert.deliveries[0].id,
                "alert-channels": channel.id,
                "alert-rules": rule.id,
                "review-items": item.id,
            }
            self.headers: dict[tuple[str, str], dict[str, str]] = {}
            for role in (*(each.value for each in Role), PUSH_ONLY):
                for what, place in (
                    ("line", Place(line_id=line.id)),
                    ("site", Place(site_id=site.id)),
                ):
                    _, text = create_token(session, f"{name} {role}", role, place, created_by="x")
                    self.headers[role, what] = {"Authorization": f"Bearer {text}"}
        self.bodies: dict[str, dict[str, Any]] = {
            "/stations/<ref>/holds": {"reason": name},
            "/stations/<ref>/release": {"word": name},
            "/stations/<ref>/references": {"since": "2026-01-01T00:00:00Z"},
            "/stations/<ref>/shadows": {"model": challenger},
            "/review-items/<id>/confirm": {"word": "bad"},
            "/review-items/<id>/readings": {"word": "bad"},
            "/stations/<ref>/review-sampling": {"share": 0.1},
            "/stations/<ref>/thresholds": {"classes": {}},
            "/stations/<ref>/threshold-drafts": {"classes": {}},
            "/labelled-images/<id>/annotations": {
                "revision": 0,
                "annotations": [],
                "state": "done",
                "nothing": True,
            },
            "/labelled-images/<id>/restore": {"revision": 0, "restore": 0},
            "/labelled-images/<id>/segment": {"on": [[5, 5]]},
            "/sites/<ref>/shifts": {"name": "n", "starts_at": "01:00", "ends_at": "02:00"},
            "/stations/<ref>/calibrations": {"mm_per_px": 0.2},
            "/stations/<ref>/recipe": {"version_id": recipe_version_id},
            "/cameras/<ref>/source": {"kind": "push"},
            "/inspections/<id>/dispositions": {"action": "scrap"},
            "/inspections/<id>/reviews": {"verdict": "noted", "note": name},
            "/alert-rules/<id>": {"name": name, "channels": [channel.id], "line_id": line.id},
            "/alert-rules/<id>/snooze": {"until": None},
            "/stations/<ref>/gate-runs": {"model": "surface-starter"},
            "/stations/<ref>/promotions": {"model": "surface-starter"},
            "/gate-flips/<id>": {"decision": "accepted"},
        }

    def address(self, rule: Rule) -> str:
        """The path of a route, with the id of what is here."""
        kind = rule.rule.split("/")[3]
        its = {name: str(self.ids.get(name, self.ids[kind])) for name in rule.arguments}
        _, path = rule.build(its) or ("", "")
        return path

    def ask(
        self, client: FlaskClient, rule: Rule, method: str, header: dict[str, str]
    ) -> tuple[int, str]:
        """Ask for what is here, with a body that is as expected."""
        sent: dict[str, Any] = {}
        if rule.rule.endswith("/frames"):
            sent = {"data": {"image": (io.BytesIO(JPEG), "a.jpg")}}
        elif rule.rule.endswith("/labels/import"):
            archive = io.BytesIO(cvat_archive())
            sent = {"data": {"archive": (archive, "a.zip"), "classes": "crack,stain"}}
        elif method in ("POST", "PUT", "PATCH"):
            sent = {"json": self.bodies.get(rule.rule.removeprefix("/api/v1"), {})}
        answer = client.open(self.address(rule), method=method, headers=header, **sent)
        return answer.status_code, answer.data.decode(errors="replace")


@pytest.fixture
def mine(any_database: Database, store: FrameStore) -> Plant:
    return Plant(any_database, store, "mine")


@pytest.fixture
def foreign(any_database: Database, store: FrameStore) -> Plant:
    return Plant(any_database, store, "foreign")


def routes_of_things(app: Flask) -> list[tuple[Rule, str]]:
    """Every route that names a thing of a place, with each of its methods; removals last."""
    order = ["HEAD", "GET", "POST", "PUT", "PATCH", "DELETE"]
    return [
        (rule, method)
        for method in order
        for rule in app.url_map.iter_rules()
        if rule.arguments
        and rule.rule.split("/")[3] not in OF_NO_PLACE
        and method in (rule.methods or ())
    ]


def may(role: str, permission: Permission | None) -> bool:
    if role == PUSH_ONLY:
        return permission is Permission.PUSH
    return permission in PERMISSIONS[Role(role)]


def test_every_operation_declares_what_it_asks_for(app: Flask) -> None:
    asked = {rule.rule: declared(app, rule.endpoint) for rule in app.url_map.iter_rules()}
    assert {path for path, permission in asked.items() if permission is None} == {
        "/healthz",
        "/readyz",
        "/api/v1/openapi.json",
    }


def test_what_declares_nothing_is_not_served(app: Flask) -> None:
    app.add_url_rule("/api/v1/forgotten", view_func=lambda: "served")
    app.add_url_rule("/forgotten", endpoint="too", view_func=lambda: "served")
    client = app.test_client()
    for path in ("/api/v1/forgotten", "/forgotten"):
        answer = client.get(path, headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 500


def test_the_document_says_what_each_operation_asks_for(app: Flask) -> None:
    document = app.test_client().get("/api/v1/openapi.json").json
    assert document is not None
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if path.startswith("/api/v1"):
                assert operation["x-permission"] in list(Permission)
                assert f"`{operation['x-permission']}`" in operation["description"]
                assert "403" in operation["responses"]
            else:
                assert "x-permission" not in operation


def test_another_lines_ids_are_unknown_to_every_role(
    app: Flask, mine: Plant, foreign: Plant
) -> None:
    client, asked = app.test_client(), 0
    for rule, method in routes_of_things(app):
        permission = declared(app, rule.endpoint)
        for (role, _), header in mine.headers.items():
            status, text = foreign.ask(client, rule, method, header)
            expected = 404 if may(role, permission) else 403
            assert status == expected, (method, rule.rule, role, text)
            assert "foreign" not in text
            asked += 1
    assert asked > 400


def test_who_is_of_the_line_finds_it_all(app: Flask, foreign: Plant) -> None:
    """The control: with the same ids and bodies, what was unknown above is there."""
    client = app.test_client()
    header = foreign.headers["admin", "site"]
    for rule, method in routes_of_things(app):
        status, text = foreign.ask(client, rule, method, header)
        assert status in (200, 201, 202, 204, 409), (method, rule.rule, status, text)


def test_no_list_tells_of_another_line(
    app: Flask, any_database: Database, mine: Plant, foreign: Plant
) -> None:
    client = app.test_client()
    for place in (mine, foreign):  # so that the audit log has something of both
        name = "mine" if place is mine else "foreign"
        client.patch(
            f"/api/v1/lines/{place.ids['lines']}",
            json={"name": f"{name} renamed"},
            headers=place.headers["admin", "line"],
        )
    document = client.get("/api/v1/openapi.json").json
    assert document is not None
    filters = 0
    for path, operations in document["paths"].items():
        if "{" in path or "get" not in operations or not path.startswith("/api/v1/"):
            continue
        told = {}
        for name, place in (("mine", mine), ("foreign", foreign)):
            answer = client.get(path, headers=place.headers["admin", "line"])
            assert answer.status_code == 200
            told[name] = answer.text
        assert "foreign" not in told["mine"], path
        if path.rsplit("/", 1)[1] not in OF_NO_PLACE | NUMBERS_ALONE:
            assert "foreign" in told["foreign"], path
        for parameter in operations["get"].get("parameters", ()):
            kind = {"site": "sites", "line": "lines", "station": "stations"}.get(parameter["name"])
            if kind is not None:
                address = f"{path}?{parameter['name']}={foreign.ids[kind]}"
                status = client.get(address, headers=mine.headers["admin", "line"]).status_code
                assert status == 404, address
                filters += 1
    assert filters >= 5
    counted = client.get("/api/v1/ledger", headers=mine.headers["admin", "line"]).json
    assert counted is not None
    assert counted["acquired"] == 14


def test_nothing_is_put_where_one_may_not_see(app: Flask, mine: Plant, foreign: Plant) -> None:
    client = app.test_client()
    station, own = foreign.ids["stations"], mine.ids["stations"]
    site, line = str(foreign.ids["sites"]), str(foreign.ids["lines"])
    new = {"key": "new", "name": "New"}
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "lines", new | {"site": site}),
        ("POST", "stations", new | {"line": line}),
        ("PATCH", f"stations/{own}", {"line": line}),
        ("POST", "cameras", {"station": str(station), "key": "c", "kind": "push"}),
        ("POST", "tokens", {"name": "t", "role": "push", "line": line}),
        ("POST", "tokens", {"name": "t", "role": "push", "site": site}),
        ("POST", "tokens", {"name": "t", "role": "push", "station": str(station)}),
    ]
    for method, path, body in asked:
        header = mine.headers["admin", "site"]
        answer = client.open(f"/api/v1/{path}", method=method, json=body, headers=header)
        assert answer.status_code == 404, (method, path, answer.text)
    form = {"image": (io.BytesIO(JPEG), "a.jpg"), "camera": "foreign-camera"}
    answer = client.post(
        f"/api/v1/stations/{own}/frames", data=form, headers=mine.headers["push", "line"]
    )
    assert answer.status_code == 404


def test_every_change_leaves_an_entry(
    app: Flask, any_database: Database, store: FrameStore, mine: Plant
) -> None:
    """Every unsafe route, each done so that it changes something, but for pushing frames."""
    client, ids = app.test_client(), mine.ids
    with any_database.sessions.begin() as session:
        version_id = factories.make_recipe_version(session).id
        plain = factories.recipe_body(name="plain", model="classical-threshold", classes={})
        gated = factories.make_recipe_version(session, body=plain)
        line = session.get_one(Line, ids["lines"])
        factories.make_station(session, line, recipe=gated, key="gated")
        blind = ReviewItem(
            inspection_id=ids["inspections"],
            station_id=ids["stations"],
            reason="random",
            priority=0.5,
            probability=0.5,
            blind=True,
        )
        session.add(blind)
        session.flush()
        blind_id = blind.id
        more = [
            factories.make_discrepancy(
                session,
                factories.decide(
                    session, session.get_one(Line, ids["lines"]).stations[0].cameras[0]
                ),
                place=str(number),
            ).id
            for number in range(2)
        ]
    shift = {"name": "n", "starts_at": "01:00", "ends_at": "02:00"}
    recipe = factories.recipe_body(name="new")
    secret = "sixteen-or-more-characters"
    channel = {"name": "c", "kind": "webhook", "url": "https://example.org/x", "secret": secret}
    rule = {"name": "other", "channels": [ids["alert-channels"]], "line_id": ids["lines"]}
    tomorrow = utc_now() + timedelta(days=1)
    square = {"class": "crack", "segmentation": [[1, 1, 9, 1, 9, 9, 1, 9]]}
    labels = {"revision": 0, "annotations": [square]}
    with any_database.sessions.begin() as session:
        draw_labelled(session, store, session.get_one(Station, ids["stations"]), 6)
    shares = {"train": 0.6, "validation": 0.4, "test": 0.0}
    frozen = {"classes": ["pit", "stain"], "shares": shares}
    asked: list[tuple[str, str, dict[str, Any] | None]] = [
        ("POST", "sites", {"key": "s", "name": "S"}),
        ("PATCH", "sites/s", {"name": "T"}),
        ("POST", "sites/s/shifts", shift),
        ("PATCH", f"shifts/{ids['shifts']}", {"name": "late"}),
        ("DELETE", f"shifts/{ids['shifts']}", None),
        ("POST", "lines", {"site": "s", "key": "l", "name": "L"}),
        ("PATCH", "lines/l", {"name": "M"}),
        ("POST", "stations", {"line": "l", "key": "st", "name": "St"}),
        ("PATCH", "stations/st", {"name": "Su"}),
        ("PUT", "stations/st/recipe", {"version_id": version_id}),
        ("POST", "stations/st/calibrations", {"mm_per_px": 0.5}),
        ("POST", "cameras", {"station": "st", "key": "c", "kind": "push"}),
        ("PUT", "cameras/c/source", {"kind": "sample-shelf"}),
        ("POST", "cameras/c/disable", None),
        ("POST", "cameras/c/enable", None),
        ("POST", "cameras/c/disable", None),
        ("DELETE", "cameras/c", None),
        ("DELETE", "stations/st", None),
        ("DELETE", "lines/l", None),
        ("POST", "sites", {"key": "u", "name": "U"}),
        ("DELETE", "sites/u", None),
        ("POST", "products", {"key": "p", "name": "P"}),
        ("PATCH", "products/p", {"price": 2.5}),
        ("DELETE", "products/p", None),
        ("POST", "recipes", recipe),
        ("POST", f"discrepancies/{ids['discrepancies']}/acknowledge", {}),
        ("POST", f"discrepancies/{more[0]}/resolve", {}),
        ("POST", f"discrepancies/{more[1]}/false-call", {}),
        ("POST", f"inspections/{ids['inspections']}/dispositions", {"action": "scrap"}),
        ("POST", f"inspections/{ids['inspections']}/reviews", {"verdict": "noted", "note": "n"}),
        ("POST", f"inspections/{ids['inspections']}/reviews/{ids['review_id']}/undo", {}),
        ("POST", "labelled-images", {"acquisition_id": ids["acquisitions"]}),
        ("PUT", f"labelled-images/{ids['labelled-images']}/annotations", labels),
        (
            "POST",
            f"labelled-images/{ids['labelled-images']}/restore",
            {"revision": 1, "restore": 0},
        ),
        ("POST", f"review-items/{ids['review-items']}/skip", {}),
        ("POST", f"review-items/{ids['review-items']}/reopen", {}),
        ("POST", f"review-items/{ids['review-items']}/confirm", {"word": "bad"}),
        ("POST", f"review-items/{blind_id}/readings", {"word": "bad"}),
        ("PUT", f"stations/{ids['stations']}/review-sampling", {"per_day": 5.0}),
        ("POST", f"stations/{ids['stations']}/threshold-drafts", {"classes": {}}),
        ("POST", f"dead-letters/{ids['dead-letters']}/resend", None),
        ("POST", f"deliveries/{ids['deliveries']}/again", None),
        ("POST", "alert-channels", channel),
        ("PATCH", f"alert-channels/{ids['alert-channels']}", {"name": "louder"}),
        ("POST", f"alert-channels/{ids['alert-channels']}/test", None),
        ("POST", "alert-rules", {"name": "r", "channels": [ids["alert-channels"] + 1]}),
        ("PUT", f"alert-rules/{ids['alert-rules']}", rule),
        ("POST", f"alert-rules/{ids['alert-rules']}/snooze", {"until": tomorrow.isoformat()}),
        ("DELETE", f"alert-rules/{ids['alert-rules']}", None),
        ("DELETE", f"alert-channels/{ids['alert-channels']}", None),
        ("POST", "stations/gated/gate-runs", {"model": "classical-edges"}),
        ("PUT", f"gate-flips/{ids['gate-flips']}", {"decision": "refused"}),
        ("POST", "stations/gated/promotions", {"model": "classical-edges", "reason": "r"}),
        ("POST", "stations/gated/rollback", None),
        (
            "POST",
            "promotions",
            {"model": "classical-edges", "champion": "classical-threshold", "reason": "r"},
        ),
        ("POST", "stations/gated/shadows", {"model": "classical-graph-cut", "share": 0.5}),
        ("POST", f"shadows/{ids['shadows']}/end", None),
        ("POST", f"shadows/{ids['shadows'] + 1}/end", None),
        ("POST", f"stations/{ids['stations']}/holds", {"reason": "hit"}),
        ("POST", f"stations/{ids['stations']}/release", {"word": "set again"}),
        ("POST", f"stations/{ids['stations']}/references", {"since": "2026-01-01T00:00:00Z"}),
        ("POST", "registered-models/classical-graph-cut/archive", None),
        ("POST", "registered-models/classical-graph-cut/restore", None),
        ("POST", "dataset-snapshots", frozen),
        ("POST", "training-runs", {"snapshot_id": ids["dataset-snapshots"] + 1, "steps": 9}),
        ("POST", f"training-runs/{ids['training-runs']}/resume", None),
        ("POST", f"training-runs/{ids['training-runs']}/cancel", None),
        ("POST", "tokens", {"name": "t", "role": "push"}),
        ("DELETE", f"tokens/{ids['tokens']}", None),
    ]
    count = select(func.count()).select_from(AuditEntry).where(AuditEntry.actor_kind == "local")
    walked = set()
    for method, path, body in asked:
        with any_database.reads() as session:
            before = session.scalar(count) or 0
        answer = client.open(
            f"/api/v1/{path}",
            method=method,
            json=body,
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        assert 200 <= answer.status_code < 300, (method, path, answer.text)
        with any_database.reads() as session:
            assert (session.scalar(count) or 0) > before, (method, path)
        endpoint, _ = app.url_map.bind("").match(f"/api/v1/{path}", method)
        walked.add((endpoint, method))
    unsafe = {
        (rule.endpoint, method)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}
    }
    # Uploads have a test of their own.
    assert unsafe - walked == {
        ("frames.push_frame", "POST"),
        ("labels.import_station_labels", "POST"),
        ("labelled-images.segment_image", "POST"),  # it saves nothing
        ("thresholds.count_thresholds", "POST"),  # nor does this
        ("registered-models.upload_model", "POST"),
    }
