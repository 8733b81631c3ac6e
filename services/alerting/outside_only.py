"""A process that may connect to checked addresses only, reads no file of ours and starts nothing.

For code that opens sockets by itself. An audit hook (PEP 578) sees each connection of Python's
sockets with the very address that it goes to, after every look-up, redirect and proxy, and cannot
be taken off again. What a library in C would open past Python's sockets it does not see; none of
the allowed services has one.
"""

import os
import socket
import sys
from collections.abc import Sequence
from typing import Any

from db.addresses import Network, is_allowed

_STARTS = frozenset(
    {"os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system"}
    | {"subprocess.Popen", "pty.spawn", "ctypes.dlopen"}
)
_CHANGES = frozenset({"os.remove", "os.rename", "os.rmdir", "os.chmod", "os.link", "os.symlink"})


class Refused(OSError):
    """Something was tried that this process may not do."""


def confine(allowed: Sequence[Network], refused: list[str]) -> None:
    """From here on this process is confined. What it tried in vain is told in `refused`."""
    readable = tuple(
        os.path.realpath(folder)
        for folder in {sys.prefix, sys.base_prefix, *filter(os.path.isdir, sys.path)}
        if os.path.realpath(folder) != "/"
    )

    listeners: list[Any] = []  # sockets of this process, which it may connect to

    def refuse(what: str) -> None:
        refused.append(what)
        raise Refused(what)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in ("socket.connect", "socket.sendto"):
            address = arguments[1]
            if any(_is_at(listener, address) for listener in listeners):
                return
            host = str(address[0]) if isinstance(address, tuple) else str(address)
            try:
                inside = not is_allowed(host, allowed)
            except ValueError:  # a name, or a socket in the file system
                inside = True
            if inside:
                refuse(f"{host} is an address inside; see LINESIDE_ALERT_ALLOW_NETWORKS")
        elif event == "socket.bind":
            address = arguments[1]
            # Any port of this host's own choice is what an outgoing connection comes from; and
            # paho-mqtt talks to itself over one that it opens for that.
            if not (isinstance(address, tuple) and address[:2] in (("", 0), ("127.0.0.1", 0))):
                refuse("it listens")
            elif address[0] == "127.0.0.1":
                listeners.append(arguments[0])
        elif event in _STARTS or event in _CHANGES:
            refuse(f"{event} is not allowed to a channel")
        elif event == "open":
            _check_open(arguments, readable, refuse)

    sys.addaudithook(hook)


def _is_at(listener: socket.socket, address: object) -> bool:
    try:
        return listener.fileno() != -1 and bool(listener.getsockname() == address)
    except OSError:
        return False


def _check_open(arguments: tuple[object, ...], readable: tuple[str, ...], refuse: object) -> None:
    path, _mode, flags = arguments
    if not isinstance(path, (str, bytes)) or not callable(refuse):
        return  # a descriptor that is open already
    name = os.path.realpath(os.fsdecode(path))
    writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if name in ("/dev/null", "/dev/urandom"):
        return
    if writes or not name.startswith(tuple(f"{folder}/" for folder in readable)):
        refuse("it opens a file, which no channel may")
