"""Signatures: what a receiver must accept, and what it must not."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from services.alerting.signature import BadSignature, sign, verify

SECRET = "a secret of sixteen or more"
AT = datetime(2026, 11, 20, 12, 0, 0, 900_000, tzinfo=UTC)
BODY = b'{"event": "discrepancy.opened"}'


def test_it_is_the_hmac_of_time_dot_body():
    seconds = int(AT.timestamp())
    expected = hmac.new(SECRET.encode(), b"%d." % seconds + BODY, hashlib.sha256).hexdigest()
    assert sign(SECRET, BODY, AT) == f"t={seconds},v1={expected}"


def test_its_own_signature_verifies():
    verify(SECRET, BODY, sign(SECRET, BODY, AT), now=AT + timedelta(minutes=4))


def test_one_of_several_signatures_is_enough_while_a_secret_is_replaced():
    old, new = sign("another secret of sixteen", BODY, AT), sign(SECRET, BODY, AT)
    both = f"{old},{new.partition(',')[2]}"
    verify(SECRET, BODY, both, now=AT)


@pytest.mark.parametrize(
    ("body", "header", "now"),
    [
        (BODY + b" ", sign(SECRET, BODY, AT), AT),
        (BODY, sign("another secret of sixteen", BODY, AT), AT),
        (BODY, sign(SECRET, BODY, AT), AT + timedelta(minutes=6)),
        (BODY, sign(SECRET, BODY, AT), AT - timedelta(minutes=6)),
        (BODY, sign(SECRET, BODY, AT).replace("t=", "t=1"), AT),
        (BODY, sign(SECRET, BODY, AT).replace("v1=", "v0="), AT),
        (BODY, sign(SECRET, BODY, AT).partition(",")[2], AT),
        (BODY, "t=now,v1=é", AT),
        (BODY, "", AT),
    ],
)
def test_what_is_changed_old_or_of_another_secret_is_refused(body, header, now):
    with pytest.raises(BadSignature):
        verify(SECRET, body, header, now=now)
