"""Controls: with a safety taken away the same faults do their harm, or nothing is tested."""

from collections.abc import Callable

from alembic.migration import MigrationContext
from alembic.operations import Operations

from tests.faults.plant import FRAMES, Plant

NewPlant = Callable[..., Plant]


def test_without_the_sweeper_what_was_flushed_is_lost(new_plant: NewPlant) -> None:
    plant = new_plant()
    worker = plant.start_ready_worker()
    plant.wait_for(lambda: plant.waiting_rings() == 0, "no ring is left")
    worker.kill()
    plant.push(FRAMES - 1)
    plant.bell.close(timeout_s=10)
    assert plant.waiting_rings() > 0
    with plant.redis.client() as client:
        client.flushall()
    worker = plant.start_worker()
    # It has started and listens; there is nothing that it could hear.
    plant.wait_for(lambda: plant.listeners() > 0 and worker.children(), "the worker listens")
    assert plant.ledger().in_flight == FRAMES - 1
    # Nothing else was wrong: with the sweeper the same plant recovers.
    plant.start_sweeper()
    plant.assert_clean(FRAMES)


def test_without_key_and_fence_a_zombie_doubles(new_plant: NewPlant) -> None:
    plant = new_plant(fence="off")
    drop_unique_key(plant)
    plant.start_sweeper()
    zombie = plant.start_ready_worker()
    plant.push(FRAMES - 1)
    plant.wait_for(
        lambda: plant.count("done") > 20 and plant.count("claimed") > 0, "it is in mid-batch"
    )
    plant.stop_between_commits(zombie, still=lambda: plant.count("claimed") > 0)
    plant.start_worker()
    plant.wait_until_done()
    zombie.go_on()
    plant.wait_for(
        lambda: any("two verdicts" in problem for problem in plant.ledger().problems),
        "an acquisition has two verdicts",
    )
    assert plant.lineside("audit").exit_code == 1


def drop_unique_key(plant: Plant) -> None:
    with plant.database.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            # The table is made anew, and others point at it. Outside a transaction, or SQLite
            # does not listen.
            connection.connection.driver_connection.execute("PRAGMA foreign_keys = OFF")
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("inspection") as batch:
            batch.drop_constraint("uq_inspection_acquisition_id", type_="unique")
        connection.commit()
    plant.database.dispose()
