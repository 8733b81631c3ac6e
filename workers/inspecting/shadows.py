"""A challenger's next live frames: a second's work at a time, one image while the line has work."""

from __future__ import annotations

import time

import structlog

from db.queries import shadows
from db.queries.calibrations import to_domain
from db.queries.claims import queues_with_work
from db.queries.shadows import Said, ShadowImage, ShadowStep
from inspection.finding_agreement import FoundThing, agreement
from inspection.judgement import JudgedFinding
from inspection.verdicts import Verdict
from workers.inspecting.models import ModelMissing
from workers.inspecting.runtime import Runtime
from workers.inspecting.stored import StoredPicture, judge_stored

_log = structlog.get_logger()

_STEP_S = 1.0
_IMAGES = 8  # of one step, and one alone while the line has work


def shadow_step(runtime: Runtime) -> bool:
    """Look at the next frames; True where more are before it."""
    with runtime.database.sessions.begin() as session:
        busy = bool(queues_with_work(session))
        step = shadows.next_step(session, images=1 if busy else _IMAGES)
    if step is None:
        return False
    if step.reason:
        return _end(runtime, step, step.reason)
    said: list[Said] = []
    seen_to = step.seen_to
    begun_s = time.monotonic()
    try:
        for place, image in enumerate(step.images):
            if (one := _say(runtime, image)) is not None:
                said.append(one)
            late = runtime.stop.is_set() or time.monotonic() - begun_s > _STEP_S
            if late and place + 1 < len(step.images):
                seen_to = image.inspection_id
                break
    except ModelMissing as error:
        return _end(runtime, step, str(error))
    except Exception as error:  # noqa: BLE001 - outermost: whatever an engine raises on an image
        _log.exception("shadow.failed", shadow_id=step.shadow_id)
        return _end(runtime, step, f"{type(error).__name__}: {error}")
    with runtime.database.sessions.begin() as session:
        return shadows.write_step(session, step, said, seen_to)


def _say(runtime: Runtime, image: ShadowImage) -> Said | None:
    """What the challenger says; None where the picture cannot be looked at any more."""
    picture = StoredPicture(
        image.image_key, image.image_sha256, image.captured_at, image.image_is_own
    )
    calibration = to_domain(image.calibration) if image.calibration is not None else None
    runtime.models.get(image.recipe.engine_key)  # loaded before the clock runs
    begun_s = time.monotonic()
    judgement = judge_stored(runtime, picture, image.recipe, calibration)
    if judgement.verdict is Verdict.NOT_INSPECTED:
        return None
    found = [FoundThing(each.class_name, each.mask_rle) for each in judgement.findings]
    return Said(
        image=image,
        challenger=judgement.verdict.value,
        detail=judgement.detail,
        agreement=agreement(image.found, found),
        findings=[_as_json(each) for each in judgement.findings],
        engine_ms=round((time.monotonic() - begun_s) * 1000, 2),
    )


def _as_json(finding: JudgedFinding) -> dict[str, object]:
    return {
        "class_name": finding.class_name,
        "score": round(finding.score, 4),
        "box_xyxy": [round(edge, 1) for edge in finding.box_xyxy],
        "mask_rle": finding.mask_rle,
    }


def _end(runtime: Runtime, step: ShadowStep, reason: str) -> bool:
    _log.warning("shadow.ended", shadow_id=step.shadow_id, reason=reason)
    with runtime.database.sessions.begin() as session:
        shadows.fail(session, step.shadow_id, reason)
    # Another shadow may wait behind this one.
    return True
