"""First-pass yield: the share of parts that were good when their station first saw them."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, literal, select, text, tuple_
from sqlalchemy.orm import Session, aliased

from db.models import Acquisition, Inspection, PartArrival
from db.queries.shifts import Window
from inspection.verdicts import Verdict

FIRST_PASS = timedelta(minutes=10)
_NOT_GOOD = (Verdict.FAIL, Verdict.NOT_INSPECTED)


@dataclass(frozen=True)
class FirstPass:
    """Parts that came to one station for the first time, and how many of them were good."""

    parts: int = 0
    good: int = 0

    @property
    def rate(self) -> float | None:
        """First-pass yield; None where no part is known."""
        return self.good / self.parts if self.parts else None


def first_pass_in(
    session: Session, station_ids: Collection[int], window: Window
) -> Mapping[int, FirstPass]:
    """Parts of each station that came to it for the first time since the window began.

    First pass yield as ISO 22400-2 has it: good parts in the first process run / inspected parts.
    A part's first run at a station is all its frames there within ten minutes after the first,
    so that the views of several cameras, and several views of one, are one pass. The part is good
    where none of these frames failed and none was not inspected; what comes after, as when it
    was reworked, changes nothing. Long rather than short: a part that is shown again at once,
    because it failed, must not become good by that. A part counts where it came first: one of an
    earlier shift that comes again is not counted in this one. It counts as soon as its first
    frame has a verdict.
    """
    # From an index alone: a shift may have ten thousands of parts.
    came = dict(
        session.execute(
            select(PartArrival.station_id, func.count())
            .where(PartArrival.station_id.in_(station_ids), PartArrival.first_at >= window.start)
            .group_by(PartArrival.station_id)
        ).all()
    )
    if not came:
        return dict.fromkeys(station_ids, FirstPass())
    in_flight = {
        (station_id, part_id)
        for station_id, part_id in session.execute(
            select(Acquisition.station_id, Acquisition.part_id).where(
                # In the words of the partial index of what waits, which is little; and with the
                # `+ 0` SQLite takes no other.
                text("acquisition.state <> 'done'"),
                (Acquisition.part_id + 0).is_not(None),
                Acquisition.captured_at >= window.start,
                is_first_of_part(),
            )
        )
        if station_id in came
    }
    not_good = not_good_since(session, came, window.start).keys() - in_flight
    waiting, bad = (Counter(station_id for station_id, _ in keys) for keys in (in_flight, not_good))
    return {
        station_id: FirstPass(
            parts := came.get(station_id, 0) - waiting[station_id], parts - bad[station_id]
        )
        for station_id in station_ids
    }


def is_first_of_part() -> ColumnElement[bool]:
    """That no earlier frame of an acquisition's part was taken at its station."""
    earlier = aliased(Acquisition)
    before = (
        select(literal(1))
        .where(
            earlier.part_id == Acquisition.part_id,
            earlier.station_id == Acquisition.station_id,
            tuple_(earlier.captured_at, earlier.id)
            < tuple_(Acquisition.captured_at, Acquisition.id),
        )
        .limit(1)
        .correlate(Acquisition)
        .scalar_subquery()
    )
    # A look into the index for each frame, whatever the database thinks it knows of the tables: as
    # NOT EXISTS a fresh PostgreSQL joins all there is.
    return func.coalesce(before, 0) == 0


def not_good_since(
    session: Session, station_ids: Collection[int], since: datetime, until: datetime | None = None
) -> dict[tuple[int, int], datetime]:
    """Stations and parts that came in this time and failed in their first pass, with when."""
    begin = [PartArrival.first_at >= since, Inspection.captured_at >= since]
    end = (
        []
        if until is None
        else [
            PartArrival.first_at < until,
            Inspection.captured_at < until + FIRST_PASS,
        ]
    )
    rows = session.execute(
        select(
            Inspection.station_id,
            PartArrival.part_id,
            Inspection.captured_at,
            PartArrival.first_at,
        )
        .join(Acquisition, Acquisition.id == Inspection.acquisition_id)
        .join(
            PartArrival,
            and_(
                PartArrival.part_id == Acquisition.part_id,
                PartArrival.station_id == Inspection.station_id,
            ),
        )
        .where(
            Inspection.station_id.in_(station_ids), Inspection.verdict.in_(_NOT_GOOD), *begin, *end
        )
    )
    return {
        (station_id, part_id): first
        for station_id, part_id, captured_at, first in rows
        if captured_at - first <= FIRST_PASS
    }
