"""The review queue: what somebody should look at, the most telling first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from dashboards.lab.routes import blueprint, number_asked
from dashboards.learn.queue_words import REASONS, SKIPPED_WORDS
from dashboards.marks import outlines
from dashboards.permissions import actor_name, needs
from dashboards.redirects import own_path
from dashboards.values import values
from db.access import Permission
from db.errors import Invalid
from db.models import Line, Site, Station
from db.queries import review_blind, review_queue, review_rates, review_sampling, stations
from db.queries.review_queue import QueueFilter, Word
from db.queries.review_sampling import Sampling
from inspection.ranking import ReviewReason

_A_PAGE = 24
_RATES_OVER = timedelta(days=30)


@blueprint.get("/queue")
@needs(Permission.LAB)
def queue() -> str:
    with values().database.reads() as session:
        places = stations.list_stations(session, after=None, limit=500).rows
        station = _station(session, places)
        wanted = _filter(station)
        page = review_queue.list_items(
            session, wanted, offset=number_asked("offset") or 0, limit=_A_PAGE
        )
        zones = session.execute(
            select(Station.id, Site.timezone)
            .join(Line, Line.id == Station.line_id)
            .join(Site, Site.id == Line.site_id)
        )
        ids = [row.inspection_id for row in page.rows]
        shown: dict[str, Any] = {
            "places": places,
            "station": station,
            "wanted": wanted,
            "page": page,
            "names": {each.id: each.name for each in places},
            "zones": {row.id: row.timezone for row in zones},
            "reasons": review_queue.reasons_of(session, ids),
            "counts": review_queue.count_by_reason(session, wanted),
            "classes": review_queue.classes_in(session, wanted.station_id),
            "missable": review_queue.missable(session, page.rows),
            "outlines": {row.id: outlines(row.inspection.findings) for row in page.rows},
            "waiting": review_blind.waiting_for(session, actor_name()),
        }
        if station is not None:
            since = values().now() - _RATES_OVER
            shown["rates"] = review_rates.rates(session, station.id, since=since)
            shown["sampling"] = review_sampling.sampling_of(session, station.id)
    return render_template("learn/queue.html", **shown, REVIEW_REASONS=REASONS, next_url=_next)


@blueprint.post("/queue/<int:item_id>/confirm")
@needs(Permission.LAB)
def queue_confirm(item_id: int) -> AnyResponse:
    """Say good or bad: `word`, and of what was missed the `class`."""
    text, class_name = request.form.get("word", ""), request.form.get("class", "").strip()
    with values().database.sessions.begin() as session:
        item = review_queue.get_item(session, item_id)
        word = _word(text)
        station_id, inspection_id = item.station_id, item.inspection_id
        said = review_queue.confirm(session, item_id, word, actor_name(), class_name=class_name)
    its = {"station_id": station_id, "inspection_id": inspection_id}
    values().events.publish({"type": "decision", **its})
    for discrepancy_id in said.settled.changed:
        state = "false_call" if discrepancy_id in said.settled.closed else "open"
        values().events.publish(
            {"type": "discrepancy", **its, "discrepancy_id": discrepancy_id, "state": state}
        )
    flash(_("Inspection %(id)s: said and done.", id=inspection_id))
    return _back()


@blueprint.post("/queue/<int:item_id>/skip")
@needs(Permission.LAB)
def queue_skip(item_id: int) -> AnyResponse:
    with values().database.sessions.begin() as session:
        item = review_queue.skip(session, item_id, actor_name())
    flash(_("Inspection %(id)s is skipped.", id=item.inspection_id))
    return _back(undo=item_id)


@blueprint.post("/queue/<int:item_id>/reopen")
@needs(Permission.LAB)
def queue_reopen(item_id: int) -> AnyResponse:
    with values().database.sessions.begin() as session:
        item = review_queue.reopen(session, item_id)
    flash(_("Inspection %(id)s is in the queue again.", id=item.inspection_id))
    return _back()


@blueprint.post("/stations/<station>/sampling")
@needs(Permission.LAB)
def queue_sampling(station: str) -> AnyResponse:
    """How many are drawn at random a day, and which share of them goes to two people."""
    with values().database.sessions.begin() as session:
        row = stations.get_station(session, station)
        wanted = Sampling(_typed("per_day"), None, (_typed("blind_percent") or 0.0) / 100)
        review_sampling.set_sampling(session, row.id, wanted)
    flash(_("The random sample is changed from the next day on that nothing was drawn of yet."))
    return redirect(url_for("lab.queue", station=row.key), code=303)


@blueprint.get("/queue/blind")
@needs(Permission.LAB)
def queue_blind() -> str:
    """One picture alone: no verdict, no mask, no other's word."""
    with values().database.reads() as session:
        item = review_blind.next_for(session, actor_name())
        shown: dict[str, Any] = {
            "item": item,
            "waiting": review_blind.waiting_for(session, actor_name()),
            "months": review_blind.agreement(session),
        }
        if item is not None:
            shown["station"] = session.get_one(Station, item.station_id)
    return render_template("learn/blind.html", **shown)


@blueprint.post("/queue/<int:item_id>/read")
@needs(Permission.LAB)
def queue_read(item_id: int) -> AnyResponse:
    with values().database.sessions.begin() as session:
        review_queue.get_item(session, item_id)
        review_blind.read(session, item_id, _word(request.form.get("word", "")), actor_name())
    flash(_("Said. Here is the next one."))
    return redirect(url_for("lab.queue_blind"), code=303)


def _filter(station: Station | None) -> QueueFilter:
    reason, state = request.args.get("reason", ""), request.args.get("state", "")
    if reason and reason not in list(ReviewReason):
        abort(400, f"expected reason={'|'.join(ReviewReason)}, got {reason[:80]!r}")
    if state and state not in review_queue.STATES:
        abort(400, f"expected state={'|'.join(review_queue.STATES)}, got {state[:80]!r}")
    return QueueFilter(
        station.id if station else None,
        ReviewReason(reason) if reason else None,
        request.args.get("class") or None,
        state or review_queue.OPEN,
    )


def _station(session: Session, places: Any) -> Station | None:
    """The one that is asked for; where there is only one, that."""
    asked = request.args.get("station", "")
    if asked:
        return stations.get_station(session, asked)
    return places[0] if len(places) == 1 else None


def _word(text: str) -> Word:
    if text not in set(Word):
        raise Invalid("word", text[:80], "good or bad")
    return Word(text)


def _typed(name: str) -> float | None:
    text = request.form.get(name, "").strip().replace(",", ".")
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise Invalid(name, text[:80], "a number") from None


def _next(offset: int | None) -> str:
    """This page, further down."""
    asked = {key: value for key, value in request.args.items() if key != "offset" and value}
    if offset:
        asked["offset"] = str(offset)
    return f"{url_for('lab.queue')}?{urlencode(asked)}" if asked else url_for("lab.queue")


def _back(*, undo: int | None = None) -> AnyResponse:
    """To the list that was left; `undo` names what a button there takes back."""
    path = own_path(request.form.get("back")) or url_for("lab.queue")
    path = path.partition("#")[0]
    if undo is not None:
        flash(str(undo), SKIPPED_WORDS)
    return redirect(path, code=303)
