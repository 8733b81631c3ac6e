"""`python -m tests.faults.worker QUEUE…`: `lineside worker` with the engine of fault tests."""

import sys

from db.logs import configure_logs
from db.settings import BrokerSettings
from workers.app import create_app
from workers.serve import serve
from workers.settings import WorkerSettings


def main() -> None:
    configure_logs()
    settings = WorkerSettings()
    app = create_app(
        BrokerSettings().redis_url,
        task_limit_s=settings.task_limit_s,
        include=("tests.faults.faulty_tasks",),
    )
    concurrency, *queues = sys.argv[1:]
    raise SystemExit(
        serve(
            app,
            queues=queues,
            concurrency=int(concurrency),
            soft_shutdown_s=settings.soft_shutdown_s,
            beat=lambda: None,
        )
    )


if __name__ == "__main__":
    main()
