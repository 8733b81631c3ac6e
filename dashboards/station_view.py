"""What the page of a station shows: one image with what was found, and the last fifty to walk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from dashboards.freshness import Freshness, judge_age
from dashboards.line_view import shown_verdict
from dashboards.marks import Outline, outlines
from db.errors import NotFound
from db.models import Camera, Inspection, Line, RecipeVersion, Site, Station, StationHold
from db.queries import boards, counts
from db.queries.decisions import Decided, decided
from db.queries.inspections import get_inspection
from db.queries.shifts import Window, current_window
from db.queries.stations import active_versions
from inspection.verdicts import Verdict

STRIP = 50
# So far back deviating inspections are looked for; where they are rare, that is far enough.
_DEVIATING_SINCE = timedelta(days=7)
# What somebody may say was missed, where the recipe has no name for it.
OTHER_CLASS = "other"


class Only(StrEnum):
    """Which inspections stand in the strip."""

    FAILS = ""
    DEVIATING = "deviating"
    ALL = "all"


@dataclass(frozen=True)
class Walk:
    """Where the keys lead from the inspection that is shown."""

    older: int | None
    newer: int | None
    pinned: bool  # one was chosen, so that a newer result does not replace it


@dataclass(frozen=True)
class StationPage:
    """`inspection` is the one that is shown: the chosen one, else the newest."""

    station: Station
    line: Line
    site: Site
    window: Window
    inspection: Inspection | None
    verdict: str
    freshness: Freshness
    changes_at: datetime | None
    outlines: Sequence[Outline]
    classes: Sequence[str]
    strip: Sequence[Inspection]
    stored: Mapping[int, int]
    decided: Mapping[int, Decided]
    only: Only
    walk: Walk
    cameras: Sequence[Camera]
    active: RecipeVersion | None
    counts: counts.Counts
    waiting: int
    unresolved: Sequence[boards.OpenDiscrepancy]
    hold: StationHold | None = None

    @property
    def undecided(self) -> int:
        """How many of the strip nobody has decided about yet."""
        return sum(not self.decided[each.id] for each in self.strip)


def load_station(
    session: Session,
    station: Station,
    now: datetime,
    *,
    hold: StationHold | None,
    chosen: int | None,
    only: Only,
) -> StationPage:
    """Read the page.

    Raises:
        NotFound: the chosen inspection is none of this station.
    """
    line, site = station.line, station.line.site
    window = current_window(session, site, now)
    strip = _strip(session, station.id, now, only)
    inspection_id = chosen
    if chosen is None:
        newest = boards.newest_inspections(session, station.id, limit=1)
        inspection_id = newest[0].id if newest else None
    inspection = get_inspection(session, inspection_id).inspection if inspection_id else None
    if inspection is not None and inspection.station_id != station.id:
        raise NotFound("inspection of this station", inspection_id)
    cameras = boards.cameras_of(session, [station.id]).get(station.id, ())
    active = active_versions(session, [station]).get(station.id)
    shown_ids = {each.id for each in strip} | ({inspection.id} if inspection else set())
    age = judge_age(inspection.captured_at if inspection else None, cameras, now)
    live = chosen is None
    verdict = inspection.verdict if inspection else "no_data"
    if live:
        verdict = "on_hold" if hold else shown_verdict(inspection, age.freshness)
    return StationPage(
        station=station,
        line=line,
        site=site,
        window=window,
        inspection=inspection,
        verdict=verdict,
        freshness=age.freshness,
        changes_at=age.changes_at if live else None,
        outlines=outlines(inspection.findings) if inspection else (),
        classes=class_choices(active),
        strip=strip,
        stored=boards.images_of(session, shown_ids),
        decided=decided(session, shown_ids),
        only=only,
        walk=_walk(strip, inspection, pinned=not live),
        cameras=cameras,
        active=active,
        counts=counts.counts_in(session, [station.id], window)[station.id],
        waiting=counts.waiting(session, [station.id]).get(station.id, 0),
        unresolved=boards.open_discrepancies(session, [station.id], now, limit=6),
        hold=hold,
    )


def class_choices(version: RecipeVersion | None) -> Sequence[str]:
    """The classes that somebody may report as missed: those of the recipe, and any other."""
    named = version.body.get("classes") if version else None
    return (*(named if isinstance(named, dict) else ()), OTHER_CLASS)


def _strip(session: Session, station_id: int, now: datetime, only: Only) -> Sequence[Inspection]:
    if only is Only.ALL:
        return boards.newest_inspections(session, station_id, limit=STRIP)
    if only is Only.DEVIATING:
        return boards.newest_inspections(
            session,
            station_id,
            since=now - _DEVIATING_SINCE,
            verdicts=boards.DEVIATING,
            limit=STRIP,
        )
    return boards.newest_inspections(session, station_id, verdicts=(Verdict.FAIL,), limit=STRIP)


def _walk(strip: Sequence[Inspection], shown: Inspection | None, *, pinned: bool) -> Walk:
    """The neighbours in the strip, by time where the inspection is not in it itself."""
    if shown is None:
        return Walk(None, None, pinned)
    here = (shown.captured_at, shown.id)
    older = next((each.id for each in strip if (each.captured_at, each.id) < here), None)
    newer = [each.id for each in strip if (each.captured_at, each.id) > here]
    return Walk(older, newer[-1] if newer else None, pinned)
