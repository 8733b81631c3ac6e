"""Whether the process lives, and whether it could do its work now. No token."""

import threading
import time
from typing import Literal

import redis
import structlog
from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from db import migrate
from db.frames import FrameStore, StoreFull
from services.api.answers import answer
from services.api.permissions import for_everybody
from services.api.problems import responses
from services.api.resource import name_operation
from services.api.values import ApiValues, values

_log = structlog.get_logger()

_STORE_CHECK_S = 10.0  # a probe writes a file, and probes may come every second
_REDIS_TIMEOUT_S = 1.0

blueprint = APIBlueprint(
    "health",
    __name__,
    abp_tags=[Tag(name="health", description="Probes.")],
    operation_id_callback=name_operation,
)


class Health(BaseModel):
    status: Literal["alive"] = "alive"


class Readiness(BaseModel):
    """`degraded`: frames are accepted, and inspected later than they could be."""

    status: Literal["ready", "degraded", "not ready"]
    database: str
    migrations: str
    frame_store: str
    redis: str


@blueprint.get("/healthz", responses=responses({200: Health}))
@for_everybody
def healthz() -> Response:
    """Alive."""
    return answer(Health())


@blueprint.get("/readyz", responses=responses({200: Readiness, 503: Readiness}))
@for_everybody
def readyz() -> Response:
    """Ready to accept frames: database, migrations, frame store; Redis only rings."""
    found = check(values())
    return answer(found, 503 if found.status == "not ready" else 200)


OK = "ok"


def check(these: ApiValues) -> Readiness:
    """Try each thing that accepting a frame needs. Says what is wrong without any address."""
    database = migrations = OK
    try:
        with these.database.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
        if not migrate.is_current(these.database.engine):
            migrations = "the tables are not of this version; run `lineside migrate`"
    except SQLAlchemyError as error:
        _log.warning("api.not_ready", what="database", error=str(error))
        database, migrations = "cannot be reached", "unknown"
    store = _probe.state(these.store)
    bell = _redis_state(these.redis_url)
    needed = (database, migrations, store)
    status: Literal["ready", "degraded", "not ready"] = "ready" if bell == OK else "degraded"
    if any(state != OK for state in needed):
        status = "not ready"
    return Readiness(
        status=status, database=database, migrations=migrations, frame_store=store, redis=bell
    )


def _redis_state(redis_url: str) -> str:
    try:
        with redis.Redis.from_url(
            redis_url, socket_timeout=_REDIS_TIMEOUT_S, socket_connect_timeout=_REDIS_TIMEOUT_S
        ) as client:
            client.ping()
    except (redis.RedisError, OSError) as error:
        _log.warning("api.degraded", what="redis", error=str(error))
        return "cannot be reached; verdicts come when it is back, or when the sweeper rings"
    return OK


class _StoreProbe:
    """Writes and removes a small file, at most every few seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[int, tuple[float, str]] = {}

    def state(self, store: FrameStore) -> str:
        with self._lock:
            until, state = self._known.get(id(store), (0.0, ""))
            if time.monotonic() >= until:
                state = self._try(store)
                self._known = {id(store): (time.monotonic() + _STORE_CHECK_S, state)}
            return state

    def _try(self, store: FrameStore) -> str:
        try:
            probe = store.put(f"probe {time.time_ns()}".encode(), "txt")
            store.delete(probe.key)
        except StoreFull:
            return "full"
        except OSError as error:
            _log.warning("api.not_ready", what="frame store", error=str(error))
            return "cannot be written"
        return OK


_probe = _StoreProbe()
