"""The Celery app. Celery wakes, routes and scales; what must hold stands in SQL.

Inspect tasks carry a queue's key and nothing else. They are acked as soon as they are received
and never retried: a task that is lost, doubled or late costs time, since whoever wakes next
finds all that waits, and all that a dead worker had claimed, in the acquisitions table.
"""

from collections.abc import Sequence
from typing import Any

from celery import Celery

from db.bell import (
    BROKER_TRANSPORT_OPTIONS,
    INSPECT_QUEUE,
    INSPECT_TASK,
    TRIAL_TASK,
    celery_broker_url,
)

TASK_MODULES = ("workers.tasks",)


def create_app(
    redis_url: str,
    *,
    task_limit_s: float = 90,
    include: Sequence[str] = TASK_MODULES,
) -> Celery:
    """An app on one Redis.

    Args:
        task_limit_s: a child whose inspect task takes longer is killed. Without it an engine
            that hangs in native code would hold its worker for ever.
        include: modules whose tasks the worker runs. They are imported again in every child.
    """
    app = Celery(
        "lineside", broker=celery_broker_url(redis_url), include=list(include), set_as_current=False
    )
    app.conf.update(
        _SETTINGS,
        # Of these tasks alone: a training run on the same app may take hours.
        task_annotations={
            task: {"time_limit": task_limit_s} for task in (INSPECT_TASK, TRIAL_TASK)
        },
    )
    return app


_SETTINGS: dict[str, Any] = {
    "task_default_queue": INSPECT_QUEUE,
    # A thread or a fork would be cheaper, but a thread cannot be killed when it hangs, and a
    # fork after CUDA or OpenVINO has started inherits a broken engine.
    "worker_pool": "prefork",
    "worker_pool_start_method": "spawn",
    # An engine uses all cores by itself; a second process would halve its cache and its memory.
    "worker_concurrency": 1,
    # A fresh interpreter imports an engine before it reports. By default it has 4 s for that,
    # and one that is slower is killed and started again for ever.
    "worker_proc_alive_timeout": 120,
    # Rings are taken one by one: what a worker hoards, an idle neighbour cannot hear.
    "worker_prefetch_multiplier": 1,
    # Acked when received. Late acks would bring a message back after the visibility time-out,
    # which says nothing about the acquisitions and would only ring a second time.
    "task_acks_late": False,
    # Nothing that unpickles is ever taken from a broker: whoever can write to Redis could
    # otherwise run code here.
    "task_serializer": "json",
    "accept_content": ["json"],
    # Results would fill Redis and cost a quarter of the speed; verdicts stand in SQL.
    "task_ignore_result": True,
    "result_backend": None,
    # A publish raises at once where Redis is away; the sweeper rings later.
    "task_publish_retry": False,
    "broker_connection_retry_on_startup": True,
    # Without None a worker gives up after 100 attempts and a long outage needs a hand.
    "broker_connection_max_retries": None,
    "broker_transport_options": dict(BROKER_TRANSPORT_OPTIONS),
    # An engine that leaks is started anew after a day of rings rather than killed by the kernel.
    "worker_max_tasks_per_child": 100_000,
    "worker_send_task_events": False,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "worker_hijack_root_logger": False,
}
