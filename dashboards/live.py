"""`/events`: server-sent events. A stream holds a thread of the server and no database session."""

import json
import select
import socket
import time
from collections.abc import Callable, Iterator
from datetime import datetime

from flask import Blueprint, Response, abort, request

from dashboards.hub import Listener
from dashboards.permissions import needs
from dashboards.values import parts, values
from db.access import Permission, current
from db.errors import NotFound
from db.queries.boards import stations_in_sight

blueprint = Blueprint("live", __name__)

HEARTBEAT_S = 15.0
# Events of a busy line are told together at most four times a second.
_GATHER_S = 0.25
_RETRY_MS = 2000
_MOST_STATIONS = 500
# A browser comes back by itself, and is asked anew who it is: so long at most somebody who is let
# in no more goes on hearing that something has changed.
_LASTS_S = 300.0
# So soon the thread of a viewer who left is free for the next one.
_LOOK_S = 1.0


@blueprint.get("/events")
@needs(Permission.VIEW)
def events() -> Response:
    """Changes at the stations named in `stations=1,2` (none: at all)."""
    hub = parts().hub
    listener = hub.listen(_heard(), values().max_streams)
    if listener is None:
        abort(503, "Too many screens are open for live events; this one asks by itself.")
    connection = request.environ.get("gunicorn.socket") or request.environ.get("werkzeug.socket")
    response = Response(
        _stream(listener, values().now, lambda: _has_left(connection)), mimetype="text/event-stream"
    )
    response.call_on_close(lambda: hub.leave(listener))
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"  # nginx would collect the events
    return response


def _heard() -> frozenset[int] | None:
    """The stations to hear of (None: all), looked up once: the stream itself asks nothing.

    Raises:
        NotFound: one that is named does not exist for who asks.
    """
    named = _named()
    access = current()
    if not named and (access is None or access.lines is None):
        return None
    with values().database.reads() as session:
        seen = stations_in_sight(session, named or None)
    unseen = named - seen
    if unseen:
        raise NotFound("station", min(unseen))
    return seen


def _named() -> frozenset[int]:
    text = request.args.get("stations", "")
    try:
        ids = frozenset(int(part) for part in text.split(",") if part)
    except ValueError:
        abort(400, f"expected stations=1,2,…, got {text[:80]!r}")
    if len(ids) > _MOST_STATIONS or any(not 0 <= each < 2**63 for each in ids):
        abort(400, f"expected at most {_MOST_STATIONS} ids of stations, got {text[:80]!r}")
    return ids


def _stream(
    listener: Listener,
    now: Callable[[], datetime],
    has_left: Callable[[], bool],
    lasts_s: float = _LASTS_S,
) -> Iterator[str]:
    yield f"retry: {_RETRY_MS}\n\n"
    yield _beat(now())
    began_at = beat_at = time.monotonic()
    while not has_left() and time.monotonic() - began_at < lasts_s:
        for event in listener.take(_LOOK_S):
            yield f"data: {json.dumps(event)}\n\n"
        if time.monotonic() - beat_at >= HEARTBEAT_S:
            beat_at = time.monotonic()
            yield _beat(now())
        time.sleep(_GATHER_S)
    # The page comes back at once, and does not take the end for a lost connection.
    yield "event: again\ndata: .\n\n"


def _has_left(connection: socket.socket | None) -> bool:
    """Whether the other side has closed; without looking, that shows only when it is written to."""
    if connection is None:
        return False
    try:
        readable, _, _ = select.select([connection], [], [], 0)
        return bool(readable) and connection.recv(1, socket.MSG_PEEK) == b""
    except (OSError, ValueError):
        return True


def _beat(now: datetime) -> str:
    # The comment keeps proxies from closing the stream; a script never sees a comment, so that
    # the event beside it tells the page that the server is still there, and what time it is.
    return f": still here\nevent: beat\ndata: {now.isoformat()}\n\n"
