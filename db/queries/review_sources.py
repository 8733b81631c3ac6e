"""What the review queue is filled from, each read on from where the last time ended.

A source hands out candidates of its next rows and how far it has read. Rows that are younger than
the lag are left for the next time: ids are given before the commit, and a transaction that is
still under way may hold a smaller one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import (
    Camera,
    Inspection,
    Review,
    Shadow,
    ShadowResult,
    StationCheck,
)
from db.queries.review_doubts import doubts_of
from db.queries.review_sampling import StationDay, day_of, known_days
from db.queries.reviews import ReviewVerdict, reviews_of, standing
from inspection.ranking import ReviewReason
from inspection.sampling import is_blind, is_drawn, unit_interval
from inspection.verdicts import Verdict

Row = TypeVar("Row")

BATCH = 200
# Below it nothing is uncertain enough for somebody to look.
LEAST_UNCERTAINTY = 0.5
# Of an hour that looked unlike those before, so many pictures.
_OF_AN_HOUR = 5
# Results of shadows say not when they were written: so many before the cursor are read again.
_OVERLAP = 200
# An hour is checked some minutes after its end.
_HOUR_AND_CHECK = timedelta(minutes=70)


@dataclass(frozen=True)
class Candidate:
    """An inspection that somebody should look at."""

    inspection_id: int
    station_id: int
    reason: ReviewReason
    class_name: str = ""
    uncertainty: float = 1.0
    detail: str = ""
    probability: float | None = None
    blind: bool = False


@dataclass(frozen=True)
class Batch:
    """What came next.

    Attributes:
        seen_to: the id up to which the source has been read.
        withdrawn: inspection and reason of what was reported and holds no more.
        undrawn: days of which no probability is fixed yet; nothing else is told while there are.
    """

    seen_to: int
    candidates: Sequence[Candidate] = ()
    withdrawn: Sequence[tuple[int, ReviewReason]] = ()
    undrawn: frozenset[StationDay] = frozenset()


Source = Callable[[Session, int, datetime], Batch]


def from_reviews(session: Session, after: int, until: datetime) -> Batch:
    """False calls and missed defects that people have reported, and such that they took back."""
    rows = session.execute(
        select(Review.id, Review.at, Review.inspection_id, Inspection.station_id)
        .join(Inspection, Inspection.id == Review.inspection_id)
        .where(Review.id > after)
        .order_by(Review.id)
        .limit(BATCH)
    ).all()
    rows = _old_enough([(row, row.at) for row in rows], until)
    stations = {row.inspection_id: row.station_id for row in rows}
    candidates, withdrawn = [], []
    for inspection_id, said in reviews_of(session, stations).items():
        held = standing(said)
        for reason, verdict in (
            (ReviewReason.FALSE_CALL, ReviewVerdict.FALSE_CALL),
            (ReviewReason.MISSED, ReviewVerdict.MISSED),
        ):
            found = next((row for row in reversed(held) if row.verdict == verdict), None)
            if found is None:
                withdrawn.append((inspection_id, reason))
                continue
            detail = f"{found.actor}: {found.note}" if found.note else found.actor
            candidates.append(
                Candidate(
                    inspection_id,
                    stations[inspection_id],
                    reason,
                    found.class_name,
                    detail=detail[:300],
                )
            )
    return Batch(rows[-1].id if rows else after, candidates, withdrawn)


def from_inspections(session: Session, after: int, until: datetime) -> Batch:
    """What is near a threshold or a limit, and what is drawn at random."""
    rows = session.execute(
        select(
            Inspection.id,
            Inspection.station_id,
            Inspection.captured_at,
            Inspection.created_at,
            Inspection.verdict,
            Inspection.recipe_version_id,
            Inspection.model_version_id,
        )
        .where(Inspection.id > after)
        .order_by(Inspection.id)
        .limit(BATCH)
    ).all()
    rows = _old_enough([(row, row.created_at) for row in rows], until)
    if not rows:
        return Batch(after)
    looked = [row for row in rows if row.verdict != Verdict.NOT_INSPECTED]
    asked = frozenset((row.station_id, day_of(row.captured_at)) for row in looked)
    days = known_days(session, asked)
    if undrawn := asked - days.keys():
        return Batch(after, undrawn=undrawn)
    candidates = []
    for row in looked:
        day = days[row.station_id, day_of(row.captured_at)]
        if is_drawn(row.id, day.probability):
            candidates.append(
                Candidate(
                    row.id,
                    row.station_id,
                    ReviewReason.RANDOM,
                    probability=day.probability,
                    blind=is_blind(row.id, day.blind_share),
                )
            )
    versions = {row.id: (row.recipe_version_id, row.model_version_id) for row in looked}
    stations = {row.id: row.station_id for row in looked}
    for inspection_id, doubt in doubts_of(session, versions).items():
        if doubt.uncertainty >= LEAST_UNCERTAINTY:
            candidates.append(
                Candidate(
                    inspection_id,
                    stations[inspection_id],
                    ReviewReason.UNCERTAIN,
                    doubt.class_name,
                    doubt.uncertainty,
                    doubt.detail[:300],
                )
            )
    return Batch(rows[-1].id, candidates)


def from_shadows(session: Session, after: int, _until: datetime) -> Batch:
    """What champion and challenger do not say the same of."""
    rows = session.execute(
        select(
            ShadowResult.id,
            ShadowResult.inspection_id,
            ShadowResult.champion,
            ShadowResult.challenger,
            ShadowResult.agreement,
            ShadowResult.findings,
            Shadow.station_id,
        )
        .join(Shadow, Shadow.id == ShadowResult.shadow_id)
        .where(ShadowResult.id > after - _OVERLAP)
        .order_by(ShadowResult.id)
        .limit(BATCH + _OVERLAP)
    ).all()
    candidates = []
    for row in rows:
        differ = row.champion != row.challenger
        uncertainty = 1.0 if differ else 1.0 - min(max(row.agreement, 0.0), 1.0)
        if uncertainty < LEAST_UNCERTAINTY:
            continue
        if differ:
            detail = f"champion {row.champion}, challenger {row.challenger}"
        else:
            detail = f"of the findings {row.agreement:.0%} agree"
        candidates.append(
            Candidate(
                row.inspection_id,
                row.station_id,
                ReviewReason.DISAGREEMENT,
                _first_class(row.findings),
                uncertainty,
                detail,
            )
        )
    return Batch(max(rows[-1].id, after) if rows else after, candidates)


def from_checks(session: Session, after: int, until: datetime) -> Batch:
    """Some pictures of each hour that looked unlike those when all was well."""
    rows = session.execute(
        select(
            StationCheck.id,
            StationCheck.camera_id,
            StationCheck.hour,
            StationCheck.state,
            StationCheck.results,
            Camera.station_id,
        )
        .join(Camera, Camera.id == StationCheck.camera_id)
        .where(StationCheck.id > after)
        .order_by(StationCheck.id)
        .limit(BATCH)
    ).all()
    rows = _old_enough([(row, row.hour + _HOUR_AND_CHECK) for row in rows], until)
    candidates: list[Candidate] = []
    for row in rows:
        if row.state == "ok":
            continue
        detail = _unlike(row.results)
        uncertainty = 1.0 if row.state == "alarm" else LEAST_UNCERTAINTY
        for id_ in _of_hour(session, row.station_id, row.camera_id, row.hour):
            candidates.append(
                Candidate(id_, row.station_id, ReviewReason.DRIFT, "", uncertainty, detail[:300])
            )
    return Batch(rows[-1].id if rows else after, candidates)


# By the name of the table, as `review_cursor` has it.
SOURCES: Mapping[str, Source] = {
    "review": from_reviews,
    "shadow_result": from_shadows,
    "station_check": from_checks,
    "inspection": from_inspections,
}


def _old_enough(rows: Sequence[tuple[Row, datetime]], until: datetime) -> list[Row]:
    """Those before the first that is too young."""
    found = []
    for row, at in rows:
        if at > until:
            break
        found.append(row)
    return found


def _of_hour(session: Session, station_id: int, camera_id: int, hour: datetime) -> list[int]:
    """The same few inspections of a camera's hour, whoever asks."""
    ids = session.scalars(
        select(Inspection.id).where(
            Inspection.station_id == station_id,
            Inspection.captured_at >= hour,
            Inspection.captured_at < hour + timedelta(hours=1),
            Inspection.camera_id == camera_id,
            Inspection.verdict != Verdict.NOT_INSPECTED.value,
        )
    )
    return sorted(ids, key=lambda id_: unit_interval(id_, "drift"))[:_OF_AN_HOUR]


def _first_class(findings: Sequence[Mapping[str, object]]) -> str:
    """The class of the challenger's surest finding; empty where it found nothing."""
    names = [
        str(each.get("class_name") or each.get("class") or "")
        for each in sorted(findings, key=lambda each: -float(str(each.get("score", 0))))
    ]
    return names[0][:100] if names else ""


def _unlike(results: Mapping[str, object]) -> str:
    names = [
        name
        for name, found in results.items()
        if isinstance(found, dict) and found.get("state", "ok") != "ok"
    ]
    return ", ".join(sorted(names))
