"""What the line board shows, read in one go: a tile per station and the panels below them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from sqlalchemy.orm import Session

from dashboards.freshness import Freshness, judge_age, worst_camera
from dashboards.marks import Outline, outlines
from db.models import Camera, Finding, Inspection, Line, StationHold
from db.queries import boards, counts
from db.queries.shifts import Window, current_window


@dataclass(frozen=True)
class Tile:
    """One station. `verdict` is what is shown: the newest one, `no_data` when that is old.

    Of a station on hold it is `on_hold`, whatever was seen last.
    """

    station_id: int
    key: str
    name: str
    recipe: str | None
    verdict: str
    inspection: Inspection | None
    image_stored: bool
    outlines: Sequence[Outline]
    freshness: Freshness
    changes_at: datetime | None
    camera: Camera | None
    counts: counts.Counts
    fails: Sequence[int]
    waiting: int
    open_discrepancies: int
    hold: StationHold | None = None


@dataclass(frozen=True)
class LineBoard:
    line: Line
    site_name: str
    timezone: str
    window: Window
    tiles: Sequence[Tile]
    discrepancies: Sequence[boards.OpenDiscrepancy]
    snoozed: int
    unresolved: int
    pareto: Sequence[tuple[str, int]]
    feed: Sequence[tuple[Inspection, str]]

    @property
    def newest_fail(self) -> int | None:
        """The newest inspection of the feed that failed: what a sound is for."""
        return max((each.id for each, _name in self.feed if each.verdict == "fail"), default=None)

    @property
    def buckets(self) -> int:
        """How many times ten minutes the whole shift has, so that a bar stays where it is."""
        end = self.window.ends_at or self.window.now
        return max(ceil((end - self.window.start) / counts.BUCKET), 1)


def load_board(session: Session, line: Line, now: datetime) -> LineBoard:
    """Read a board: about a dozen queries, whatever the number of stations."""
    window = current_window(session, line.site, now)
    stations = boards.stations_now(session, line_id=line.id)
    station_ids = [each.station.id for each in stations]
    findings = boards.findings_of(
        session, [each.inspection.id for each in stations if each.inspection]
    )
    cameras = boards.cameras_of(session, station_ids)
    verdicts = counts.counts_in(session, station_ids, window)
    fails = counts.fails_by_bucket(session, station_ids, window)
    waiting = counts.waiting(session, station_ids)
    unresolved = boards.unresolved_counts(session, station_ids)
    tiles = []
    for each in stations:
        station_id = each.station.id
        tiles.append(
            _tile(
                each,
                findings,
                cameras.get(station_id, ()),
                now,
                counts=verdicts[station_id],
                fails=fails[station_id],
                waiting=waiting.get(station_id, 0),
                open_discrepancies=sum(unresolved.get(station_id, {}).values()),
            )
        )
    return LineBoard(
        line=line,
        site_name=line.site.name,
        timezone=line.site.timezone,
        window=window,
        tiles=tiles,
        discrepancies=boards.open_discrepancies(session, station_ids, now, limit=12),
        snoozed=boards.snoozed_count(session, station_ids, now),
        unresolved=sum(tile.open_discrepancies for tile in tiles),
        pareto=counts.pareto(session, station_ids, window),
        feed=boards.defect_feed(session, station_ids, window),
    )


def shown_verdict(inspection: Inspection | None, freshness: Freshness) -> str:
    if inspection is None or freshness is Freshness.NO_DATA:
        return "no_data"
    return inspection.verdict


def _tile(
    each: boards.StationNow,
    findings: Mapping[int, Sequence[Finding]],
    cameras: Sequence[Camera],
    now: datetime,
    *,
    counts: counts.Counts,
    fails: Sequence[int],
    waiting: int,
    open_discrepancies: int,
) -> Tile:
    inspection = each.inspection
    age = judge_age(inspection.captured_at if inspection else None, cameras, now)
    return Tile(
        station_id=each.station.id,
        key=each.station.key,
        name=each.station.name,
        recipe=f"{each.recipe_name} · v{each.recipe_version}" if each.recipe_name else None,
        verdict="on_hold" if each.hold else shown_verdict(inspection, age.freshness),
        inspection=inspection,
        image_stored=each.image_stored,
        outlines=outlines(findings.get(inspection.id, ()), tolerance_px=1.5) if inspection else (),
        freshness=age.freshness,
        changes_at=age.changes_at,
        camera=worst_camera(cameras),
        counts=counts,
        fails=fails,
        waiting=waiting,
        open_discrepancies=open_discrepancies,
        hold=each.hold,
    )
