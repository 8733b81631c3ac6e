"""The health of every process, what waits, what failed, and how long a verdict takes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import redis
from flask import redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as AnyResponse

from dashboards.errors import answer
from dashboards.lab.routes import blueprint
from dashboards.permissions import needs
from dashboards.values import values
from db import heartbeat
from db.access import Permission
from db.bell import BROKER_TRANSPORT_OPTIONS, INSPECT_QUEUE, TRAIN_QUEUE, TRIAL_QUEUE
from db.queries import lab_health, training_runs
from db.queries.acquisitions import Held, NoRecipe, NotResendable, resend

_LOOPS = ("ingest", "worker", "trainer", "sweeper", "alerts")
_ALIVE_S = 60.0
_REDIS_TIMEOUT_S = 0.3
_MOST_RESENT = 50


@dataclass(frozen=True)
class Process:
    """Attributes:
    age_s: since its last sign of life on this host; None: it gave none here.
    seen_at: when its work was last seen in the database, wherever it runs.
    """

    name: str
    age_s: float | None
    seen_at: datetime | None

    def state(self, now: datetime) -> str:
        """`alive`, `silent`, or `unknown` where it may run on another host."""
        if self.age_s is not None and self.age_s <= _ALIVE_S:
            return "alive"
        if self.seen_at is not None and (now - self.seen_at).total_seconds() <= _ALIVE_S:
            return "alive"
        return "silent" if self.age_s is not None else "unknown"


@dataclass(frozen=True)
class Bell:
    """Rings that wait in Redis by queue; None where it does not answer."""

    lengths: dict[str, int] | None


@blueprint.get("/health")
@needs(Permission.LAB)
def health() -> str:
    return render_template("lab/health.html", **_now())


@blueprint.get("/health/parts/now")
@needs(Permission.LAB)
def health_now() -> str:
    return render_template("lab/parts/health.html", **_now())


@blueprint.post("/health/resend")
@needs(Permission.LAB)
def health_resend() -> AnyResponse:
    """Send frames again that had their attempts; the sweeper rings for them within seconds."""
    asked = [int(text[:18]) for text in request.form.getlist("acquisition") if text.isdecimal()]
    sent, refused = 0, []
    for acquisition_id in asked[:_MOST_RESENT]:
        try:
            with values().database.sessions.begin() as session:
                resend(session, acquisition_id)
            sent += 1
        except (Held, NoRecipe, NotResendable) as error:
            refused.append(str(error))
    if refused:
        said = ngettext("One frame was sent again.", "%(num)s frames were sent again.", sent)
        return answer(409, _("Not all could be sent again"), " ".join([said, *refused[:5]]))
    return redirect(url_for("lab.health"), code=303)


def _now() -> dict[str, object]:
    now = values().now()
    folder = values().lab.run_folder
    with values().database.reads() as session:
        stations = lab_health.station_health(session, now)
        failed = lab_health.failed_frames(session, now)
        seen = {
            "ingest": lab_health.newest_beat(session),
            "worker": lab_health.newest_result(session),
            "trainer": training_runs.newest_trainer_at(session),
        }
    processes = [
        Process(name, heartbeat.age_s(folder, name) if folder else None, seen.get(name))
        for name in _LOOPS
    ]
    return {
        "stations": stations,
        "failed": failed,
        "processes": processes,
        "bell": _bell(values().redis_url),
        "totals": {
            "waiting": sum(each.waiting for each in stations),
            "in_flight": sum(each.in_flight for each in stations),
            "inspected": sum(each.inspected for each in stations),
        },
    }


def _bell(redis_url: str) -> Bell:
    prefix = BROKER_TRANSPORT_OPTIONS["global_keyprefix"]
    try:
        with redis.Redis.from_url(
            redis_url,
            socket_timeout=_REDIS_TIMEOUT_S,
            socket_connect_timeout=_REDIS_TIMEOUT_S,
        ) as client:
            lengths = {
                queue: int(client.llen(f"{prefix}{queue}"))
                for queue in (INSPECT_QUEUE, TRIAL_QUEUE, TRAIN_QUEUE)
            }
    except (redis.RedisError, OSError):
        return Bell(None)
    return Bell(lengths)
