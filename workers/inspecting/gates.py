"""A gate's next images under both models: a second's work of the oldest gate at a time."""

from __future__ import annotations

import time

import structlog

from db.engine import database_now
from db.queries import gates
from db.queries.calibrations import current_scales
from db.queries.claims import queues_with_work
from db.queries.gate_images import GateImage
from db.queries.gates import GateStep, Looked
from inspection.calibration import Calibration
from inspection.judgement import JudgedFinding, Judgement
from workers.inspecting.models import ModelMissing
from workers.inspecting.runtime import Runtime
from workers.inspecting.stored import StoredPicture, judge_stored

_log = structlog.get_logger()

_STEP_S = 1.0
_IMAGES = 8  # of one step, and one alone while the line has work


def gate_step(runtime: Runtime) -> bool:
    """Look at the next images; True where more are left."""
    with runtime.database.sessions.begin() as session:
        busy = bool(queues_with_work(session))
        step = gates.next_step(session, images=1 if busy else _IMAGES)
        if step is None:
            return False
        scale = current_scales(session, [step.station_id], database_now(session))
    calibration = scale[step.station_id].calibration if scale else None
    looked: list[Looked] = []
    begun_s = time.monotonic()
    try:
        for image in step.images:
            looked.append(_look(runtime, image, step, calibration))
            if runtime.stop.is_set() or time.monotonic() - begun_s > _STEP_S:
                break
    except ModelMissing as error:
        return _end(runtime, step, str(error))
    except Exception as error:  # noqa: BLE001 - outermost: whatever an engine raises on an image
        _log.exception("gate.failed", gate_id=step.gate_id)
        return _end(runtime, step, f"{type(error).__name__}: {error}")
    with runtime.database.sessions.begin() as session:
        return gates.write_step(session, step.gate_id, looked)


def _look(
    runtime: Runtime, image: GateImage, step: GateStep, calibration: Calibration | None
) -> Looked:
    picture = StoredPicture(image.key, image.sha256, image.captured_at, image.is_own)
    champion: Judgement | None = None
    if image.before is None:
        champion = judge_stored(runtime, picture, step.champion, calibration)
    challenger = judge_stored(runtime, picture, step.challenger, calibration)
    return Looked(
        image,
        champion.verdict.value if champion else None,
        challenger.verdict.value,
        challenger.detail,
        tuple(_shown(each) for each in challenger.findings) if image.kind == "replay" else (),
    )


def _shown(finding: JudgedFinding) -> dict[str, object]:
    return {
        "class": finding.class_name,
        "score": round(float(finding.score), 4),
        "box": [round(float(side), 1) for side in finding.box_xyxy],
        "verdict": finding.verdict.value,
        "place": finding.place,
        "rle": finding.mask_rle,
    }


def _end(runtime: Runtime, step: GateStep, reason: str) -> bool:
    with runtime.database.sessions.begin() as session:
        gates.fail(session, step.gate_id, reason)
    # Another gate may wait behind this one.
    return True
