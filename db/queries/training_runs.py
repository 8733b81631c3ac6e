"""Training runs: asked for by a page, the API or the command line; done by a trainer.

The row is the truth, and a ring of the queue `train` only says that one waits. A run belongs to
the trainer whose token stands in it for as long as the lease lasts; what a trainer without it
writes is not written.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from db.base import utc_now
from db.engine import database_now
from db.errors import Conflict, DomainError, Invalid, NotFound, WrongState
from db.models import DatasetSnapshot, RegisteredModel, Trainer, TrainingRun
from db.paging import Page, page_of_entities
from db.queries import snapshots
from inspection.training_request import INITS, INSTALL, TrainingRequest, torch_is_here

WAITING, RUNNING, CANCELLING = "waiting", "running", "cancelling"
CANCELLED, DONE, FAILED = "cancelled", "done", "failed"
OVER = (CANCELLED, DONE, FAILED)

# A trainer that was not seen for so long is gone.
TRAINER_SEEN_S = 60.0
# Trainers that die at one run, one after the other, without a step between them.
MOST_DEATHS = 4
_LONGEST_LOG = 8000


class SnapshotUnfit(DomainError):
    """A snapshot that nothing can be learnt from, with each thing that is missing."""

    def __init__(self, name: str, missing: Sequence[str]) -> None:
        super().__init__(f"the snapshot {name} cannot be trained on: {'; '.join(missing)}")
        self.name, self.missing = name, tuple(missing)


class NoTrainer(DomainError):
    """Nobody is there who could train, and nothing is installed that could."""

    def __init__(self) -> None:
        super().__init__(
            "no trainer runs, and the extra `train` is not installed here: "
            f"{INSTALL}, then start `lineside trainer` (`lineside up` does), or the container "
            "`trainer`. Everything else works without it."
        )


@dataclass(frozen=True)
class Taken:
    """A run as the trainer that took it up needs it."""

    run_id: int
    token: int
    snapshot_id: int
    name: str
    network: str
    encoder: str
    init: str
    options: dict[str, Any]
    asked_by: str


@dataclass(frozen=True)
class RunProgress:
    """How far a run is.

    Attributes:
        curves: `{"name", "points": [[step, value], …]}` each, thinned.
        log: the last lines.
    """

    step: int
    share: float
    eta_s: float | None
    curves: list[dict[str, object]]
    log: str


def missing_in(snapshot: DatasetSnapshot) -> list[str]:
    """What a snapshot lacks to be trained on; empty where nothing."""
    counts: Any = snapshot.counts
    images, classes = counts.get("images", {}), counts.get("classes", {})
    missing = []
    if not sum(images.values()):
        return ["it holds no picture"]
    if not classes:
        missing.append("it has no class")
    for part in ("train", "validation"):
        if not images.get(part):
            missing.append(f"its part {part} holds no picture")
            continue
        missing += [
            f"its part {part} has no label of the class {name}"
            for name, of_class in classes.items()
            if not of_class["instances"].get(part)
        ]
    return missing


def ask(
    session: Session,
    snapshot_id: int,
    request: TrainingRequest,
    *,
    installed: Collection[str] = (),
    by: str,
) -> TrainingRun:
    """Ask for a run.

    Args:
        installed: names of the model folders that are here, registered or not.

    Raises:
        NoTrainer: nobody could ever do it.
        NotFound: there is no such snapshot.
        SnapshotUnfit: nothing can be learnt from it.
        Invalid: a model to begin with that there is not.
        Conflict: the name is taken.
    """
    if not torch_is_here() and not trainers(session):
        raise NoTrainer
    snapshot = snapshots.get(session, snapshot_id)
    if missing := missing_in(snapshot):
        raise SnapshotUnfit(snapshot.name, missing)
    if request.init not in INITS and request.init not in installed:
        found = session.scalars(
            select(RegisteredModel.id).where(
                RegisteredModel.name == request.init, RegisteredModel.archived_at.is_(None)
            )
        ).first()
        if found is None:
            expected = f"{', '.join(INITS)} or the name of a model"
            raise Invalid("init", request.init, expected)
    if request.name is not None and (
        request.name in installed or _name_is_taken(session, request.name)
    ):
        raise Conflict("model", f"there is already one named {request.name!r}")
    run = TrainingRun(
        snapshot_id=snapshot.id,
        name=request.name or "",
        network=request.network,
        encoder=request.encoder or "",
        init=request.init,
        options=request.options(),
        asked_by=by[:100],
    )
    session.add(run)
    session.flush()
    if request.name is None:
        run.name = _own_name(request.network, snapshot.name, run.id)
    return run


def get(session: Session, run_id: int) -> TrainingRun:
    """Raises NotFound."""
    run = session.scalars(select(TrainingRun).where(TrainingRun.id == run_id)).one_or_none()
    if run is None:
        raise NotFound("training run", run_id)
    return run


def list_runs(session: Session, *, after: int | None, limit: int) -> Page[TrainingRun]:
    """Runs, the newest first."""
    return page_of_entities(
        session,
        TrainingRun,
        select(TrainingRun),
        TrainingRun.id,
        after=after,
        limit=limit,
        newest_first=True,
    )


def cancel(session: Session, run_id: int, by: str) -> TrainingRun:
    """End a run: at once where nobody is at it, else at its next step.

    Raises:
        NotFound: there is none.
        WrongState: it is over.
    """
    run = _locked(session, run_id)
    if run.state == CANCELLING:
        return run
    if run.state in OVER:
        raise WrongState("training run", run_id, run.state, (WAITING, RUNNING))
    run.reason = f"cancelled by {by}"[:500]
    if run.state == RUNNING and _is_held(run, database_now(session)):
        run.state = CANCELLING
    else:
        _end(run, CANCELLED)
    return run


def resume(session: Session, run_id: int) -> TrainingRun:
    """Let a run that failed or was cancelled go on from its last checkpoint.

    Raises:
        NotFound: there is none.
        WrongState: it is done, or not over.
    """
    run = _locked(session, run_id)
    if run.state not in (CANCELLED, FAILED):
        raise WrongState("training run", run_id, run.state, (CANCELLED, FAILED))
    run.state, run.reason, run.ended_at, run.deaths = WAITING, "", None, 0
    run.lease_until, run.eta_s = None, None
    return run


def any_waiting(session: Session) -> bool:
    """Whether a ring of the queue `train` would find something to do."""
    now = database_now(session)
    return session.scalars(select(TrainingRun.id).where(_free(now)).limit(1)).first() is not None


def take_up(session: Session, lease_s: float) -> Taken | None:
    """The run that waits longest, for the trainer that asks, under a new token; None of none."""
    now = database_now(session)
    runs = session.scalars(
        select(TrainingRun)
        .where(_free(now))
        .order_by(TrainingRun.id)
        .with_for_update(skip_locked=True)
    ).all()
    for run in runs:
        if run.state == RUNNING:
            run.deaths += 1
            if run.deaths > MOST_DEATHS:
                _end(run, FAILED)
                run.reason = (
                    f"its trainer died {run.deaths} times at step {run.step}; "
                    "the last checkpoint is kept"
                )
                continue
        run.state, run.token = RUNNING, run.token + 1
        run.lease_until = now + timedelta(seconds=lease_s)
        run.started_at = run.started_at or now
        return Taken(
            run.id,
            run.token,
            run.snapshot_id,
            run.name,
            run.network,
            run.encoder,
            run.init,
            dict(run.options),
            run.asked_by,
        )
    return None


def beat(
    session: Session, taken: Taken, progress: RunProgress | None, lease_s: float
) -> str | None:
    """Renew the lease and write how far the run is.

    Returns:
        Its state (running or cancelling); None: it is no longer this trainer's.
    """
    run = _own(session, taken)
    if run is None:
        return None
    run.lease_until = database_now(session) + timedelta(seconds=lease_s)
    if progress is not None:
        if progress.step > run.step:
            run.deaths = 0
        run.step, run.share, run.eta_s = progress.step, progress.share, progress.eta_s
        run.curves, run.log = progress.curves, progress.log[-_LONGEST_LOG:]
    return run.state


def finish(
    session: Session, taken: Taken, state: str, reason: str = "", model_id: int | None = None
) -> bool:
    """End a run as done, failed or cancelled; False where it is no longer this trainer's."""
    run = _own(session, taken)
    if run is None:
        return False
    if state == DONE:
        run.share = 1.0
    if reason or state != CANCELLED:
        run.reason = reason[:500]
    run.model_id = model_id
    _end(run, state)
    return True


