"""What live screens are told after a commit. A lost event is never a lost fact."""

from collections.abc import Callable
from typing import Any

from db.queries.commits import Committed

Publish = Callable[..., object]  # takes events; `db.events.Events.publish`, or a test's


def tell_screens(publish: Publish, committed: Committed) -> None:
    """Tell of all that one transaction wrote, at once."""
    events: list[dict[str, Any]] = [
        {
            "type": "inspection",
            "station_id": inspection.station_id,
            "inspection_id": inspection.inspection_id,
            "verdict": inspection.verdict,
            "captured_at": inspection.captured_at.isoformat(),
        }
        for inspection in committed.inspections
    ]
    events += [
        {
            "type": "discrepancy",
            "station_id": change.station_id,
            "discrepancy_id": change.discrepancy_id,
            "state": change.state,
        }
        for change in committed.discrepancies
    ]
    if events:
        publish(*events)
