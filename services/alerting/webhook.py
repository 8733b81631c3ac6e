"""The signed webhook: one POST of JSON to one address."""

import contextlib
import ssl
from functools import partial
from urllib.parse import urlsplit

import httpcore

from db.addresses import AddressRefused, Resolve, resolve
from db.base import utc_now
from services.alerting import signature
from services.alerting.connection import CheckedBackend, Deadline
from services.alerting.message import Message, NotDelivered

_ANSWER_BYTES = 64 * 1024  # no receiver has more to say that we would read


class WebhookChannel:
    """Posts to `url`, signed with `secret`. Any 2xx is a receipt; redirects are not followed."""

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        allow_private: bool = False,
        resolve_host: Resolve | None = None,
        name: str = "webhook",
        timeout_s: float = 5,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.name = name
        self._url = url
        self._host = urlsplit(url).hostname or ""
        self._secret = secret
        self._resolve = resolve_host or partial(resolve, allow_private=allow_private)
        self._timeout_s = timeout_s
        self._tls = tls or ssl.create_default_context()

    def send(self, message: Message) -> None:
        """Raises NotDelivered; its text names the host and never the path, which may be secret."""
        try:
            status = self._post(message)
        except AddressRefused as error:
            raise NotDelivered(str(error)) from None
        except httpcore.TimeoutException:
            raise NotDelivered(
                f"{self._host} did not answer within {self._timeout_s:g} s"
            ) from None
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            # The cause's text is of the socket or TLS layer, which knows the host at most.
            raise NotDelivered(f"{self._host}: {type(error).__name__}: {error}") from None
        if 300 <= status < 400:
            raise NotDelivered(f"{self._host} answered {status}; redirects are not followed")
        if not 200 <= status < 300:
            raise NotDelivered(f"{self._host} answered {status}")

    def _post(self, message: Message) -> int:
        deadline = Deadline(self._timeout_s)
        body = message.body
        headers: dict[bytes | str, bytes | str] = {
            "Content-Type": "application/json",
            "User-Agent": "Lineside",
            "Idempotency-Key": message.idempotency_key,
            "Lineside-Event": message.event,
            signature.HEADER: signature.sign(self._secret, body, utc_now()),
            "Connection": "close",
        }
        backend = CheckedBackend(self._resolve, deadline)
        with (
            httpcore.ConnectionPool(ssl_context=self._tls, network_backend=backend) as pool,
            pool.stream("POST", self._url, headers=headers, content=body) as answer,
        ):
            # The status is the receipt. The rest is read, within its bounds, for the receiver's
            # sake: one that is cut off in mid-answer may take its own work back.
            read = 0
            with contextlib.suppress(
                httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError
            ):
                for chunk in answer.iter_stream():
                    read += len(chunk)
                    if read > _ANSWER_BYTES:
                        break
            return answer.status
