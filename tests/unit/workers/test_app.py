import pickle

from db.bell import INSPECT_TASK, TASKS
from workers.app import create_app

REDIS = "redis://127.0.0.1:1/0"  # nobody answers there, and nobody is asked


def test_every_name_that_is_rung_is_registered() -> None:
    app = create_app(REDIS)
    app.loader.import_default_modules()
    assert set(TASKS) <= set(app.tasks)


def test_an_app_that_was_spawned_has_the_same_tasks_and_settings() -> None:
    """The child gets the app as a pickle and must find its tasks by itself."""
    app = create_app(REDIS, task_limit_s=77)
    child = pickle.loads(pickle.dumps(app))
    child.loader.import_default_modules()
    assert set(TASKS) <= set(child.tasks)
    assert child.tasks[INSPECT_TASK].time_limit == 77
    assert child.conf.worker_pool_start_method == "spawn"
    assert child.conf.accept_content == ["json"]


def test_inspect_tasks_carry_no_retry_machinery() -> None:
    app = create_app(REDIS)
    app.loader.import_default_modules()
    task = app.tasks[INSPECT_TASK]
    assert (task.acks_late, task.max_retries, task.ignore_result) == (False, 0, True)
    assert task.soft_time_limit is None  # an exception out of nowhere would break a commit


def test_the_time_limit_is_of_this_task_alone() -> None:
    app = create_app(REDIS, task_limit_s=77)
    assert app.conf.task_time_limit is None
