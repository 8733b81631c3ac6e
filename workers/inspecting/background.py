"""What gives way to the line: a second's work of each kind that waits, one after the other."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from workers.inspecting.gates import gate_step
from workers.inspecting.runtime import Runtime
from workers.inspecting.shadows import shadow_step
from workers.inspecting.trials import try_step
from workers.inspecting.uploads import upload_step
from workers.inspecting.watching import watch_step

_log = structlog.get_logger()

# Each does the next step of its kind, and says whether more waits.
STEPS: tuple[Callable[[Runtime], bool], ...] = (
    try_step,
    upload_step,
    gate_step,
    watch_step,
    shadow_step,
)


def background_step(runtime: Runtime) -> bool:
    """Do one step of every kind; True where any has more to do."""
    more = False
    for step in STEPS:
        try:
            more |= step(runtime)
        except Exception:  # noqa: BLE001 - outermost: one kind of work holds up no other
            _log.exception("background.failed", step=step.__name__)
    return more
