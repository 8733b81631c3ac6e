"""What a shift amounted to: everything that its report says, for each station of a line."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import (
    ColumnElement,
    Integer,
    column,
    func,
    literal,
    or_,
    select,
    text,
    true,
    type_coerce,
    values,
)
from sqlalchemy.orm import Session, aliased

from db.base import UtcDateTime
from db.models import (
    Acquisition,
    Camera,
    CameraMinute,
    Discrepancy,
    Disposition,
    Inspection,
    Station,
)
from db.queries.dispositions import WITHDRAWN
from db.queries.first_pass import FirstPass
from db.queries.quality import Stretch, Tally, defects_by_station, reasons, stretch_rows, tallies
from db.queries.quality_markers import Change, changes
from db.queries.quality_parts import first_pass_by
from inspection.verdicts import DiscrepancyState

_TIME = UtcDateTime()
_MINUTE = timedelta(minutes=1)
# A report asks at so many moments at most whether frames came.
_MOST_ASKED = 600
# As a board has it: five intervals without a frame are too many.
_INTERVALS = 5
_LISTED = 300


@dataclass(frozen=True)
class Gap:
    """A camera of which no frame came, to the minute."""

    camera_key: str
    since: datetime
    until: datetime

    @property
    def duration(self) -> timedelta:
        return self.until - self.since


@dataclass(frozen=True)
class StationReport:
    """One station's shift. All but `first_pass` count images."""

    station: Station
    tally: Tally
    reasons: Mapping[str, int]
    waiting: int
    lost: int
    first_pass: FirstPass
    pareto: Sequence[tuple[str, int]]
    dispositions: Mapping[str, int]
    opened: int
    closed: int
    gaps: Sequence[Gap]

    @property
    def acquired(self) -> int:
        """All that ought to have been inspected, the lost ones included."""
        return self.tally.inspected + self.tally.not_inspected + self.waiting + self.lost

    @property
    def coverage(self) -> float | None:
        return self.tally.inspected / self.acquired if self.acquired else None

    @property
    def downtime(self) -> timedelta:
        return sum((gap.duration for gap in self.gaps), timedelta())


@dataclass(frozen=True)
class Report:
    stations: Sequence[StationReport]
    discrepancies: Sequence[Discrepancy]
    changes: Sequence[Change]


def load_report(session: Session, stations: Sequence[Station], stretch: Stretch) -> Report:
    """Read a report: about two dozen queries, however many stations."""
    ids = [station.id for station in stations]
    if not ids or stretch[1] <= stretch[0]:
        return Report([], [], [])
    counted = tallies(session, ids, [stretch])[0]
    why = reasons(session, ids, stretch)
    parts = first_pass_by(session, ids, [stretch])[0]
    waiting, lost = _waiting(session, ids, stretch), _lost(session, ids, stretch)
    dispositions = _dispositions(session, ids, stretch)
    listed = discrepancies_of(session, ids, stretch)
    opened = _by_station(session, ids, type_coerce(Discrepancy.opened_at, _TIME), stretch)
    closed = _by_station(session, ids, type_coerce(Discrepancy.closed_at, _TIME), stretch)
    gaps = _gaps(session, ids, stretch)
    classes = defects_by_station(session, ids, stretch)
    return Report(
        [
            StationReport(
                station=station,
                tally=counted.get(station.id, Tally()),
                reasons=why.get(station.id, {}),
                waiting=waiting.get(station.id, 0),
                lost=lost.get(station.id, 0),
                first_pass=parts.get(station.id, FirstPass()),
                pareto=_sorted(classes.get(station.id, {})),
                dispositions=dispositions.get(station.id, {}),
                opened=opened.get(station.id, 0),
                closed=closed.get(station.id, 0),
                gaps=gaps.get(station.id, ()),
            )
            for station in stations
        ],
        listed,
        changes(session, ids, stretch),
    )


def discrepancies_of(
    session: Session, station_ids: Collection[int], stretch: Stretch
) -> Sequence[Discrepancy]:
    """What was opened or closed in a stretch, in the order of opening; some hundred at most."""
    since, until = stretch
    statement = (
        select(Discrepancy)
        .where(
            Discrepancy.station_id.in_(station_ids),
            or_(
                (Discrepancy.opened_at >= since) & (Discrepancy.opened_at < until),
                (Discrepancy.closed_at >= since) & (Discrepancy.closed_at < until),
            ),
            # Names all there are, so that the index over state and opening may serve.
            Discrepancy.state.in_(tuple(DiscrepancyState)),
        )
        .order_by(Discrepancy.opened_at, Discrepancy.id)
        .limit(_LISTED)
    )
    return session.scalars(statement).all()


