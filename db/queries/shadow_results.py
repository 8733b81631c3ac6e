"""What shadows would have said: one by one, by pairs of verdicts, and over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models import ShadowResult
from db.paging import Page, page_of_entities

# Below this the findings differ so much that somebody should look, whatever the verdicts.
LEAST_AGREEMENT = 0.5


@dataclass(frozen=True)
class Bucket:
    """Some time of a shadow: how many frames, and of how many the verdicts differ."""

    since: datetime
    seen: int
    differ: int
    agreement: float  # mean of the findings' F1


@dataclass(frozen=True)
class Summary:
    """All of a shadow. `pairs`: frames by the champion's verdict and the challenger's."""

    seen: int
    differ: int
    agreement: float | None
    engine_ms: float | None
    pairs: dict[tuple[str, str], int]


def list_results(
    session: Session,
    shadow_id: int,
    *,
    differ_only: bool = False,
    after: int | None,
    limit: int,
) -> Page[ShadowResult]:
    """Results of a shadow, the newest first."""
    statement = select(ShadowResult).where(ShadowResult.shadow_id == shadow_id)
    if differ_only:
        statement = statement.where(ShadowResult.champion != ShadowResult.challenger)
    return page_of_entities(
        session,
        ShadowResult,
        statement,
        ShadowResult.id,
        after=after,
        limit=limit,
        newest_first=True,
    )


def summarise(session: Session, shadow_id: int) -> Summary:
    rows = session.execute(
        select(
            ShadowResult.champion,
            ShadowResult.challenger,
            func.count(),
            func.sum(ShadowResult.agreement),
            func.sum(ShadowResult.engine_ms),
        )
        .where(ShadowResult.shadow_id == shadow_id)
        .group_by(ShadowResult.champion, ShadowResult.challenger)
        .order_by(ShadowResult.champion, ShadowResult.challenger)
    ).all()
    seen = sum(row[2] for row in rows)
    return Summary(
        seen=seen,
        differ=sum(row[2] for row in rows if row[0] != row[1]),
        agreement=sum(row[3] for row in rows) / seen if seen else None,
        engine_ms=sum(row[4] for row in rows) / seen if seen else None,
        pairs={(row[0], row[1]): row[2] for row in rows},
    )


def over_time(session: Session, shadow_id: int, every: timedelta) -> Sequence[Bucket]:
    """Results in stretches of time, the oldest first; stretches without any are left out."""
    rows = session.execute(
        select(
            ShadowResult.captured_at,
            ShadowResult.champion,
            ShadowResult.challenger,
            ShadowResult.agreement,
        )
        .where(ShadowResult.shadow_id == shadow_id)
        .order_by(ShadowResult.captured_at)
    )
    step = every.total_seconds()
    found: dict[float, list[tuple[bool, float]]] = {}
    for at, champion, challenger, agreement in rows:
        begin = at.timestamp() // step * step
        found.setdefault(begin, []).append((champion != challenger, agreement))
    return [
        Bucket(
            datetime.fromtimestamp(begin, tz=UTC),
            len(each),
            sum(differs for differs, _ in each),
            sum(agreement for _, agreement in each) / len(each),
        )
        for begin, each in found.items()
    ]
