"""Committing a claim: its verdicts and all that follows from them, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.models import Acquisition
from db.queries.folding import DiscrepancyChange, Foldable, fold
from db.queries.results import NewInspection, insert_inspections
from inspection.recipe import DiscrepancyPolicy
from inspection.verdicts import AcquisitionState, Verdict


@dataclass(frozen=True)
class WrittenInspection:
    inspection_id: int
    acquisition_id: int
    station_id: int
    verdict: str
    captured_at: datetime


@dataclass(frozen=True)
class Committed:
    """What was written: with the fence, less than was asked where the claim was lost."""

    inspections: tuple[WrittenInspection, ...]
    discrepancies: tuple[DiscrepancyChange, ...]


def commit_results(
    session: Session,
    token: str,
    results: Sequence[NewInspection],
    policies: Mapping[int, DiscrepancyPolicy],
) -> Committed:
    """Write the results of a claim, for what still is held under its token and for nothing else.

    Args:
        policies: when discrepancies open and resolve, by recipe version id.
    """
    held = set(
        session.scalars(
            update(Acquisition)
            .where(
                Acquisition.id.in_([result.frame.acquisition_id for result in results]),
                # The fence. Without it a worker that slept past its lease would write a second
                # time what another one has taken over.
                Acquisition.token == token,
                Acquisition.state == AcquisitionState.CLAIMED.value,
            )
            .values(state=AcquisitionState.DONE.value, token=None, lease_until=None)
            .returning(Acquisition.id)
            .execution_options(synchronize_session=False)
        )
    )
    results = [result for result in results if result.frame.acquisition_id in held]
    if not results:
        return Committed((), ())
    ids = insert_inspections(session, results)
    sequences = _first_sequences(session, results)
    changes = fold(
        session,
        [
            Foldable(
                inspection_id=ids[result.frame.acquisition_id],
                station_id=result.frame.station_id,
                camera_id=result.frame.camera_id,
                sequence=sequences[result.frame.acquisition_id],
                captured_at=result.frame.captured_at,
                deviations=result.judgement.deviations,
                policy=policies[result.frame.recipe_version_id],
                unsettled=result.judgement.unsettled,
            )
            for result in results
            if result.judgement.verdict is not Verdict.NOT_INSPECTED
        ],
    )
    written = tuple(
        WrittenInspection(
            ids[result.frame.acquisition_id],
            result.frame.acquisition_id,
            result.frame.station_id,
            result.judgement.verdict.value,
            result.frame.captured_at,
        )
        for result in results
    )
    return Committed(written, tuple(changes))


def _first_sequences(session: Session, results: Sequence[NewInspection]) -> dict[int, int]:
    """The sequence number under which each frame first came, by acquisition id.

    What was sent again has a new number, but its picture is as old as it was.
    """
    sequences = {result.frame.acquisition_id: result.frame.sequence for result in results}
    parents: dict[int, int | None] = dict(
        session.execute(
            select(Acquisition.id, Acquisition.parent_id).where(
                Acquisition.id.in_(sequences), Acquisition.parent_id.is_not(None)
            )
        ).all()
    )
    for id_, parent_id in parents.items():
        while parent_id is not None:
            sequences[id_], parent_id = session.execute(
                select(Acquisition.sequence, Acquisition.parent_id).where(
                    Acquisition.id == parent_id
                )
            ).one()
    return sequences
