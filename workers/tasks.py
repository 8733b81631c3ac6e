"""The tasks. A body only hands over to what runs without Celery."""

from celery import shared_task

from db.bell import INSPECT_TASK
from workers.child import inspect_queue


# No retry machinery: the claim in SQL is the one mechanism of recovery.
@shared_task(name=INSPECT_TASK, max_retries=0, ignore_result=True)  # type: ignore[untyped-decorator]
def inspect(queue: str) -> None:
    """Inspect what waits in a queue, and ring again if more does."""
    inspect_queue(queue, ring_again=lambda: inspect.apply_async(args=[queue], queue=queue))
