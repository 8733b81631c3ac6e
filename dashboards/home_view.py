"""What the first page shows: every board, and how it stands there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from dashboards.freshness import judge_age
from dashboards.line_view import shown_verdict
from db.models import Line
from db.queries import boards

_ORDER = ("on_hold", "fail", "not_inspected", "no_data", "warn", "pass")


@dataclass(frozen=True)
class LineCard:
    """A board to pick. `verdict` is the one of its stations that most needs a person."""

    line: Line
    verdict: str | None
    stations: Sequence[tuple[str, str, str]]  # key, name, verdict
    unresolved: int
    last_seen_at: datetime | None


@dataclass(frozen=True)
class Home:
    """`seen_anything` is False on a first visit, when no frame has been inspected yet.

    `changes_at`: when the first of its stations grows old by itself.
    """

    cards: Sequence[LineCard]
    seen_anything: bool
    changes_at: datetime | None


def load_home(session: Session, now: datetime) -> Home:
    lines = boards.lines_with_sites(session)
    stations = boards.stations_now(session)
    station_ids = [each.station.id for each in stations]
    cameras = boards.cameras_of(session, station_ids)
    unresolved = boards.unresolved_counts(session, station_ids)
    cards, changes = [], []
    for line in lines:
        shown, seen_at, open_here = [], [], 0
        for each in stations:
            if each.station.line_id != line.id:
                continue
            captured_at = each.inspection.captured_at if each.inspection else None
            age = judge_age(captured_at, cameras.get(each.station.id, ()), now)
            if age.changes_at is not None:
                changes.append(age.changes_at)
            verdict = "on_hold" if each.hold else shown_verdict(each.inspection, age.freshness)
            shown.append((each.station.key, each.station.name, verdict))
            open_here += sum(unresolved.get(each.station.id, {}).values())
            if captured_at is not None:
                seen_at.append(captured_at)
        worst = min((verdict for _, _, verdict in shown), key=_ORDER.index, default=None)
        cards.append(LineCard(line, worst, shown, open_here, max(seen_at, default=None)))
    return Home(cards, any(card.last_seen_at for card in cards), min(changes, default=None))
