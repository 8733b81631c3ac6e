from celery import Celery

from db.bell import BROKER_TRANSPORT_OPTIONS, INSPECT_QUEUE, INSPECT_TASK, celery_broker_url
from services.bell import Bell
from tests.servers import RedisServer, running_redis, wait_until


def waiting_rings(server: RedisServer) -> int:
    with server.client() as client:
        return int(client.llen(f"{BROKER_TRANSPORT_OPTIONS['global_keyprefix']}{INSPECT_QUEUE}"))


def test_a_ring_is_the_inspect_task_with_the_queues_key(redis_server: RedisServer) -> None:
    bell = Bell(redis_server.url)
    bell.ring(INSPECT_QUEUE)
    wait_until(lambda: waiting_rings(redis_server) == 1, 10, "one ring waits")
    bell.close()
    app = Celery(broker=celery_broker_url(redis_server.url), set_as_current=False)
    app.conf.broker_transport_options = BROKER_TRANSPORT_OPTIONS
    with app.connection_for_read() as connection:
        message = app.amqp.queues[INSPECT_QUEUE](connection.default_channel).get(no_ack=True)
    assert message.headers["task"] == INSPECT_TASK
    assert message.payload[0] == [INSPECT_QUEUE]
    assert message.content_type == "application/json"


def test_many_rings_are_few(redis_server: RedisServer) -> None:
    bell = Bell(redis_server.url)
    for _ in range(5000):
        bell.ring(INSPECT_QUEUE)
    bell.close(timeout_s=10)
    assert 1 <= waiting_rings(redis_server) <= 8


def test_a_ring_waits_for_redis_to_come_back() -> None:
    with running_redis() as server:
        server.kill()
        bell = Bell(server.url)
        bell.ring(INSPECT_QUEUE)
        server.start()
        wait_until(lambda: waiting_rings(server) == 1, 20, "the ring is heard")
        bell.close()
