"""The API killed in mid-push: whoever had no answer pushes again, with the same key."""

import signal
import socket
import threading
from collections.abc import Callable
from contextlib import closing, suppress

import httpx
import numpy as np
import psutil
from sqlalchemy import func, select

from db.models import Acquisition, Camera
from inspection.decode import encode_png
from tests.faults.plant import FRAMES, READY_S, Plant
from tests.servers import wait_until

NewPlant = Callable[..., Plant]
TOKEN = "a-token-of-the-fault-tests"
PUSHERS = 4
KILLS = 3


def test_the_api_killed_in_mid_push(new_plant: NewPlant) -> None:
    plant = new_plant()
    plant.start_sweeper()
    plant.start_ready_worker()
    already = plant.ledger().acquired
    with plant.database.reads() as session:
        station_id = session.get_one(Camera, plant.camera_ids[0]).station_id
    port = free_port()
    address = f"http://127.0.0.1:{port}/api/v1/stations/{station_id}/frames"
    api = start_api(plant, port)
    answered: dict[int, int] = {}  # frame number → the acquisition that 202 promised

    def push(first: int) -> None:
        for number in range(first, FRAMES, PUSHERS):
            wait_until(lambda number=number: pushed(address, number, answered), 120, "a 202")

    threads = [threading.Thread(target=push, args=(first,)) for first in range(PUSHERS)]
    for thread in threads:
        thread.start()
    for kill in range(1, KILLS + 1):
        share = FRAMES * kill // (KILLS + 1)
        plant.wait_for(lambda share=share: len(answered) >= share, f"{share} pushes are answered")
        promised = dict(answered)
        kill_at_once(api)
        with plant.database.reads() as session:
            kept = set(session.scalars(select(Acquisition.id)))
        assert set(promised.values()) <= kept
        api = start_api(plant, port)
    for thread in threads:
        thread.join()
    assert len(answered) == len(set(answered.values())) == FRAMES
    plant.assert_clean(already + FRAMES)
    with plant.database.reads() as session:
        keys = select(func.count(Acquisition.idempotency_key.distinct()))
        of_station = keys.where(Acquisition.idempotency_key.like("push-%"))
        assert session.scalar(of_station) == FRAMES


def pushed(address: str, number: int, answered: dict[int, int]) -> bool:
    """One attempt to push a frame; an attempt that had no answer may have been accepted."""
    pixels = np.full((32, 32, 3), 200, dtype=np.uint8)
    pixels[1, 0] = (number & 255, number >> 8, 7)
    with suppress(httpx.HTTPError):
        answer = httpx.post(
            address,
            files={"image": ("frame.png", encode_png(pixels))},
            headers={"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": f"push-{number}"},
            timeout=30,
        )
        # 503: SQLite was busy for longer than anybody waits; it is tried again.
        assert answer.status_code in (202, 429, 503), answer.text
        if answer.status_code == 202:
            answered[number] = answer.json()["acquisition_id"]
            return True
    return False


def start_api(plant: Plant, port: int) -> psutil.Popen:
    api = plant.start("api", "-m", "lineside", "api", "--port", str(port), LINESIDE_API_TOKEN=TOKEN)

    def is_ready() -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200
        return False

    plant.wait_for(is_ready, "the API answers", READY_S)
    return api


def kill_at_once(api: psutil.Popen) -> None:
    """SIGKILL to the server and what it forked, so that nothing ends its request."""
    family = [api, *api.children(recursive=True)]
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    psutil.wait_procs(family, timeout=10)


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port: int = server.getsockname()[1]
        return port
