"""`/events`: server-sent events. A stream holds a thread of the server and no database session."""

import json
import select
import socket
import time
from collections.abc import Callable, Iterator
from datetime import datetime

from flask import Blueprint, Response, abort, request

from dashboards.hub import Listener
from dashboards.values import parts, values

blueprint = Blueprint("live", __name__)

HEARTBEAT_S = 15.0
# Events of a busy line are told together at most four times a second.
_GATHER_S = 0.25
_RETRY_MS = 2000
# So soon the thread of a viewer who left is free for the next one.
_LOOK_S = 1.0


@blueprint.get("/events")
def events() -> Response:
    """Changes at the stations named in `stations=1,2` (none: at all)."""
    hub = parts().hub
    listener = hub.listen(_station_ids(), values().max_streams)
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


def _station_ids() -> list[int]:
    text = request.args.get("stations", "")
    try:
        return [int(part) for part in text.split(",") if part]
    except ValueError:
        abort(400, f"expected stations=1,2,…, got {text[:80]!r}")


def _stream(
    listener: Listener, now: Callable[[], datetime], has_left: Callable[[], bool]
) -> Iterator[str]:
    yield f"retry: {_RETRY_MS}\n\n"
    yield _beat(now())
    beat_at = time.monotonic()
    while not has_left():
        for event in listener.take(_LOOK_S):
            yield f"data: {json.dumps(event)}\n\n"
        if time.monotonic() - beat_at >= HEARTBEAT_S:
            beat_at = time.monotonic()
            yield _beat(now())
        time.sleep(_GATHER_S)


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
