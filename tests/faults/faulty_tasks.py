"""The worker's tasks around the engine of fault tests. Imported in the child, by its name."""

import functools
import os
from collections.abc import Mapping, Sequence

from celery import shared_task
from celery.signals import worker_process_init
from sqlalchemy import update
from sqlalchemy.orm import Session

from db.bell import INSPECT_TASK
from db.logs import configure_logs
from db.models import Acquisition
from db.queries.commits import Committed, commit_results
from db.queries.results import NewInspection, insert_inspections
from inspection.recipe import DiscrepancyPolicy
from tests.faults.faulty_engine import FaultyDetector
from workers.child import inspect_queue, stopping
from workers.inspecting.guard import NoGuard, ProcessGuard
from workers.inspecting.runtime import Runtime, build_runtime


def commit_without_fence(
    session: Session,
    token: str,
    results: Sequence[NewInspection],
    policies: Mapping[int, DiscrepancyPolicy],
) -> Committed:
    """What `commit_results` would be without its fence, for the control that must fail."""
    ids = [result.frame.acquisition_id for result in results]
    session.execute(update(Acquisition).where(Acquisition.id.in_(ids)).values(state="done"))
    insert_inspections(session, results)
    return Committed((), ())


@functools.cache
def faulty_runtime() -> Runtime:
    configure_logs()
    fenced = os.environ["FAULTS_FENCE"] == "on"
    return build_runtime(
        stopping,
        load_detector=FaultyDetector,
        commit=commit_results if fenced else commit_without_fence,
        # Only for what hangs. A zombie is for the fence to stop, and with leases so short a busy
        # host would keep Python from running long enough.
        guard=ProcessGuard() if os.environ.get("FAULTS_GUARD") else NoGuard(),
    )


if os.environ.get("FAULTS_WARM"):
    # Made while the child starts, which no task's limit counts, and not by the first task.
    worker_process_init.connect(lambda **_: faulty_runtime(), weak=False)


@shared_task(name=INSPECT_TASK, max_retries=0, ignore_result=True)
def inspect(queue: str) -> None:
    inspect_queue(
        queue,
        ring_again=lambda: inspect.apply_async(args=[queue], queue=queue),
        runtime=faulty_runtime,
    )
