"""Killed, stopped and doubled workers."""

from collections.abc import Callable

from db.models import Acquisition
from tests.faults.faulty_engine import ASLEEP, ENDLESS, POISON, hangs
from tests.faults.plant import FRAMES, READY_S, Plant, Worker

NewPlant = Callable[..., Plant]


def test_pool_children_killed_in_mid_batch(new_plant: NewPlant) -> None:
    plant = new_plant()
    plant.start_sweeper()
    worker = plant.start_ready_worker()
    plant.push(FRAMES - 1)
    for kill in range(3):
        done = plant.count("done")
        step = plant.random.randint(5, 30)
        plant.wait_for(
            lambda done=done, step=step: (
                plant.count("done") >= done + step and plant.count("claimed") > 0
            ),
            f"the child is in mid-batch for kill {kill}",
        )
        for child in worker.children():
            child.kill()
    plant.assert_clean(FRAMES)
    assert worker.process.is_running()  # nothing needed a hand


def test_whole_workers_killed_in_mid_batch(new_plant: NewPlant) -> None:
    plant = new_plant()
    plant.start_sweeper()
    worker = plant.start_ready_worker()
    plant.push(FRAMES - 1)
    for kill in range(2):
        step = plant.random.randint(10, 40)
        done = plant.count("done")
        plant.wait_for(
            lambda done=done, step=step: (
                plant.count("done") >= done + step and plant.count("claimed") > 0
            ),
            f"the worker is in mid-batch for kill {kill}",
        )
        children = worker.children()
        worker.kill_main()
        plant.wait_for(
            lambda children=children: not any(child.is_running() for child in children),
            "its children are gone too",
        )
        worker = plant.start_worker()
    plant.assert_clean(FRAMES)


def test_the_window_between_pop_and_delivery(new_plant: NewPlant) -> None:
    plant = new_plant()
    worker = plant.start_ready_worker()
    plant.push(FRAMES - 1, ring=False)
    while not deaf_with_a_ring(plant, worker):
        worker.go_on()
    worker.kill()
    plant.start_sweeper()
    plant.start_worker()
    plant.assert_clean(FRAMES)


def deaf_with_a_ring(plant: Plant, worker: Worker) -> bool:
    """Stop a worker while it waits for a ring, and ring: whether Redis gave the ring to it."""
    plant.wait_for(lambda: plant.listeners() > 0, "it waits for a ring")
    worker.stop()
    plant.ring_now()
    if plant.waiting_rings() == 0:
        return True
    # It was stopped between two questions, each of which lasts a second.
    with plant.redis.client() as client:
        client.flushall()
    return False


def test_the_same_task_delivered_five_times(new_plant: NewPlant) -> None:
    plant = new_plant()
    plant.start_sweeper()
    plant.start_ready_worker(concurrency=2)
    plant.push(FRAMES - 1, ring=False)
    plant.ring_now(times=5, task_id="the-same")
    plant.assert_clean(FRAMES)


def test_a_zombie_that_wakes_after_its_lease(new_plant: NewPlant) -> None:
    plant = new_plant()
    plant.start_sweeper()
    zombie = plant.start_ready_worker()
    plant.push(FRAMES - 1)
    plant.wait_for(
        lambda: plant.count("done") > 20 and plant.count("claimed") > 0, "it is in mid-batch"
    )
    plant.stop_between_commits(zombie, still=lambda: plant.count("claimed") > 0)
    plant.start_worker()
    plant.wait_until_done()
    lost_before = zombie.log().count("claim.taken_over")
    zombie.go_on()
    plant.wait_for(
        lambda: zombie.log().count("claim.taken_over") > lost_before,
        "the zombie has come to commit, and has written nothing",
    )
    plant.assert_clean(FRAMES)


def test_a_worker_that_is_told_to_stop_gives_back_what_it_has_not_begun(
    new_plant: NewPlant,
) -> None:
    plant = new_plant(lease_s=600)  # what it kept would be missing for ten minutes
    worker = plant.start_ready_worker()
    plant.push(FRAMES - 1)
    plant.wait_for(lambda: plant.count("done") > 20, "it is in mid-batch")
    worker.process.terminate()
    assert worker.process.wait(READY_S) == 0
    assert plant.count("claimed") == 0
    assert plant.count("waiting") > 0
    # Each line is one of the log's.
    assert "event=worker.stopped status=0" in worker.log()
    assert all(line.startswith("timestamp=") for line in worker.log().splitlines())
    plant.start_sweeper()
    plant.start_worker()
    plant.assert_clean(FRAMES)


def test_a_poisoned_image_that_kills_its_process(new_plant: NewPlant) -> None:
    plant = new_plant(lease_s=2.0)
    plant.start_sweeper()
    # Two children: the next attempt need not wait until the one that died has been replaced.
    worker = plant.start_ready_worker(concurrency=2)
    ids = plant.push(FRAMES - 1, greys={plant.random.randrange(20, 150): POISON})
    plant.assert_clean(FRAMES, dead=1)
    (line,) = plant.lineside("dead-letters", "list").output.splitlines()
    assert int(line.split()[0]) in ids
    assert "5 attempts" in line
    assert worker.process.is_running()


def test_an_image_at_which_the_engine_hangs_with_all_of_python(new_plant: NewPlant) -> None:
    plant = new_plant(lease_s=4.0, settings=HANGING)
    worker = hang(plant, ENDLESS)
    # Its guard ended it, and said where it hung; no thread of Python could have.
    assert "Timeout (0:00:03.6" in worker.log()
    assert "in _deadlock" in worker.log()


def test_an_image_at_which_the_engine_hangs_alone(new_plant: NewPlant) -> None:
    plant = new_plant(lease_s=4.0, settings=HANGING)
    worker = hang(plant, ASLEEP)
    # The process noticed by itself. Where nothing is known yet of the engine, Celery's limit does.
    assert "event=engine.hung" in worker.log()
    assert "in _sleep_for_ever" in worker.log()


HANGING = {
    # A task ends well within it, on a busy host too, so that only what hangs is killed.
    "LINESIDE_TASK_LIMIT_S": "8",
    "LINESIDE_DRAIN_S": "0.1",
    "LINESIDE_CLAIM_ENGINE_S": "0.05",
    "FAULTS_WARM": "yes",
    "FAULTS_GUARD": "on",
}


def hang(plant: Plant, grey: int) -> Worker:
    """Have an engine hang at one image of many until it is buried, one process after another."""
    sweeper = plant.start_sweeper()
    worker = plant.start_ready_worker(concurrency=3)
    sweeper.kill()
    place = plant.random.randrange(20, 150)
    ids = plant.push(FRAMES - 1, ring=False, greys={place: grey})
    with plant.database.sessions.begin() as session:
        session.get_one(Acquisition, ids[place]).attempts = 2  # five take long
    plant.start_sweeper()
    plant.assert_clean(FRAMES, dead=1)
    (line,) = plant.lineside("dead-letters", "list").output.splitlines()
    assert int(line.split()[0]) == ids[place]
    assert "5 attempts" in line
    hung = hangs(plant.folder)
    # Each of the three attempts hung in a process of its own. On a very busy host one may end
    # before the engine has the image.
    assert 2 <= len(hung) <= 3
    assert len({pid for pid, _ in hung}) == len(hung)
    # Several might have hung at once, and each had ended when the next began.
    assert {others for _, others in hung} == {0}
    plant.wait_for(lambda: len(worker.children()) == 3, "all children are there again")
    assert worker.process.is_running()
    return worker
