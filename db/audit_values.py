"""What of a row goes into the audit log: which tables and columns, and nothing that is secret."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from sqlalchemy import Column

from db.credentials import redact

SECRET = "***"  # noqa: S105

# Written by cameras, workers and the alert loop, or with every page: no person edits them. A
# picture's annotations are their own history (0207). All other tables are in the log, those of
# later migrations among them.
NOT_EDITED = frozenset(
    {
        "acquisition",
        "alert",
        "alert_watch",
        "annotation",
        "audit_entry",
        "camera_minute",
        "camera_state",
        "deviation_streak",
        "finding",
        "image_statistic",
        "inspection",
        "lot",
        "measurement",
        "model_version",
        "part",
        "recovery_code",
        "shadow_result",
        "station_check",
        "trainer",
        "web_session",
    }
)
# Columns that change by themselves. Where only they do, nobody changed anything.
_BY_ITSELF: dict[str, frozenset[str]] = {
    "api_token": frozenset({"last_used_at"}),
    "camera": frozenset(
        {
            "folded_sequence",
            "heartbeat_at",
            "interval_s",
            "next_sequence",
            "state",
            "state_reason",
            "state_since",
        }
    ),
    "discrepancy": frozenset(
        {"clean_count", "last_inspection_id", "last_seen_at", "revision", "seen_count"}
    ),
    "person": frozenset({"totp_step"}),
    "shadow": frozenset({"attempts", "lease_until", "passed_over", "seen_to"}),
}
_SECRET_WORDS = frozenset(
    {"encrypted", "hash", "password", "passphrase", "pin", "secret", "secrets", "token"}
)


def is_edited(table: str) -> bool:
    """Whether people edit rows of a table."""
    return table not in NOT_EDITED


def changes_by_itself(table: str, column: str) -> bool:
    """Whether a column says nothing of what a person did."""
    return column in _BY_ITSELF.get(table, ())


def written(column: Column[Any] | None, name: str, value: Any) -> Any:
    """A value as JSON. Of what is secret it says only that there is something.

    A column is secret by its name, or where its `info` says `{"audit": "secret"}`.
    """
    marked = column is not None and column.info.get("audit") == "secret"
    if value is not None and (marked or _is_secret(name)):
        return SECRET
    return _plain(value)


def name_of(values: Mapping[str, Any]) -> str | None:
    """What people call a row, of at most 200 characters; None: it has no name."""
    for column in ("shown_name", "key", "name", "place", "version"):
        if values.get(column):
            return str(values[column])[:200]
    return None


def _is_secret(name: str) -> bool:
    return not _SECRET_WORDS.isdisjoint(name.lower().replace("-", "_").split("_"))


def _plain(value: Any) -> Any:
    if isinstance(value, bool | int | float) or value is None:
        return value
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): written(None, str(name), each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    return SECRET  # bytes and whatever else no reader could use
