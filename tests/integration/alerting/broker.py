"""Mosquitto on a port of its own with a configuration of its own, and what a subscriber hears."""

import contextlib
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from tests.servers import wait_until

TOPIC = "lineside/alerts"


@dataclass
class Broker:
    port: int
    heard: list[str] = field(default_factory=list)


@contextlib.contextmanager
def running_broker(folder: Path) -> Iterator[Broker]:
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        pytest.skip("no Mosquitto on this host: apt-get install mosquitto")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    passwords = folder / "passwords"
    passwords.write_text("line:right\n")
    passwords.chmod(0o600)
    subprocess.run([_beside(program), "-U", str(passwords)], check=True)
    configuration = folder / "mosquitto.conf"
    user = Path(folder).owner()
    configuration.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\n"
        f"user {user}\npersistence false\n"
    )
    process = subprocess.Popen(
        [program, "-c", str(configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    broker = Broker(port)
    subscribed = threading.Event()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.username_pw_set("line", "right")
    client.on_connect = lambda its, *_: its.subscribe(TOPIC, qos=1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = lambda _client, _data, message: broker.heard.append(
        message.payload.decode()
    )
    try:
        wait_until(lambda: _listens(port), 20, "Mosquitto listens")
        client.connect("127.0.0.1", port)
        client.loop_start()
        assert subscribed.wait(20)
        yield broker
    finally:
        client.disconnect()
        client.loop_stop()
        process.terminate()
        process.wait(10)


def _beside(program: str) -> str:
    return shutil.which("mosquitto_passwd") or str(Path(program).with_name("mosquitto_passwd"))


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
