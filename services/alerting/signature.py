"""The webhook's signature: `Lineside-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256>`.

The HMAC is over the time, a dot and the body, so that neither can be changed and an old message
cannot be sent again later by somebody who saw it. Several `v1` may stand in one header while a
secret is being replaced. The form is the one Stripe made common (docs.stripe.com/webhooks).
"""

import hashlib
import hmac
from datetime import datetime, timedelta

HEADER = "Lineside-Signature"


class BadSignature(Exception):
    """A message is not signed with this secret, or its time is too far away."""


def sign(secret: str, body: bytes, at: datetime) -> str:
    """The header's value for a body sent at an aware time."""
    seconds = int(at.timestamp())
    return f"t={seconds},v1={_digest(secret, seconds, body)}"


def verify(
    secret: str,
    body: bytes,
    header: str,
    now: datetime,
    tolerance: timedelta = timedelta(minutes=5),
) -> None:
    """What a receiver does; here so that the tests and the docs use the same words.

    Raises BadSignature.
    """
    pairs = [part.strip().partition("=")[::2] for part in header.split(",")]
    times = [value for name, value in pairs if name == "t"]
    if len(times) != 1 or not times[0].isascii() or not times[0].isdecimal():
        raise BadSignature(f"expected one t=<unix seconds> in {HEADER}")
    seconds = int(times[0])
    if abs(now.timestamp() - seconds) > tolerance.total_seconds():
        raise BadSignature(f"signed at {seconds}, which is more than {tolerance} away")
    expected = _digest(secret, seconds, body).encode()
    if not any(
        name == "v1" and hmac.compare_digest(expected, value.encode()) for name, value in pairs
    ):
        raise BadSignature("no v1 signature is of this body and secret")


def _digest(secret: str, seconds: int, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
