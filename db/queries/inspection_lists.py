"""The list of inspections, page by page, at a cost that no filter can raise.

Place, verdict and time are found by indexes. Class, review and model are not: of what these leave,
a page looks at so many of the newest at most, and says how far back it has looked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, and_, exists, or_, select, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from db.models import (
    Acquisition,
    Finding,
    Inspection,
    Line,
    ModelVersion,
    Review,
    Site,
    Station,
)

# Of all stations together; each gets its share.
_LOOKED_AT = 6000
_LEAST_OF_A_STATION = 200
_AT_ONCE = 200
_SAYS_SOMETHING = ("confirmed", "false_call", "missed")


_HasId = ColumnElement[int] | InstrumentedAttribute[int]


@dataclass(frozen=True, order=True)
class Place:
    """Where an inspection stands in the list: those of one moment by their ids."""

    at: datetime
    id: int


@dataclass(frozen=True)
class ListFilter:
    """What to list; None lists all. Times are the frames', `until` exclusive."""

    station_ids: Sequence[int] = ()
    verdict: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    class_name: str | None = None
    reviewed: bool | None = None
    model_version_id: int | None = None

    @property
    def is_quick(self) -> bool:
        """Whether indexes find all that is asked for."""
        return (self.class_name, self.reviewed, self.model_version_id) == (None, None, None)


@dataclass(frozen=True)
class Listed:
    """An inspection in the list."""

    inspection: Inspection
    station_key: str
    station_name: str
    timezone: str
    stored: bool
    model: str | None
    classes: tuple[str, ...]
    reviewed: bool


@dataclass(frozen=True)
class ListPage:
    """Some of the list, the newest first.

    Attributes:
        before: hand it back for the next page; None: there is no more.
        is_cut: the page ends where it stopped looking, and not because it is full.
    """

    rows: Sequence[Listed]
    before: Place | None
    is_cut: bool = False


def page(session: Session, wanted: ListFilter, *, before: Place | None, limit: int) -> ListPage:
    """What is listed before a place."""
    if not wanted.station_ids:
        return ListPage([], None)
    each = limit + 1
    if not wanted.is_quick:
        each = max(_LEAST_OF_A_STATION, _LOOKED_AT // len(wanted.station_ids), each)
    windows = [_window(wanted, station, before, each) for station in wanted.station_ids]
    cut = None if wanted.is_quick else _cut(session, windows, each)
    found = _all(session, [_matching(window, wanted, limit + 1) for window in windows])
    places = sorted((each for each in found if cut is None or each >= cut), reverse=True)
    if len(places) > limit:
        return ListPage(_shown(session, places[:limit]), places[limit - 1])
    return ListPage(_shown(session, places), cut, is_cut=cut is not None)


def model_versions(session: Session) -> Sequence[ModelVersion]:
    """The models that inspections can be listed by, those of last first."""
    return session.scalars(select(ModelVersion).order_by(ModelVersion.id.desc()).limit(100)).all()


def _window(wanted: ListFilter, station_id: int, before: Place | None, limit: int) -> Subquery:
    """The newest of one station that place, verdict and time let through."""
    conditions: list[ColumnElement[bool]] = [Inspection.station_id == station_id]
    if wanted.verdict is not None:
        conditions.append(Inspection.verdict == wanted.verdict)
    if wanted.since is not None:
        conditions.append(Inspection.captured_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(Inspection.captured_at < wanted.until)
    if before is not None:
        # The first half alone is a range of the index; the second leaves out what was shown.
        conditions.append(Inspection.captured_at <= before.at)
        conditions.append(or_(Inspection.captured_at < before.at, Inspection.id < before.id))
    return (
        select(Inspection.captured_at, Inspection.id, Inspection.model_version_id)
        .where(*conditions)
        .order_by(Inspection.captured_at.desc(), Inspection.id.desc())
        .limit(limit)
        .subquery()
    )


def _cut(session: Session, windows: Sequence[Subquery], each: int) -> Place | None:
    """How far back every window reaches; None: to the first inspection of every station."""
    lasts = []
    for window in windows:
        last = (
            select(window.c.captured_at, window.c.id)
            .order_by(window.c.captured_at.desc(), window.c.id.desc())
            .offset(each - 1)
            .limit(1)
            .subquery()
        )
        lasts.append(select(last.c.captured_at, last.c.id))
    return max(_all(session, lasts), default=None)


def _all(session: Session, selects: Sequence[Select[tuple[datetime, int]]]) -> list[Place]:
    """What each of them finds, together; of as many at once as SQLite takes."""
    found: list[Place] = []
    for first in range(0, len(selects), _AT_ONCE):
        together: Any = union_all(*selects[first : first + _AT_ONCE])
        found += [Place(at, id_) for at, id_ in session.execute(together)]
    return found


def _matching(window: Subquery, wanted: ListFilter, limit: int) -> Select[tuple[datetime, int]]:
    """Of a window's rows the newest that the other filters let through, too."""
    row = window.c
    conditions: list[ColumnElement[bool]] = []
    if wanted.class_name is not None:
        of_class = and_(Finding.inspection_id == row.id, Finding.class_name == wanted.class_name)
        conditions.append(exists().where(of_class))
    if wanted.reviewed is not None:
        said = _is_reviewed(row.id)
        conditions.append(said if wanted.reviewed else ~said)
    if wanted.model_version_id is not None:
        conditions.append(row.model_version_id == wanted.model_version_id)
    newest = (
        select(row.captured_at, row.id)
        .where(*conditions)
        .order_by(row.captured_at.desc(), row.id.desc())
        .limit(limit)
        .subquery()
    )
    return select(newest.c.captured_at, newest.c.id)


def _is_reviewed(inspection_id: _HasId) -> ColumnElement[bool]:
    """Whether something is said of an inspection that was not taken back."""
    undoing = aliased(Review)
    return exists().where(
        Review.inspection_id == inspection_id,
        Review.verdict.in_(_SAYS_SOMETHING),
        Review.undoes_id.is_(None),
        ~exists().where(undoing.undoes_id == Review.id),
    )


def _shown(session: Session, places: Sequence[Place]) -> list[Listed]:
    ids = [place.id for place in places]
    if not ids:
        return []
    classes: defaultdict[int, list[str]] = defaultdict(list)
    of_findings = select(Finding.inspection_id, Finding.class_name).where(
        Finding.inspection_id.in_(ids)
    )
    for id_, name in session.execute(of_findings.distinct()):
        classes[id_].append(name)
    statement = (
        select(
            Inspection,
            Station.key,
            Station.name,
            Site.timezone,
            Acquisition.image_key.is_not(None),
            ModelVersion.name,
            _is_reviewed(Inspection.id),
        )
        .join(Station, Station.id == Inspection.station_id)
        .join(Line, Line.id == Station.line_id)
        .join(Site, Site.id == Line.site_id)
        .join(Acquisition, Acquisition.id == Inspection.acquisition_id)
        .outerjoin(ModelVersion, ModelVersion.id == Inspection.model_version_id)
        .where(Inspection.id.in_(ids))
        .order_by(Inspection.captured_at.desc(), Inspection.id.desc())
    )
    return [
        Listed(one, key, name, zone, stored, model, tuple(sorted(classes[one.id])), reviewed)
        for one, key, name, zone, stored, model, reviewed in session.execute(statement)
    ]
