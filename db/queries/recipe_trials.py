"""Trials of recipes on stored images: asked for by a page, done by a worker in small steps.

A trial is a row that says what is to be tried; the sweeper rings the trial queue while there is
one, and a worker that hears it does a second's work of it. Nothing of it is ever an inspection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from db.base import utc_now
from db.engine import database_now
from db.models import Acquisition, RecipeTrial, RecipeVersion

WAITING, DONE, FAILED = "waiting", "done", "failed"
LEASE_S = 60.0
_MOST_IMAGES = 200


@dataclass(frozen=True)
class TrialStep:
    """The next images of a trial, which is leased to whoever got this."""

    trial_id: int
    station_id: int
    body: dict[str, object]
    acquisition_ids: tuple[int, ...]


def ask(
    session: Session, version_id: int, station_id: int, acquisition_ids: Sequence[int], by: str
) -> RecipeTrial:
    """Ask for images to be inspected by a version; one that waits for the same is the same."""
    before = newest(session, version_id, station_id)
    if before is not None and before.state == WAITING:
        return before
    trial = RecipeTrial(
        recipe_version_id=version_id,
        station_id=station_id,
        asked_at=utc_now(),
        asked_by=by[:200],
        acquisition_ids=list(acquisition_ids)[:_MOST_IMAGES],
        results=[],
    )
    session.add(trial)
    session.flush()
    return trial


def newest(session: Session, version_id: int, station_id: int) -> RecipeTrial | None:
    return session.scalars(
        select(RecipeTrial)
        .where(RecipeTrial.recipe_version_id == version_id, RecipeTrial.station_id == station_id)
        .order_by(RecipeTrial.id.desc())
        .limit(1)
    ).one_or_none()


def results_of(trial: RecipeTrial) -> dict[int, tuple[str, str]]:
    """Verdict and detail by acquisition, of those that have been tried."""
    return {
        int(str(each["acquisition_id"])): (str(each["verdict"]), str(each["detail"]))
        for each in trial.results
    }


def any_waiting(session: Session) -> bool:
    waiting = select(RecipeTrial.id).where(RecipeTrial.state == WAITING).limit(1)
    return session.scalar(waiting) is not None


def next_step(session: Session, *, images: int) -> TrialStep | None:
    """Lease the oldest trial that nobody is at; None where there is none."""
    now = database_now(session)
    free = or_(RecipeTrial.lease_until.is_(None), RecipeTrial.lease_until < now)
    trial = session.scalars(
        select(RecipeTrial)
        .where(RecipeTrial.state == WAITING, free)
        .order_by(RecipeTrial.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if trial is None:
        return None
    trial.lease_until = now + timedelta(seconds=LEASE_S)
    body = session.get_one(RecipeVersion, trial.recipe_version_id).body
    done = set(results_of(trial))
    left = [id_ for id_ in trial.acquisition_ids if id_ not in done]
    return TrialStep(trial.id, trial.station_id, body, tuple(left[:images]))


def write_step(session: Session, trial_id: int, results: Sequence[dict[str, object]]) -> bool:
    """Add what was found, give the lease back; True where more is to be tried."""
    trial = session.scalars(
        select(RecipeTrial).where(RecipeTrial.id == trial_id).with_for_update()
    ).one()
    known = results_of(trial)
    fresh = [each for each in results if each["acquisition_id"] not in known]
    trial.results = [*trial.results, *fresh]
    trial.lease_until = None
    more = len(trial.results) < len(trial.acquisition_ids)
    if not more:
        trial.state, trial.ended_at = DONE, utc_now()
    return more


def fail(session: Session, trial_id: int, reason: str) -> None:
    trial = session.get_one(RecipeTrial, trial_id)
    trial.state, trial.reason = FAILED, reason[:500]
    trial.ended_at, trial.lease_until = utc_now(), None


def images_of(session: Session, acquisition_ids: Sequence[int]) -> list[Acquisition]:
    """The acquisitions of a step; the image of one may have been purged since."""
    wanted = select(Acquisition).where(Acquisition.id.in_(acquisition_ids))
    return list(session.scalars(wanted.order_by(Acquisition.id)))
