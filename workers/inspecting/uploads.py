"""The trial inference of a foreign model folder, before it is listed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import structlog

from db.errors import Conflict
from db.queries import model_uploads
from db.queries.model_uploads import UploadStep
from inspection.detections import Detections
from inspection.model_folder import ModelFolder, ModelFolderError
from inspection.model_intake import check_folder, put_in_place, remove_incoming
from workers.inspecting.runtime import Runtime

_log = structlog.get_logger()

_TRIAL_WH = (640, 480)


class TrialFailed(Exception):
    """What an engine gave back is nothing that could be judged."""


def upload_step(runtime: Runtime) -> bool:
    """Try the next upload; True where more wait."""
    models_dir = runtime.models.models_dir
    if models_dir is None:
        return False
    with runtime.database.sessions.begin() as session:
        step = model_uploads.next_step(session)
    if step is None:
        return False
    incoming = models_dir / step.folder
    try:
        if not incoming.exists() and (models_dir / _name(runtime, step)).exists():
            # Its worker died between the move and the commit.
            incoming = models_dir / _name(runtime, step)
        folder = check_folder(incoming)
        try_once(runtime, folder)
        folder = put_in_place(folder, models_dir)
        with runtime.database.sessions.begin() as session:
            model_uploads.list_it(session, step, folder)
        _log.info("model.listed", model=folder.name, version=folder.version)
    except (ModelFolderError, Conflict, TrialFailed, OSError) as error:
        _refuse(runtime, step, models_dir, str(error))
    except Exception as error:  # noqa: BLE001 - outermost: whatever an engine raises on foreign files
        _log.exception("upload.failed", upload_id=step.upload_id)
        _refuse(runtime, step, models_dir, f"trial inference: {type(error).__name__}: {error}")
    return True


def try_once(runtime: Runtime, folder: ModelFolder) -> None:
    """One inference on a picture of noise, and whether its result holds together.

    Raises:
        TrialFailed: other classes than the folder says, or what is no finding of the picture.
    """
    detector = runtime.models.load_alone(folder)
    try:
        if tuple(detector.classes) != tuple(folder.classes):
            raise TrialFailed(
                f"the engine has the classes {list(detector.classes)}, model.json says"
                f" {list(folder.classes)}"
            )
        noise = np.random.default_rng(0).integers(0, 255, (*_TRIAL_WH[::-1], 3), dtype=np.uint8)
        (found,) = detector.detect([noise])
        _check(found, folder)
    finally:
        detector.close()


def _check(found: Detections, folder: ModelFolder) -> None:
    if found.size_wh != _TRIAL_WH:
        raise TrialFailed(f"it found things in a picture of {found.size_wh}, it had {_TRIAL_WH}")
    if not (np.isfinite(found.scores).all() and np.isfinite(found.boxes_xyxy).all()):
        raise TrialFailed("its scores or boxes are no finite numbers")
    if len(found) and (found.class_ids.max() >= len(folder.classes) or found.scores.max() > 1):
        raise TrialFailed(
            f"class ids up to {found.class_ids.max()} and scores up to {found.scores.max():.2f};"
            f" expected {len(folder.classes)} classes and scores of 0 to 1"
        )


def _name(runtime: Runtime, step: UploadStep) -> str:
    with runtime.database.reads() as session:
        return model_uploads.get_upload(session, step.upload_id).name


def _refuse(runtime: Runtime, step: UploadStep, models_dir: Path, reason: str) -> None:
    with runtime.database.sessions.begin() as session:
        model_uploads.refuse(session, step.upload_id, reason)
    remove_incoming(models_dir / step.folder, models_dir)
