"""Is a TCP port free, and if not, who has it?"""

import contextlib
import errno
import socket
from pathlib import Path


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there.

    Raises OSError where that is no address of this host, or a port that only root may use.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As servers do: connections that linger after a stop do not hold the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def owner(port: int) -> str | None:
    """Which process listens on a port, as `name (process 123)`; None if that cannot be seen.

    Linux only, and only processes that this user may look into.
    """
    inodes = _listening_inodes(port)
    if not inodes:
        return None
    sockets = {f"socket:[{inode}]" for inode in inodes}
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and sockets & _open_files(process):
            try:
                name = (process / "comm").read_text().strip()
            except OSError:
                continue  # it has just ended
            return f"{name} (process {process.name})"
    return None


def _open_files(process: Path) -> set[str]:
    links = set()
    try:
        for file in (process / "fd").iterdir():
            # One that is closed while we look hides no other.
            with contextlib.suppress(OSError):
                links.add(str(file.readlink()))
    except OSError:
        return links
    return links


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = Path("/proc/net", table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:
                inodes.add(fields[9])
    return inodes
