"""A recipe tried on stored images: a second's work of the oldest trial at a time.

Nothing of it is an inspection: what is found goes into the trial's row and nowhere else.
"""

from __future__ import annotations

import time

import structlog
from pydantic import ValidationError

from db.engine import database_now
from db.models import Acquisition
from db.queries import recipe_trials
from db.queries.calibrations import current_scales
from db.queries.claims import ClaimedFrame, queues_with_work
from db.queries.recipe_trials import TrialStep
from db.queries.results import InspectedFrame
from inspection.calibration import Calibration
from inspection.decode import ImageRefused, ReducedImage
from inspection.judge import judge
from inspection.judgement import Judgement
from inspection.recipe import Recipe
from inspection.shelves.sight import Sight, locate
from workers.engines import EngineImage
from workers.inspecting.images import read_image
from workers.inspecting.models import ModelMissing, WarmModel
from workers.inspecting.runtime import Runtime

_log = structlog.get_logger()

_STEP_S = 1.0
_IMAGES = 8  # of one step, and one alone while the line has work


def try_step(runtime: Runtime) -> bool:
    """Try the next images; True where more are to be tried."""
    with runtime.database.sessions.begin() as session:
        busy = bool(queues_with_work(session))
        step = recipe_trials.next_step(session, images=1 if busy else _IMAGES)
        if step is None:
            return False
        acquisitions = recipe_trials.images_of(session, step.acquisition_ids)
        scale = current_scales(session, [step.station_id], database_now(session))
    calibration = scale[step.station_id].calibration if scale else None
    try:
        recipe = Recipe.model_validate(step.body)
        model = runtime.models.get(recipe.engine_key)
    except (ValidationError, ModelMissing) as error:
        return _end(runtime, step, str(error))
    results: list[dict[str, object]] = []
    begun_s = time.monotonic()
    try:
        for acquisition in acquisitions:
            judgement = _judged(runtime, acquisition, recipe, model, calibration)
            results.append(_result(acquisition.id, judgement))
            if runtime.stop.is_set() or time.monotonic() - begun_s > _STEP_S:
                break
    except Exception as error:  # noqa: BLE001 - outermost: whatever an engine raises on an image
        _log.exception("trial.failed", trial_id=step.trial_id)
        return _end(runtime, step, f"{type(error).__name__}: {error}")
    with runtime.database.sessions.begin() as session:
        return recipe_trials.write_step(session, step.trial_id, results)


def _judged(
    runtime: Runtime,
    acquisition: Acquisition,
    recipe: Recipe,
    model: WarmModel,
    calibration: Calibration | None,
) -> Judgement:
    frame = InspectedFrame(
        acquisition_id=acquisition.id,
        station_id=acquisition.station_id,
        camera_id=acquisition.camera_id,
        sequence=acquisition.sequence,
        captured_at=acquisition.captured_at,
        recipe_version_id=acquisition.recipe_version_id,
        image_sha256=acquisition.image_sha256,
    )
    claimed = ClaimedFrame(frame, acquisition.image_key, 1, acquisition.image_is_own)
    try:
        image = read_image(runtime.store, claimed, runtime.models.input_px(recipe.engine_key))
    except ImageRefused as error:
        return Judgement.not_inspected(error.reason, error.detail)
    (detections,) = model.detector.detect([image])
    sight = _sight(image, recipe)
    return judge(
        detections,
        model.classes,
        recipe,
        calibration,
        *(() if sight is None else (sight,)),
        now=acquisition.captured_at,
    )


def _sight(image: EngineImage, recipe: Recipe) -> Sight | None:
    """Where the shelf is. What moved before it cannot be seen in one picture alone."""
    if not recipe.positions:
        return None
    rgb = image.rgb if isinstance(image, ReducedImage) else image
    return Sight(*locate(rgb, recipe.shelf))


def _result(acquisition_id: int, judgement: Judgement) -> dict[str, object]:
    return {
        "acquisition_id": acquisition_id,
        "verdict": judgement.verdict.value,
        "detail": judgement.detail[:500],
    }


def _end(runtime: Runtime, step: TrialStep, reason: str) -> bool:
    with runtime.database.sessions.begin() as session:
        recipe_trials.fail(session, step.trial_id, reason)
    # Another trial may wait behind this one.
    return True
