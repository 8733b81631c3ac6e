"""First-pass yield: the share of parts that were good when their station first saw them."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, func, literal, select, text, tuple_
from sqlalchemy.orm import Session, aliased

from db.models import Acquisition, Inspection
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
    # Without a join, from two indexes alone: a shift may have ten thousands of parts.
    came = dict(
        session.execute(
            select(Acquisition.station_id, func.count())
            .where(
                Acquisition.station_id.in_(station_ids),
                Acquisition.part_id.is_not(None),
                _is_first_of_part(window),
            )
            .group_by(Acquisition.station_id)
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
                _is_first_of_part(window),
            )
        )
        if station_id in came
    }
    not_good = _not_good(session, came, window) - in_flight
    waiting, bad = (Counter(station_id for station_id, _ in keys) for keys in (in_flight, not_good))
    return {
        station_id: FirstPass(
            parts := came.get(station_id, 0) - waiting[station_id], parts - bad[station_id]
        )
        for station_id in station_ids
    }


def _is_first_of_part(window: Window) -> ColumnElement[bool]:
    """That an acquisition is the first of its part at its station, and of the window."""
    earlier = aliased(Acquisition)
    before = (
        select(literal(1))
        .where(
            earlier.part_id == Acquisition.part_id,
            earlier.station_id == Acquisition.station_id,
            tuple_(earlier.captured_at, earlier.id)
            < tuple_(Acquisition.captured_at, Acquisition.id),
        )
        .correlate(Acquisition)
    )
    return and_(Acquisition.captured_at >= window.start, ~before.exists())


def _not_good(
    session: Session, station_ids: Collection[int], window: Window
) -> set[tuple[int, int | None]]:
    """Stations and parts of which a frame of the first pass failed or was not inspected."""
    earlier = aliased(Acquisition)
    first_at = (
        select(func.min(earlier.captured_at))
        .where(earlier.part_id == Acquisition.part_id, earlier.station_id == Inspection.station_id)
        .correlate(Acquisition, Inspection)
        .scalar_subquery()
    )
    rows = session.execute(
        select(Inspection.station_id, Acquisition.part_id, Inspection.captured_at, first_at)
        .join(Acquisition, Acquisition.id == Inspection.acquisition_id)
        .where(
            Inspection.station_id.in_(station_ids),
            Inspection.verdict.in_(_NOT_GOOD),
            Inspection.captured_at >= window.start,
            Acquisition.part_id.is_not(None),
        )
    )
    return {
        (station_id, part_id)
        for station_id, part_id, captured_at, first in rows
        if first >= window.start and captured_at - first <= FIRST_PASS
    }
