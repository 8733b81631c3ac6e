"""Training: what runs, how far it is, and asking for another run."""

from __future__ import annotations

from typing import Any

from flask import render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.utils import redirect
from werkzeug.wrappers import Response as AnyResponse

from dashboards.lab.routes import blueprint, number_asked
from dashboards.lab.typed import Typed
from dashboards.learn.curves import draw_curve
from dashboards.permissions import actor_name, needs
from dashboards.values import values
from db.access import Permission
from db.errors import DomainError
from db.models import RegisteredModel, TrainingRun
from db.queries import snapshots, training_runs
from inspection.model_folder import list_models
from inspection.training_request import (
    INITS,
    INSTALL,
    MOST_STEPS,
    NETWORKS,
    BadRequestValue,
    TrainingRequest,
    torch_is_here,
)

_LISTED = 100
_FIRST = MultiDict(
    {"network": "mask-rcnn-light", "init": "none", "length": "minutes", "amount": "60", "seed": "0"}
)


@blueprint.get("/training")
@needs(Permission.LAB)
def training() -> str:
    first = _FIRST.copy()
    if (snapshot_id := number_asked("snapshot")) is not None:
        first["snapshot"] = str(snapshot_id)
    with values().database.reads() as session:
        return render_template("learn/training.html", **_form(session, Typed(first)))


@blueprint.get("/training/parts/runs")
@needs(Permission.LAB)
def training_runs_part() -> str:
    """The list alone, which the page reads again."""
    with values().database.reads() as session:
        rows = training_runs.list_runs(session, after=None, limit=_LISTED).rows
    return render_template("learn/parts/runs.html", runs=rows)


@blueprint.post("/training")
@needs(Permission.LAB)
def training_start() -> AnyResponse | tuple[str, int]:
    typed = Typed(request.form)
    asked = _asked(typed)
    if asked is not None:
        snapshot_id = int(typed["snapshot"])
        try:
            with values().database.sessions.begin() as session:
                run = training_runs.ask(
                    session,
                    snapshot_id,
                    asked,
                    installed=list_models(values().lab.models_dirs),
                    by=actor_name(),
                )
            return redirect(url_for("lab.training_one", run_id=run.id), code=303)
        except training_runs.SnapshotUnfit as error:
            for missing in error.missing:
                typed.wrong("snapshot", missing)
        except DomainError as error:
            typed.wrong(getattr(error, "field", "name"), str(error))
    with values().database.reads() as session:
        return render_template("learn/training.html", **_form(session, typed)), 422


@blueprint.get("/training/<int:run_id>")
@needs(Permission.LAB)
def training_one(run_id: int) -> str:
    return render_template("learn/run.html", **_run(run_id))


@blueprint.get("/training/<int:run_id>/parts/now")
@needs(Permission.LAB)
def training_now(run_id: int) -> str:
    """The state, curves and log alone, which the page reads again while the run goes on."""
    return render_template("learn/parts/run.html", **_run(run_id))


@blueprint.post("/training/<int:run_id>/cancel")
@needs(Permission.LAB)
def training_cancel(run_id: int) -> AnyResponse:
    with values().database.sessions.begin() as session:
        training_runs.cancel(session, run_id, actor_name())
    return redirect(url_for("lab.training_one", run_id=run_id), code=303)


@blueprint.post("/training/<int:run_id>/resume")
@needs(Permission.LAB)
def training_resume(run_id: int) -> AnyResponse:
    with values().database.sessions.begin() as session:
        training_runs.resume(session, run_id)
    return redirect(url_for("lab.training_one", run_id=run_id), code=303)


def _asked(typed: Typed) -> TrainingRequest | None:
    """What was asked for; None where something is wrong, which is noted."""
    if not typed["snapshot"].isdecimal() or len(typed["snapshot"]) > 18:
        typed.wrong("snapshot", _("expected one of the snapshots"))
    length = typed.one_of("length", ("minutes", "steps"))
    most = MOST_STEPS if length == "steps" else 14 * 24 * 60
    amount = typed.number("amount", least=1, most=most, default=60)
    seed = typed.number("seed", least=0, most=2**31 - 1)
    if typed.problems:
        return None
    try:
        return TrainingRequest(
            network=typed["network"],
            encoder=typed["encoder"].strip() or None,
            init=typed["init"],
            steps=int(amount) if length == "steps" else None,
            budget_s=amount * 60 if length == "minutes" else None,
            seed=int(seed),
            name=typed["name"].strip() or None,
        )
    except BadRequestValue as error:
        typed.wrong(error.field, str(error))
        return None


def _form(session: Session, typed: Typed) -> dict[str, Any]:
    trainers = training_runs.trainers(session)
    return {
        "typed": typed,
        "runs": training_runs.list_runs(session, after=None, limit=_LISTED).rows,
        "snapshots": snapshots.list_snapshots(session, after=None, limit=_LISTED).rows,
        "networks": tuple(NETWORKS),
        "inits": INITS,
        "models": sorted(list_models(values().lab.models_dirs)),
        "trainers": trainers,
        "can_train": bool(trainers) or torch_is_here(),
        "install": INSTALL,
    }


def _run(run_id: int) -> dict[str, Any]:
    with values().database.reads() as session:
        run = training_runs.get(session, run_id)
        snapshot = snapshots.get(session, run.snapshot_id)
        model = session.get(RegisteredModel, run.model_id) if run.model_id else None
        trainers = training_runs.trainers(session)
    return {
        "run": run,
        "snapshot": snapshot,
        "model": model,
        "trainers": trainers,
        "going": run.state not in training_runs.OVER,
        "pictures": [draw_curve(curve) for curve in _curves(run)],
        "validated": _validated(run),
    }


def _curves(run: TrainingRun) -> list[Any]:
    return [curve for curve in run.curves if curve.get("points")]


def _validated(run: TrainingRun) -> list[Any]:
    """The validations as a table, for who cannot see the curve."""
    found: list[Any] = [
        curve.get("points") for curve in run.curves if curve.get("name") == "validation"
    ]
    return found[0] if found else []
