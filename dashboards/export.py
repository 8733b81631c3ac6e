"""Tables as CSV, in which no cell can start a formula."""

import csv
import io
from collections.abc import Iterable, Sequence

from db.queries.discrepancy_lists import PlacedDiscrepancy

# A spreadsheet runs a cell that begins so (OWASP, CSV injection), where its language is typed in
# full width with these signs, too; and it may pass over what it does not show before them.
_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NOT_SHOWN = "\0\ufeff\u200b\u00a0 "
_COLUMNS = (
    "id",
    "line",
    "station",
    "kind",
    "place",
    "severity",
    "state",
    "detail",
    "opened_at",
    "last_seen_at",
    "closed_at",
    "seen_count",
    "actor",
)


def discrepancies_csv(rows: Sequence[PlacedDiscrepancy]) -> str:
    """One line a discrepancy, with names of columns on top."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(_COLUMNS)
    for row in rows:
        one = row.discrepancy
        values = {"line": row.line_key, "station": row.station_key}
        writer.writerow(
            _cell(values[name] if name in values else getattr(one, name)) for name in _COLUMNS
        )
    return file.getvalue()


def table_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Any table, with names of columns on top."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return file.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return "'" + text if text.lstrip(_NOT_SHOWN).startswith(_STARTS_FORMULA) else text
