"""How often a password, PIN, code or link may be tried: counted in Redis, so by all processes.

A try is counted before it is looked at, so that many at once are no more than one after the other;
what was not wrong is given back with the answer. Without Redis each process counts for itself until
it is back.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
from flask import Flask, Response, request
from flask_limiter import Limiter, RouteLimit
from flask_limiter.util import get_remote_address
from redis.exceptions import RedisError

from dashboards.values import values
from db.queries.people import folded

_log = structlog.get_logger()

# Of one name, known or not, and of one address: only what was wrong counts (OWASP ASVS 6.3.1).
_OF_NAME = "5 per minute; 20 per hour"
_OF_ADDRESS = "20 per minute; 200 per hour"

limiter = Limiter(get_remote_address, in_memory_fallback_enabled=True, key_prefix="lineside-limit")


def register(app: Flask) -> None:
    """Count in the Redis of this app's values."""
    url = app_redis_url(app)
    app.config["RATELIMIT_STORAGE_URI"] = url
    app.config["RATELIMIT_IN_MEMORY_FALLBACK_ENABLED"] = True
    limiter.init_app(app)
    app.after_request(_give_back)


def app_redis_url(app: Flask) -> str:
    """The address of Redis as the library writes it."""
    with app.app_context():
        url = values().redis_url
    return url.replace("unix://", "redis+unix://", 1) if url.startswith("unix://") else url


def was_wrong(response: Response) -> bool:
    """Whether an answer says that what was tried is not right."""
    return response.status_code == 401


def _give_back(response: Response) -> Response:
    """Take off again what a request counted that tried nothing wrong, or was not let try at all."""
    counted = [] if was_wrong(response) else limiter.current_limits
    try:
        for each in counted:
            limiter.limiter.hit(each.limit, *each.request_args, cost=-1)
    except RedisError as error:
        _log.warning("limits.kept", error=str(error)[:200])
    return response


def typed_name() -> str:
    """The name in a sign-in form."""
    return f"name {folded(request.form.get('name', ''))[:100]}"


def of(whose: Callable[[], str], scope: str) -> RouteLimit:
    """As many wrong tries a minute and an hour as any one name has."""
    return limiter.shared_limit(_OF_NAME, scope=scope, key_func=whose, methods=["POST"])


of_name = of(typed_name, "name")
of_address = limiter.shared_limit(_OF_ADDRESS, scope="address", methods=["POST"])
