"""Snapshots: labels that are done, frozen into a data set and divided into its parts."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flask import render_template, request, send_file, url_for
from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.utils import redirect
from werkzeug.wrappers import Response as AnyResponse

from dashboards.lab.routes import blueprint
from dashboards.lab.typed import Typed
from dashboards.permissions import actor_name, needs
from dashboards.values import values
from db.access import Permission
from db.errors import DomainError
from db.models import LabelledImage, Station
from db.queries import snapshots, training_runs
from db.queries.snapshots import PARTS, SnapshotQuery
from db.snapshot_export import read_content, write_archive
from db.snapshot_freezing import SnapshotRefused, freeze

_LISTED = 100
_FIRST = MultiDict({"train": "70", "validation": "15", "test": "15", "seed": "0"})


@blueprint.get("/snapshots")
@needs(Permission.LAB)
def snapshots_list() -> str:
    with values().database.reads() as session:
        rows = snapshots.list_snapshots(session, after=None, limit=_LISTED).rows
        return render_template("learn/snapshots.html", listed=rows, **_form(session, Typed(_FIRST)))


@blueprint.post("/snapshots")
@needs(Permission.LAB)
def snapshots_make() -> AnyResponse | tuple[str, int]:
    typed = Typed(request.form)
    query = _asked(typed)
    if query is not None:
        try:
            row = freeze(
                values().database,
                values().store,
                query,
                name=typed["name"].strip() or None,
                frozen_test=typed["frozen_test"] == "yes",
                by=actor_name(),
            )
            return redirect(url_for("lab.snapshots_one", snapshot_id=row.id), code=303)
        except SnapshotRefused as error:
            for missing in error.missing[:20]:
                typed.wrong("stations", missing)
        except DomainError as error:
            typed.wrong("name", str(error))
    with values().database.reads() as session:
        rows = snapshots.list_snapshots(session, after=None, limit=_LISTED).rows
        shown = _form(session, typed)
    return render_template("learn/snapshots.html", listed=rows, **shown), 422


@blueprint.get("/snapshots/<int:snapshot_id>")
@needs(Permission.LAB)
def snapshots_one(snapshot_id: int) -> str:
    with values().database.reads() as session:
        row = snapshots.get(session, snapshot_id)
        return render_template(
            "learn/snapshot.html",
            snapshot=row,
            stations=snapshots.stations_of(session, snapshot_id),
            parts=PARTS,
            missing=training_runs.missing_in(row),
        )


@blueprint.get("/snapshots/<int:snapshot_id>/archive")
@needs(Permission.LAB)
def snapshots_archive(snapshot_id: int) -> AnyResponse:
    """COCO as a ZIP file."""
    content = read_content(values().database, snapshot_id)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
    try:
        write_archive(content, values().store, file)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    name = f"{content.name}.zip".replace(" ", "-")
    return send_file(file, "application/zip", as_attachment=True, download_name=name)


def _asked(typed: Typed) -> SnapshotQuery | None:
    """What was asked for; None where something is wrong, which is noted."""
    shares = [typed.number(part, least=0, most=100) / 100 for part in PARTS]
    seed = typed.number("seed", least=0, most=2**31 - 1)
    sample = typed.number("sample", least=1, most=snapshots.MOST_IMAGES, default=1)
    if not typed.problems and (abs(sum(shares) - 1) > 1e-6 or shares[0] == 0):
        typed.wrong("train", _("expected shares that are 100 % together, with some for training"))
    typed.line("name", needed=False, longest=100)
    since, until = _day(typed, "since"), _day(typed, "until")
    reviewed = typed["reviewed"]
    if reviewed:
        typed.one_of("reviewed", ("yes", "no"))
    if typed.problems:
        return None
    chosen = request.form.getlist("stations")
    classes = [name.strip() for name in typed["classes"].split(",") if name.strip()]
    return SnapshotQuery(
        stations=tuple(chosen),
        classes=tuple(dict.fromkeys(classes)),
        since=since,
        until=until,
        reviewed={"yes": True, "no": False}.get(reviewed),
        sample=int(sample) if typed["sample"].strip() else None,
        shares=(shares[0], shares[1], shares[2]),
        seed=int(seed),
    )


def _day(typed: Typed, name: str) -> datetime | None:
    """A day, whose midnight in UTC bounds the pictures."""
    text = typed[name].strip()
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        typed.wrong(name, _("expected a day such as 2026-11-20"))
        return None


def _form(session: Session, typed: Typed) -> Mapping[str, Any]:
    """What the form offers: stations that have labels that are done, and how many."""
    counted = session.execute(
        select(Station.key, Station.name, func.count(LabelledImage.id))
        .join(LabelledImage, LabelledImage.station_id == Station.id)
        .where(LabelledImage.state == snapshots.DONE)
        .group_by(Station.key, Station.name)
        .order_by(Station.key)
    ).all()
    return {
        "typed": typed,
        "places": counted,
        "parts": PARTS,
        "chosen": set(request.form.getlist("stations")),
    }
