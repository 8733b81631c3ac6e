"""Redis and the database killed, emptied and locked under load."""

import sqlite3
import time
from collections.abc import Callable

from sqlalchemy import make_url

from tests.faults.plant import FRAMES, Plant
from tests.servers import PostgresServer

NewPlant = Callable[..., Plant]
GONE_S = 10


def test_redis_killed_and_started_again(new_plant: NewPlant) -> None:
    plant = new_plant()
    plant.start_sweeper()
    plant.start_ready_worker()
    plant.push(FRAMES // 4)
    plant.redis.kill()
    # The accepting path never touches Redis.
    plant.push(FRAMES // 4)
    plant.redis.start()
    plant.push(FRAMES // 4)
    plant.redis.kill()
    plant.push(FRAMES // 4 - 1)
    plant.redis.start()
    plant.assert_clean(FRAMES)


def test_redis_flushed_with_a_hundred_waiting(new_plant: NewPlant) -> None:
    plant = new_plant()
    worker = plant.start_ready_worker()
    plant.push(FRAMES // 2 - 1)
    plant.stop_between_commits(worker)
    plant.push(FRAMES // 2)
    plant.bell.close(timeout_s=10)
    assert plant.count("waiting") >= 100
    with plant.redis.client() as client:
        client.flushall()
    worker.go_on()
    plant.start_sweeper()
    plant.assert_clean(FRAMES)


def test_the_database_gone_for_ten_seconds(
    new_plant: NewPlant, request: object, tmp_path: object
) -> None:
    plant = new_plant()
    sweeper = plant.start_sweeper()
    worker = plant.start_ready_worker()
    plant.push(FRAMES - 51)
    plant.wait_for(lambda: plant.count("done") > 20, "it is in mid-batch")
    end_outage = take_away(plant, request)
    # How long it is gone is the fault itself, and no condition to wait for.
    time.sleep(GONE_S)
    end_outage()
    plant.push(50)
    plant.assert_clean(FRAMES)
    assert worker.process.is_running()
    assert sweeper.is_running()


def take_away(plant: Plant, request: object) -> Callable[[], object]:
    """Make the database unreachable; returns what brings it back."""
    if plant.url.startswith("sqlite"):
        holder = sqlite3.connect(str(make_url(plant.url).database), isolation_level=None)
        holder.execute("PRAGMA busy_timeout = 30000")
        holder.execute("BEGIN EXCLUSIVE")
        return holder.close
    server: PostgresServer = request.getfixturevalue("mortal_postgres")  # type: ignore[attr-defined]
    server.stop("immediate")
    return server.start
