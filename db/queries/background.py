"""What workers do beside the line: whether any of it waits, for the sweeper's ring."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session

from db.queries import gates, model_uploads, recipe_trials, shadows, watched_pictures

# Each says whether something of its kind waits that nobody is at.
WAITING: tuple[Callable[[Session], bool], ...] = (
    recipe_trials.any_waiting,
    model_uploads.any_waiting,
    gates.any_waiting,
    shadows.any_waiting,
    watched_pictures.any_waiting,
)


def any_waiting(session: Session) -> bool:
    """Whether a ring of the queue `try` would find something to do."""
    return any(waits(session) for waits in WAITING)
