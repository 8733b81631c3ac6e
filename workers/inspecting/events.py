"""What live screens are told after a commit. A lost event is never a lost fact."""

from collections.abc import Callable
from typing import Any

from db.queries.commits import Committed


def tell_screens(publish: Callable[[dict[str, Any]], object], committed: Committed) -> None:
    for inspection in committed.inspections:
        publish(
            {
                "type": "inspection",
                "station_id": inspection.station_id,
                "inspection_id": inspection.inspection_id,
                "verdict": inspection.verdict,
                "captured_at": inspection.captured_at.isoformat(),
            }
        )
    for change in committed.discrepancies:
        publish(
            {
                "type": "discrepancy",
                "station_id": change.station_id,
                "discrepancy_id": change.discrepancy_id,
                "state": change.state,
            }
        )
