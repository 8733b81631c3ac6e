"""The tasks. A body only hands over to what runs without Celery."""

from celery import shared_task

from db.bell import INSPECT_TASK, TRIAL_TASK
from workers.child import inspect_queue, try_recipes


# No retry machinery: the claim in SQL is the one mechanism of recovery.
@shared_task(name=INSPECT_TASK, max_retries=0, ignore_result=True)  # type: ignore[untyped-decorator]
def inspect(queue: str) -> None:
    """Inspect what waits in a queue, and ring again if more does."""
    inspect_queue(queue, ring_again=lambda: inspect.apply_async(args=[queue], queue=queue))


# Nor here: a trial that was left is found by the next ring of the sweeper.
@shared_task(name=TRIAL_TASK, max_retries=0, ignore_result=True)  # type: ignore[untyped-decorator]
def try_recipe(queue: str) -> None:
    """Try a recipe on a few stored images, and ring again if more are to be tried."""
    try_recipes(ring_again=lambda: try_recipe.apply_async(args=[queue], queue=queue))
