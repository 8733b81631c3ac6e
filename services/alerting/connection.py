"""TCP for one request: to addresses that were checked, and over by one deadline.

A time-out per read is no bound: a receiver that sends a byte every four seconds would hold the
sender for hours. Here every step gets what is left of one budget.
"""

import ssl
import time
from collections.abc import Callable, Iterable
from typing import Any

import httpcore


class Deadline:
    """A moment on the monotonic clock, `budget_s` seconds from now."""

    def __init__(self, budget_s: float) -> None:
        self._end = time.monotonic() + budget_s

    def left_s(self) -> float:
        """What is left; never 0, which sockets read as "do not wait at all"."""
        return max(self._end - time.monotonic(), 0.001)

    @property
    def passed(self) -> bool:
        return time.monotonic() >= self._end


class CheckedBackend(httpcore.NetworkBackend):
    """Connects to what `resolve(host, port)` returns, and never looks a name up by itself.

    The TLS name stays the host's: httpcore hands it to `start_tls`, so the certificate is checked
    for the name although the connection goes to a number.
    """

    def __init__(self, resolve: Callable[[str, int], list[str]], deadline: Deadline) -> None:
        self._resolve = resolve
        self._deadline = deadline
        self._tcp = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in self._resolve(host, port):
            try:
                stream = self._tcp.connect_tcp(
                    address, port, self._deadline.left_s(), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
                continue
            return _BoundedStream(stream, self._deadline)
        raise failure


class _BoundedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._deadline.passed:
            raise httpcore.ReadTimeout("deadline")
        return self._stream.read(max_bytes, self._deadline.left_s())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left_s())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left_s())
        return _BoundedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
