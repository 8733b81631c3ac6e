"""Passwords and PINs: how good they must be, and argon2id around them."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask_babel import gettext as _

from db.queries.people import folded

MIN_PASSWORD, MAX_PASSWORD = 12, 200
MIN_PIN, MAX_PIN = 4, 12
# zxcvbn (Wheeler, USENIX Security 2016): 3 of 4 is more than 10^8 guesses.
_MIN_SCORE = 3
# argon2-cffi's own defaults are those of RFC 9106 for little memory: 64 MiB, three passes.
_hasher = PasswordHasher()


class TooWeak(ValueError):
    """Why a password or PIN is not taken, in words for who chose it."""


def hash_password(password: str, name: str) -> str:
    """argon2id of a password that is long and not easily guessed. Raises TooWeak."""
    if len(password) < MIN_PASSWORD:
        raise TooWeak(_("Expected at least %(count)d characters.", count=MIN_PASSWORD))
    if len(password) > MAX_PASSWORD:
        raise TooWeak(_("Expected at most %(count)d characters.", count=MAX_PASSWORD))
    from zxcvbn import zxcvbn  # its word lists take a while to read

    # Its own limit; what follows can only make it better.
    guessed = zxcvbn(password[:72], user_inputs=["lineside", *folded(name).split()])
    if guessed["score"] < _MIN_SCORE:
        raise TooWeak(_("Expected something less easily guessed, such as four words."))
    return _hasher.hash(password)


def hash_pin(pin: str) -> str:
    """argon2id of a PIN. Raises TooWeak."""
    if not (pin.isascii() and pin.isdigit() and MIN_PIN <= len(pin) <= MAX_PIN):
        raise TooWeak(_("Expected %(least)d to %(most)d digits.", least=MIN_PIN, most=MAX_PIN))
    if len(set(pin)) < 2 or _is_a_row(pin):
        raise TooWeak(_("Expected digits that are not all the same or in a row."))
    return _hasher.hash(pin)


def is_right(stored: str | None, given: str) -> bool:
    """Whether a password or PIN is the stored one; takes as long where none is stored."""
    try:
        right = _hasher.verify(stored or _nobodys(), given[: MAX_PASSWORD + 1])
    except (VerificationError, InvalidHashError):
        return False
    return right and stored is not None


@cache
def _nobodys() -> str:
    return _hasher.hash("a password that nobody has, so that it takes as long")


def _is_a_row(text: str) -> bool:
    """Such as 1234 or hgfedcba: each a step from the one before."""
    steps = {ord(b) - ord(a) for a, b in pairwise(text)}
    return steps in ({1}, {-1})