def _by_station(
    session: Session, ids: Collection[int], moment: ColumnElement[datetime], stretch: Stretch
) -> dict[int, int]:
    rows = session.execute(
        select(Discrepancy.station_id, func.count())
        .where(
            Discrepancy.station_id.in_(ids),
            Discrepancy.state.in_(tuple(DiscrepancyState)),
            moment >= stretch[0],
            moment < stretch[1],
        )
        .group_by(Discrepancy.station_id)
    )
    return dict(rows.all())


def _waiting(session: Session, ids: Collection[int], stretch: Stretch) -> dict[int, int]:
    station_id = Acquisition.station_id + 0  # see `counts.waiting`
    rows = session.execute(
        select(station_id, func.count())
        .where(
            text("acquisition.state <> 'done'"),
            Acquisition.captured_at >= stretch[0],
            Acquisition.captured_at < stretch[1],
        )
        .group_by(station_id)
    )
    return {id_: number for id_, number in rows if id_ in ids}


def _lost(session: Session, ids: Collection[int], stretch: Stretch) -> dict[int, int]:
    """Frames that could have no row, by the minute. What a trigger leaves out is none of them."""
    rows = session.execute(
        select(Camera.station_id, func.sum(CameraMinute.count))
        .join(CameraMinute, CameraMinute.camera_id == Camera.id)
        .where(
            Camera.station_id.in_(ids),
            CameraMinute.minute >= stretch[0],
            CameraMinute.minute < stretch[1],
            CameraMinute.reason.not_like("trigger%"),
        )
        .group_by(Camera.station_id)
    )
    return {station_id: int(number) for station_id, number in rows}


def _dispositions(
    session: Session, ids: Collection[int], stretch: Stretch
) -> dict[int, dict[str, int]]:
    """What was done with the parts of a stretch, whenever it was said: the newest word counts."""
    later = aliased(Disposition)
    newer = select(literal(1)).where(
        later.inspection_id == Disposition.inspection_id, later.id > Disposition.id
    )
    rows = session.execute(
        select(Inspection.station_id, Disposition.action, func.count())
        .join(Inspection, Inspection.id == Disposition.inspection_id)
        .where(
            Inspection.station_id.in_(ids),
            Inspection.captured_at >= stretch[0],
            Inspection.captured_at < stretch[1],
            Disposition.action != WITHDRAWN,
            ~newer.correlate(Disposition).exists(),
        )
        .group_by(Inspection.station_id, Disposition.action)
    )
    found: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for station_id, action, number in rows:
        found[station_id][action] = number
    return dict(found)


def _gaps(session: Session, ids: Collection[int], stretch: Stretch) -> dict[int, list[Gap]]:
    """When no frame of a camera came for longer than five of its intervals, and than a minute."""
    cameras = session.execute(
        select(Camera.id, Camera.key, Camera.station_id, Camera.interval_s, Camera.created_at)
        .where(Camera.station_id.in_(ids), Camera.interval_s.is_not(None))
        .order_by(Camera.id)
    ).all()
    if not cameras:
        return {}
    step = max(_MINUTE, (stretch[1] - stretch[0]) / _MOST_ASKED)
    count = -(-(stretch[1] - stretch[0]) // step)
    moments = [stretch[0] + n * step for n in range(count)] + [stretch[1]]
    minute = stretch_rows(list(pairwise(moments)))
    columns = (column("camera_id", Integer), column("station_id", Integer))
    camera = values(*columns, name="seen").data([(c.id, c.station_id) for c in cameras]).cte("seen")
    came = (
        select(literal(1))
        .where(
            Inspection.station_id == camera.c.station_id,
            Inspection.captured_at >= minute.c.since,
            Inspection.captured_at < minute.c.until,
            Inspection.camera_id == camera.c.camera_id,
        )
        .correlate(camera, minute)
        .limit(1)
    )
    rows = session.execute(
        select(camera.c.camera_id, minute.c.n)
        .select_from(minute.join(camera, true()))
        # Not as NOT EXISTS, which PostgreSQL joins by reading all of the station's past.
        .where(func.coalesce(came.scalar_subquery(), 0) == 0)
    )
    empty: defaultdict[int, list[int]] = defaultdict(list)
    for camera_id, n in rows:
        empty[camera_id].append(n)
    found: defaultdict[int, list[Gap]] = defaultdict(list)
    for camera_id, key, station_id, interval_s, created_at in cameras:
        least = max(_MINUTE, timedelta(seconds=_INTERVALS * (interval_s or 0.0)))
        for first, last in _runs(sorted(empty[camera_id])):
            gap = Gap(key, max(moments[first], created_at), moments[last + 1])
            if gap.duration > least:
                found[station_id].append(gap)
    return dict(found)


def _runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Neighbouring numbers as (first, last)."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def _sorted(classes: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(Counter(classes).items(), key=lambda one: (-one[1], one[0]))
