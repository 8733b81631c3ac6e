"""Why a network stream does not open, asked of the server itself: OpenCV only says no."""

from __future__ import annotations

import socket
import ssl
from urllib.parse import urlsplit

_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
_STATUS = {
    401: "the server wants a user and a password, or they are wrong (401)",
    403: "the server forbids this user (403)",
    404: "the server has no stream at this path (404)",
    453: "the server has no bandwidth left (453)",
    503: "the server is overloaded (503)",
}


def explain(url: str, timeout_s: float = 2.0) -> str:
    """One line about an address, without user and password. Takes at most a few `timeout_s`."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or _PORTS.get(parts.scheme, 554)
    place = f"{host}:{port}"
    try:
        connection = socket.create_connection((host, port), timeout_s)
    except socket.gaierror:
        return f"there is no host {host}"
    except TimeoutError:
        return f"{place} does not answer"
    except ConnectionRefusedError:
        return f"{place} refuses the connection"
    except OSError as error:
        return f"{place} cannot be reached: {error.strerror}"
    with connection:
        if not parts.scheme.startswith("rtsp"):
            return f"{place} answers, but gives no stream that can be read"
        if parts.scheme == "rtsps":
            try:
                connection = ssl.create_default_context().wrap_socket(
                    connection, server_hostname=host
                )
            except ssl.SSLError as error:
                return f"{place}: no secure connection ({error.reason})"
            except OSError:
                return f"{place}: no secure connection"
        bare = f"{parts.scheme}://{place}{parts.path}" + (f"?{parts.query}" if parts.query else "")
        return f"{place}: {_ask(connection, bare, timeout_s)}"


def _ask(connection: socket.socket, url: str, timeout_s: float) -> str:
    request = f"DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n"
    try:
        connection.settimeout(timeout_s)
        connection.sendall(request.encode())
        answer = connection.recv(64)
    except TimeoutError:
        return "the server takes the connection and says nothing"
    except OSError:
        return "the server breaks the connection off"
    words = answer.split(None, 2)
    if not answer:
        return "the server breaks the connection off"
    if len(words) < 2 or not words[0].startswith(b"RTSP/") or not words[1].isdigit():
        return "the server answers something that is not RTSP"
    status = int(words[1])
    if status == 200:
        return "the server has the stream, but sends no frames of it"
    return _STATUS.get(status, f"the server answers {status}")
