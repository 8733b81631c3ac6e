"""What the boards show: a fixed number of queries a page, however many stations a line has.

All of them look at one window of time and are answered from indexes, so that a page costs the
same with a thousand inspections in the database as with a million.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, case, func, literal, or_, select, tuple_
from sqlalchemy.orm import Session, aliased, defer, joinedload

from db.base import UtcDateTime
from db.models import (
    Acquisition,
    Camera,
    Discrepancy,
    Finding,
    Inspection,
    Line,
    RecipeRow,
    RecipeVersion,
    Station,
    StationHold,
)
from db.queries.shifts import Window
from db.queries.snoozing import awake
from inspection.verdicts import DiscrepancyState, Reason, Verdict

UNRESOLVED = (DiscrepancyState.OPEN, DiscrepancyState.ACKNOWLEDGED)
DEVIATING = (Verdict.FAIL, Verdict.WARN)
# So far back a result is looked for behind superseded frames, which say nothing of the part.
_LOOK_BACK = 200
# More outlines than this nobody tells apart, and each costs the page some hundred bytes.
_MARKS_A_STATION = 200


@dataclass(frozen=True)
class StationNow:
    """A station and its newest result (None: it has none yet)."""

    station: Station
    recipe_name: str | None
    recipe_version: int | None
    inspection: Inspection | None
    image_stored: bool
    hold: StationHold | None = None


@dataclass(frozen=True)
class OpenDiscrepancy:
    discrepancy: Discrepancy
    station_key: str
    station_name: str


def stations_now(
    session: Session, *, line_id: int | None = None, line_ids: Collection[int] | None = None
) -> Sequence[StationNow]:
    """The stations of a line, or of some (None: of all), in the order they were added."""
    recent = aliased(Inspection)
    looked_at = (
        select(recent.id, recent.captured_at, recent.reason)
        .where(recent.station_id == Station.id)
        .order_by(recent.captured_at.desc(), recent.id.desc())
        .limit(_LOOK_BACK)
        .correlate(Station)
        .subquery()
    )
    newest = (
        select(looked_at.c.id)
        .where(or_(looked_at.c.reason.is_(None), looked_at.c.reason != Reason.SUPERSEDED))
        .order_by(looked_at.c.captured_at.desc(), looked_at.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    of_any_kind = aliased(Inspection)
    newest_of_any_kind = (
        select(of_any_kind.id)
        .where(of_any_kind.station_id == Station.id)
        .order_by(of_any_kind.captured_at.desc(), of_any_kind.id.desc())
        .limit(1)
        .correlate(Station)
        .scalar_subquery()
    )
    statement = (
        select(
            Station,
            RecipeRow.name,
            RecipeVersion.version,
            Inspection,
            Acquisition.image_key,
            StationHold,
        )
        .outerjoin(RecipeVersion, RecipeVersion.id == Station.recipe_version_id)
        .outerjoin(RecipeRow, RecipeRow.id == RecipeVersion.recipe_id)
        .outerjoin(Inspection, Inspection.id == func.coalesce(newest, newest_of_any_kind))
        .outerjoin(Acquisition, Acquisition.id == Inspection.acquisition_id)
        .outerjoin(
            StationHold,
            and_(StationHold.station_id == Station.id, StationHold.ended_at.is_(None)),
        )
        .order_by(Station.id)
    )
    if line_id is not None:
        statement = statement.where(Station.line_id == line_id)
    if line_ids is not None:
        statement = statement.where(Station.line_id.in_(line_ids))
    return [
        StationNow(station, recipe, version, inspection, image_key is not None, hold)
        for station, recipe, version, inspection, image_key, hold in session.execute(statement)
    ]


def stations_in_sight(session: Session, wanted: Collection[int] | None = None) -> frozenset[int]:
    """Ids of the stations that who asks may see, out of some (None: of all there are)."""
    statement = select(Station.id)
    if wanted is not None:
        statement = statement.where(Station.id.in_(wanted))
    return frozenset(session.scalars(statement))


def cameras_of(session: Session, station_ids: Collection[int]) -> Mapping[int, Sequence[Camera]]:
    """The cameras of each station, without their secrets."""
    by_station: defaultdict[int, list[Camera]] = defaultdict(list)
    statement = (
        select(Camera)
        .where(Camera.station_id.in_(station_ids))
        .options(defer(Camera.secret, raiseload=True), defer(Camera.source, raiseload=True))
        .order_by(Camera.id)
    )
    for camera in session.scalars(statement):
        by_station[camera.station_id].append(camera)
    return by_station


def defect_feed(
    session: Session, station_ids: Collection[int], window: Window, *, limit: int = 12
) -> Sequence[tuple[Inspection, str]]:
    """The newest inspections of the window that deviate, each with its station's name."""
    newest = (
        select(Inspection.id)
        .where(
            Inspection.station_id.in_(station_ids),
            Inspection.captured_at >= window.start,
            Inspection.verdict.in_(DEVIATING),
        )
        .order_by(Inspection.captured_at.desc(), Inspection.id.desc())
        .limit(limit)
    )
    statement = (
        select(Inspection, Station.name)
        .join(Station, Station.id == Inspection.station_id)
        .where(Inspection.id.in_(newest))
        .order_by(Inspection.captured_at.desc(), Inspection.id.desc())
    )
    return [(row[0], row[1]) for row in session.execute(statement)]


