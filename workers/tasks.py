"""The tasks. A body only hands over to what runs without Celery."""

from celery import shared_task

from db.bell import INSPECT_TASK, TRAIN_TASK, TRIAL_TASK
from workers.child import inspect_queue, train_next, work_beside


# No retry machinery: the claim in SQL is the one mechanism of recovery.
@shared_task(name=INSPECT_TASK, max_retries=0, ignore_result=True)  # type: ignore[untyped-decorator]
def inspect(queue: str) -> None:
    """Inspect what waits in a queue, and ring again if more does."""
    inspect_queue(queue, ring_again=lambda: inspect.apply_async(args=[queue], queue=queue))


# Nor here: what was left is found by the next ring of the sweeper.
@shared_task(name=TRIAL_TASK, max_retries=0, ignore_result=True)  # type: ignore[untyped-decorator]
def try_recipe(queue: str) -> None:
    """A second's work of what gives way to the line, and ring again if more waits."""
    work_beside(ring_again=lambda: try_recipe.apply_async(args=[queue], queue=queue))


# A run that was left is found by the next ring of the sweeper, and goes on from its checkpoint.
@shared_task(name=TRAIN_TASK, max_retries=0, ignore_result=True)  # type: ignore[untyped-decorator]
def train(queue: str) -> None:
    """Do the next training run, and ring again if more wait."""
    train_next(ring_again=lambda: train.apply_async(args=[queue], queue=queue))
