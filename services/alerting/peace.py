"""One turn of an outermost loop, after which the next comes whatever happened."""

import traceback
from collections.abc import Callable

import structlog
from sqlalchemy.exc import DBAPIError

log = structlog.get_logger()


def in_peace(work: Callable[[], object], name: str) -> bool:
    """Run one turn; False if the database is away or the turn failed."""
    try:
        work()
    except DBAPIError as error:
        # Its text holds the statement with its values; the driver's own error is enough.
        log.warning("database not reached", turn=name, error=type(error.orig).__name__)
        return False
    except Exception:  # noqa: BLE001
        # The next turn must come. Not by exc_info: some renderers print the frames' values.
        log.error("turn failed", turn=name, trace=traceback.format_exc(limit=-5))
        return False
    return True