def parent_of(session: Session, taken: Taken) -> int | None:
    """The registered model that a run went on from; None where it began with no such."""
    return session.scalars(
        select(RegisteredModel.id).where(RegisteredModel.name == taken.init)
    ).one_or_none()


def give_back(session: Session, taken: Taken) -> None:
    """Let the next trainer go on: this one was told to stop."""
    run = _own(session, taken)
    if run is None:
        return
    if run.state == CANCELLING:
        _end(run, CANCELLED)
    else:
        run.state, run.lease_until, run.eta_s = WAITING, None, None


def end_abandoned(session: Session) -> list[int]:
    """End what was to be cancelled and whose trainer has died meanwhile; gives the ids."""
    now = database_now(session)
    runs = session.scalars(
        select(TrainingRun)
        .where(TrainingRun.state == CANCELLING, TrainingRun.lease_until < now)
        .with_for_update(skip_locked=True)
    ).all()
    for run in runs:
        _end(run, CANCELLED)
    return [run.id for run in runs]


def note_trainer(session: Session, name: str, device: str) -> None:
    """Write that a trainer is there."""
    now = database_now(session)
    trainer = session.get(Trainer, name)
    if trainer is None:
        session.add(Trainer(name=name, device=device, seen_at=now))
    else:
        trainer.device, trainer.seen_at = device, now


