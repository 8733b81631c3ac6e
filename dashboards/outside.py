"""HTTP to addresses of the outside world only, unless inside is allowed: for the sign-in provider.

Each connection goes to an address that was looked up and judged once, so that a name cannot be
pointed inside between the two (DNS rebinding), and every redirect is judged anew.
"""

from __future__ import annotations

import socket
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.connection import create_connection

from db.addresses import resolve

TIMEOUT_S = 10.0


def _connect(connection: HTTPConnection) -> socket.socket:
    addresses = resolve(connection.host, connection.port, allow_private=False)
    return create_connection((addresses[0], connection.port), timeout=TIMEOUT_S)


class _OutsideHttp(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self)


class _OutsideHttps(HTTPSConnection):
    # The certificate is still asked for by the name.
    def _new_conn(self) -> socket.socket:
        return _connect(self)


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _OutsideHttp


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _OutsideHttps


class OutsideAdapter(HTTPAdapter):
    """To be mounted on a `requests` session; an address inside raises `AddressRefused`."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        if not self._allow_private:
            self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """As `HTTPAdapter.send`, and never without a time limit."""
        kwargs["timeout"] = kwargs.get("timeout") or TIMEOUT_S
        return super().send(request, *args, **kwargs)
