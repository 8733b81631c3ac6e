"""Log lines of every process: one per event, without any password."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from db.credentials import redact


def configure_logs(**fields: str) -> None:
    """Set structlog up for this process: every line has `fields`, and none has a password.

    For people on a terminal, and where LINESIDE_LOG_FORMAT is `text`; else logfmt.
    """

    def with_fields(
        _logger: object, _name: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        return {**fields, **event}

    structlog.configure(
        processors=[
            with_fields,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            blot_out,
            structlog.dev.ConsoleRenderer(colors=False)
            if sys.stderr.isatty() or os.environ.get("LINESIDE_LOG_FORMAT") == "text"
            else structlog.processors.LogfmtRenderer(
                key_order=["timestamp", "level", "event"], drop_missing=True
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries speak through `logging`. Without this Celery would say nothing of a Redis that is
    # away, and what it does say could hold a password.
    root = logging.getLogger()
    if not any(isinstance(handler, _IntoStructlog) for handler in root.handlers):
        root.addHandler(_IntoStructlog(logging.WARNING))


class _IntoStructlog(logging.Handler):
    """Hands the warnings and errors of libraries to our own log."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = " ".join(record.getMessage().split())
        except (TypeError, ValueError):  # a library's own mistake in its arguments
            text = str(record.msg)
        error = record.exc_info if record.exc_info and record.exc_info[0] else None
        structlog.get_logger().log(record.levelno, text, logger=record.name, exc_info=error)


def blot_out(
    _logger: object, _name: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A structlog processor: redacts every text, after the traceback has become one."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = redact(value)
        elif not isinstance(value, (int, float, bool, type(None))):
            event[name] = redact(str(value))
    return event
