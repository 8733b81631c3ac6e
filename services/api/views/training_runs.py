"""Training runs: asked for here, done by the trainer, and told of as they go."""

from datetime import datetime
from typing import Annotated, Any

from flask import Response
from pydantic import Field

from db.access import Permission
from db.bell import TRAIN_QUEUE
from db.queries import training_runs as queries
from inspection.model_folder import list_models
from inspection.training_request import (
    MOST_BUDGET_S,
    MOST_STEPS,
    NETWORKS,
    BadRequestValue,
    RunState,
    TrainingRequest,
)
from services.api import answers
from services.api.answers import answer
from services.api.fields import Body, Id, IdPath, Output, Whole
from services.api.invalid import InvalidRequest
from services.api.paging import PageQuery
from services.api.permissions import actor_name, needs
from services.api.problems import responses
from services.api.resource import make_blueprint
from services.api.values import values

blueprint = make_blueprint("training-runs", "Networks taught on snapshots.")

ModelName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$")]


class NewRun(Body):
    snapshot_id: Id
    name: ModelName | None = Field(
        None, description="Of the model; without one it is made of network and snapshot."
    )
    network: str = Field(
        "mask-rcnn-light", max_length=100, description="One of " + ", ".join(NETWORKS) + "."
    )
    encoder: str | None = Field(None, max_length=100, description="Else the network's default.")
    init: str = Field(
        "none",
        max_length=100,
        description="`none`, `imagenet`, `coco`, or the name of a model to go on from.",
    )
    steps: Annotated[int, Field(ge=1, le=MOST_STEPS), Whole] | None = None
    budget_s: Annotated[float, Field(ge=10, le=MOST_BUDGET_S)] | None = Field(
        None, description="Time for training, s; an hour where there are no steps either."
    )
    seed: Annotated[int, Field(ge=0, le=2**31 - 1), Whole] = 0
    input_px: Annotated[int, Field(ge=64, le=4096), Whole] = Field(
        512, description="Side of the letterboxed input of a network for instances."
    )
    batch: Annotated[int, Field(ge=1, le=256), Whole] | None = None
    rate: Annotated[float, Field(ge=1e-6, le=1)] | None = None
    crop_px: Annotated[int, Field(ge=64, le=2048), Whole] | None = None


class RunOut(Output):
    id: int
    snapshot_id: int
    name: str
    network: str
    encoder: str
    init: str
    options: dict[str, Any]
    state: RunState
    reason: str
    step: int
    share: float = Field(description="Of the whole, 0 to 1.")
    eta_s: float | None
    asked_at: datetime
    asked_by: str
    started_at: datetime | None
    ended_at: datetime | None
    model_id: int | None


class RunWithCurves(RunOut):
    curves: list[dict[str, Any]] = Field(description="Name and points (step, value), thinned.")
    log: str = Field(description="The last lines.")


class RunPage(Output):
    items: list[RunOut]
    next: str | None


@blueprint.get("/training-runs", responses=responses({200: RunPage}))
@needs(Permission.LAB)
def list_training_runs(query: PageQuery) -> Response:
    """List runs, the newest first."""
    with values().database.reads() as session:
        rows = queries.list_runs(session, after=query.after, limit=query.limit)
    return answers.page(RunPage, rows, RunOut.model_validate)


@blueprint.get("/training-runs/<id>", responses=responses({200: RunWithCurves}, 404))
@needs(Permission.LAB)
def get_training_run(path: IdPath) -> Response:
    """One run with its curves and the end of its log."""
    with values().database.reads() as session:
        run = queries.get(session, path.id)
    return answer(RunWithCurves.model_validate(run))


@blueprint.post(
    "/training-runs", responses=responses({201: RunWithCurves}, 400, 404, 409, 413, 415)
)
@needs(Permission.LAB)
def start_training_run(body: NewRun) -> Response:
    """Ask for a run. 409 where nothing is installed that could train, with what to install."""
    asked = body.model_dump(exclude={"snapshot_id"})
    try:
        request = TrainingRequest(**asked)
    except BadRequestValue as error:
        raise InvalidRequest([(error.field, f"expected {error.expected}")]) from error
    with values().database.sessions.begin() as session:
        run = queries.ask(
            session,
            body.snapshot_id,
            request,
            installed=list_models(values().models_dirs),
            by=actor_name(None),
        )
    values().bell.ring(TRAIN_QUEUE)
    location = f"/api/v1/training-runs/{run.id}"
    return answer(RunWithCurves.model_validate(run), 201, headers={"Location": location})


@blueprint.post("/training-runs/<id>/cancel", responses=responses({200: RunOut}, 404, 409))
@needs(Permission.LAB)
def cancel_training_run(path: IdPath) -> Response:
    """End a run at its next step. What it has learnt is kept, and can be resumed."""
    with values().database.sessions.begin() as session:
        run = queries.cancel(session, path.id, actor_name(None))
    return answer(RunOut.model_validate(run))


@blueprint.post("/training-runs/<id>/resume", responses=responses({200: RunOut}, 404, 409))
@needs(Permission.LAB)
def resume_training_run(path: IdPath) -> Response:
    """Let a run that failed or was cancelled go on from its last checkpoint."""
    with values().database.sessions.begin() as session:
        run = queries.resume(session, path.id)
    values().bell.ring(TRAIN_QUEUE)
    return answer(RunOut.model_validate(run))