def trainers(session: Session) -> list[Trainer]:
    """The trainers that were seen in the last minute."""
    since = database_now(session) - timedelta(seconds=TRAINER_SEEN_S)
    return list(
        session.scalars(select(Trainer).where(Trainer.seen_at >= since).order_by(Trainer.name))
    )


def newest_trainer_at(session: Session) -> datetime | None:
    """When any trainer was seen last; None: never."""
    return session.scalars(
        select(Trainer.seen_at).order_by(Trainer.seen_at.desc()).limit(1)
    ).first()


def _free(now: datetime) -> ColumnElement[bool]:
    return or_(
        TrainingRun.state == WAITING,
        and_(TrainingRun.state == RUNNING, TrainingRun.lease_until < now),
    )


def _is_held(run: TrainingRun, now: datetime) -> bool:
    return run.lease_until is not None and run.lease_until >= now


def _locked(session: Session, run_id: int) -> TrainingRun:
    run = session.scalars(
        select(TrainingRun).where(TrainingRun.id == run_id).with_for_update()
    ).one_or_none()
    if run is None:
        raise NotFound("training run", run_id)
    return run


def _own(session: Session, taken: Taken) -> TrainingRun | None:
    """The run, locked, where the token is still the trainer's and nobody has ended it."""
    return session.scalars(
        select(TrainingRun)
        .where(
            TrainingRun.id == taken.run_id,
            TrainingRun.token == taken.token,
            TrainingRun.state.in_((RUNNING, CANCELLING)),
        )
        .with_for_update()
    ).one_or_none()


def _end(run: TrainingRun, state: str) -> None:
    run.state, run.ended_at = state, utc_now()
    run.lease_until, run.eta_s = None, None


def _name_is_taken(session: Session, name: str) -> bool:
    # By the tables: a run at a line that one may not see holds its name, too.
    runs, models = TrainingRun.__table__, RegisteredModel.__table__
    return (
        session.execute(select(models.c.id).where(models.c.name == name)).first() is not None
        or session.execute(select(runs.c.id).where(runs.c.name == name)).first() is not None
    )


def _own_name(network: str, snapshot: str, run_id: int) -> str:
    """A model name that no other run makes, of at most 80 characters."""
    slug = re.sub(r"[^a-z0-9._-]+", "-", snapshot.lower()).strip("-._") or "labels"
    return f"{network}-{slug[:40]}-{run_id}"
