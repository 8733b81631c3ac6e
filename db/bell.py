"""The bell: what producers and the worker must agree on to wake each other through Redis.

The database is the truth. A ring carries a queue's key and nothing else; it may be lost, doubled
or late, and then only time is lost.
"""

from urllib.parse import urlsplit

# Task names. A test asserts that each is registered with the worker's app.
INSPECT_TASK = "lineside.inspect"
TRIAL_TASK = "lineside.try"
TRAIN_TASK = "lineside.train"
TASKS = (INSPECT_TASK, TRIAL_TASK, TRAIN_TASK)

INSPECT_QUEUE = "inspect"
# What gives way to the line (`db.queries.background`): recipes tried on stored images, gates,
# shadows; a second's work at a time, so that the line hardly waits.
TRIAL_QUEUE = "try"
# Training runs, for the trainer (`lineside trainer`) and no inspection worker.
TRAIN_QUEUE = "train"

# Redis pub/sub channel of live events: JSON {"type", "station_id", "inspection_id", …}.
EVENTS_CHANNEL = "lineside:events"

BROKER_TRANSPORT_OPTIONS = {
    # A message taken and not acked comes back after this time. Without it the default of an hour.
    "visibility_timeout": 120,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "unacked_mutex_expire": 30,
    # Without time-outs a half-open connection holds its user for ever.
    "socket_timeout": 5,
    "socket_connect_timeout": 3,
    "socket_keepalive": True,
    "health_check_interval": 10,
    # Keys of several installations can share one Redis.
    "global_keyprefix": "lineside:",
}


def celery_broker_url(redis_url: str) -> str:
    """The Celery form of a redis-py URL: kombu spells unix sockets `redis+socket://`."""
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    database = "0"
    for pair in parts.query.split("&"):
        name, _, value = pair.partition("=")
        if name == "db" and value:
            database = value
    return f"redis+socket://{parts.path}?virtual_host={database}"
