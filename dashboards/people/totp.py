"""Codes that a phone shows, six digits of half a minute each (RFC 6238), and their QR code."""

from __future__ import annotations

import hmac
import io
from datetime import datetime

import pyotp
import segno

_STEP_S = 30
# A clock that is half a minute wrong, and a code that was typed as it ran out (RFC 6238, 5.2).
_DRIFT = (0, -1, 1)


def new_secret() -> str:
    """160 random bits, in base 32 (RFC 4226, section 4)."""
    return pyotp.random_base32()


def step_of(secret: str, typed: str, now: datetime) -> int | None:
    """The half minute whose code was typed, of now and its neighbours; None: of none of them."""
    code = "".join(typed.split())
    if len(code) != 6 or not code.isascii() or not code.isdigit():
        return None
    present, otp = int(now.timestamp()) // _STEP_S, pyotp.HOTP(secret)
    fitting = [step for step in _DRIFT if hmac.compare_digest(otp.at(present + step), code)]
    return present + fitting[0] if fitting else None


def code_at(secret: str, now: datetime) -> str:
    """What a phone shows at a moment."""
    return pyotp.TOTP(secret).at(now)


def uri(secret: str, name: str) -> str:
    """What a phone reads out of the QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name="Lineside")


def qr_svg(text: str) -> str:
    """A QR code (ISO/IEC 18004) as an SVG element without a script or a style.

    Dark on light whatever the page's colours are, with the margin of four modules that readers ask.
    """
    file = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        file,
        kind="svg",
        border=4,
        dark="#000",
        light="#fff",
        xmldecl=False,
        svgns=True,
        nl=False,
        omitsize=True,
        svgclass="qr",
        lineclass=None,
    )
    return file.getvalue().decode()