def open_discrepancies(
    session: Session, station_ids: Collection[int], now: datetime, *, limit: int = 50
) -> Sequence[OpenDiscrepancy]:
    """What is unresolved at the stations and not snoozed, the oldest first."""
    statement = (
        select(Discrepancy, Station.key, Station.name)
        .join(Station, Station.id == Discrepancy.station_id)
        .where(
            Discrepancy.station_id.in_(station_ids),
            Discrepancy.state.in_(UNRESOLVED),
            awake(now),
        )
        .order_by(Discrepancy.opened_at, Discrepancy.id)
        .limit(limit)
    )
    return [OpenDiscrepancy(*row) for row in session.execute(statement)]


def unresolved_counts(
    session: Session, station_ids: Collection[int]
) -> Mapping[int, Mapping[str, int]]:
    """How many discrepancies are unresolved at each station, by severity."""
    statement = (
        select(Discrepancy.station_id, Discrepancy.severity, func.count())
        .where(Discrepancy.station_id.in_(station_ids), Discrepancy.state.in_(UNRESOLVED))
        .group_by(Discrepancy.station_id, Discrepancy.severity)
    )
    found: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for station_id, severity, number in session.execute(statement):
        found[station_id][severity] = number
    return found


def snoozed_count(session: Session, station_ids: Collection[int], now: datetime) -> int:
    """How many of the unresolved discrepancies sleep, and so stand in no list."""
    statement = select(func.count()).where(
        Discrepancy.station_id.in_(station_ids),
        Discrepancy.state.in_(UNRESOLVED),
        Discrepancy.snoozed_until > now,
    )
    return session.scalar(statement.select_from(Discrepancy)) or 0


def findings_of(
    session: Session, inspection_ids: Collection[int]
) -> Mapping[int, Sequence[Finding]]:
    """The findings of each inspection with their masks, the worst first, a few hundred at most."""
    worst_first = case({Verdict.FAIL: 0, Verdict.WARN: 1}, value=Finding.verdict, else_=2)
    by_inspection: defaultdict[int, list[Finding]] = defaultdict(list)
    statement = (
        select(Finding)
        .where(Finding.inspection_id.in_(inspection_ids))
        .order_by(worst_first, Finding.id)
        .limit(_MARKS_A_STATION * max(len(inspection_ids), 1))
    )
    for finding in session.scalars(statement):
        by_inspection[finding.inspection_id].append(finding)
    return by_inspection


def lines_with_sites(session: Session) -> Sequence[Line]:
    """All lines, each with its site, by site and name."""
    statement = (
        select(Line).options(joinedload(Line.site)).order_by(Line.site_id, Line.kind, Line.name)
    )
    return session.scalars(statement).all()


def newest_inspections(
    session: Session,
    station_id: int,
    *,
    since: datetime | None = None,
    verdicts: Collection[str] = (),
    limit: int = 50,
) -> Sequence[Inspection]:
    """The newest inspections of a station, the newest first, superseded frames left out.

    Args:
        verdicts: only these; none named: all.
    """
    statement = select(Inspection).where(
        Inspection.station_id == station_id,
        or_(Inspection.reason.is_(None), Inspection.reason != Reason.SUPERSEDED),
    )
    if since is not None:
        statement = statement.where(Inspection.captured_at >= since)
    if verdicts:
        statement = statement.where(Inspection.verdict.in_(verdicts))
    statement = statement.order_by(Inspection.captured_at.desc(), Inspection.id.desc())
    return session.scalars(statement.limit(limit)).all()


def neighbours(session: Session, inspection: Inspection) -> tuple[int | None, int | None]:
    """Ids of the inspections of the same station just before and just after one."""
    here = tuple_(Inspection.captured_at, Inspection.id)
    place = tuple_(literal(inspection.captured_at, UtcDateTime()), literal(inspection.id))
    same = select(Inspection.id).where(Inspection.station_id == inspection.station_id)
    before = session.scalar(
        same.where(here < place)
        .order_by(Inspection.captured_at.desc(), Inspection.id.desc())
        .limit(1)
    )
    after = session.scalar(
        same.where(here > place).order_by(Inspection.captured_at, Inspection.id).limit(1)
    )
    return before, after


def images_of(session: Session, inspection_ids: Collection[int]) -> Mapping[int, int]:
    """Ids of the acquisitions whose image is stored, by inspection."""
    statement = (
        select(Inspection.id, Acquisition.id)
        .join(Acquisition, Acquisition.id == Inspection.acquisition_id)
        .where(Inspection.id.in_(inspection_ids), Acquisition.image_key.is_not(None))
    )
    return {row[0]: row[1] for row in session.execute(statement)}
