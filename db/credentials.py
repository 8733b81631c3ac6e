"""Passwords of cameras: split off their URLs, encrypted at rest, and blotted out of any text."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_BLOT = "***"
_URL_USER = re.compile(r"([a-z][a-z0-9+.-]*://)\S*@", re.IGNORECASE)
_NAMES = "password|passwd|passwort|pass|pwd|psw|secret|token|auth|key|apikey|api_key"
_QUERY_SECRET = re.compile(rf"([?&;](?:{_NAMES})=)[^&\s]*", re.IGNORECASE)
_QUERY_NAME = re.compile(rf"(?:{_NAMES}|user|username|login)", re.IGNORECASE)

_EXPECTED = "expected scheme://user:password@host:port/path with a host and a numeric port"


class BadSourceUrl(ValueError):
    """A camera URL that cannot be read without doubt. The message never holds the URL."""


class SecretUnreadable(Exception):
    """A camera's password cannot be decrypted: the key file is another one, or is gone."""


def redact(text: str) -> str:
    """The text without user, password and token of any URL in it.

    It blots out up to the last `@` of a URL, since passwords are written unquoted more often than
    paths have an `@`.
    """
    return _QUERY_SECRET.sub(rf"\1{_BLOT}", _URL_USER.sub(rf"\1{_BLOT}@", text))


@dataclass(frozen=True, slots=True)
class SplitUrl:
    """A URL without its secrets, and the secrets as JSON (None where there were none)."""

    url: str
    secret: str | None


def split_url(url: str) -> SplitUrl:
    """Take user, password and secret query parameters off a URL.

    Raises:
        BadSourceUrl: there is no host, the port is no number, or an unquoted `@` or `/` in the
            password makes it doubtful where the host begins.
    """
    scheme, _, rest = url.partition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in rest[len(authority) :].partition("?")[0]:
        raise BadSourceUrl(
            "expected the characters @ / ? # in a user name, password or path to be written as"
            " %40 %2F %3F %23"
        )
    userinfo, at, host = authority.rpartition("@")
    try:
        parts = urlsplit(f"{scheme}://{host}{rest[len(authority) :]}")
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        raise BadSourceUrl(_EXPECTED) from None  # its text holds the URL
    if not scheme or not parts.hostname or not port_fits:
        raise BadSourceUrl(_EXPECTED)
    query = parse_qsl(parts.query, keep_blank_values=True)
    # The user of `?user=…&password=…` goes with its password; alone it is no secret.
    has_secret = bool(_QUERY_SECRET.search(f"?{parts.query}"))
    hidden = [pair for pair in query if has_secret and _QUERY_NAME.fullmatch(pair[0])]
    shown = parts.query if not hidden else urlencode([pair for pair in query if pair not in hidden])
    bare = urlunsplit((parts.scheme, host, parts.path, shown, ""))
    if not at and not hidden:
        return SplitUrl(bare, None)
    return SplitUrl(bare, json.dumps({"userinfo": userinfo, "query": hidden}))


def join_url(url: str, secret: str | None) -> str:
    """The URL with its secrets put back: for the one call that opens it, and nothing else."""
    if secret is None:
        return url
    fields = json.loads(secret)
    parts = urlsplit(url)
    authority = f"{fields['userinfo']}@{parts.netloc}" if fields["userinfo"] else parts.netloc
    hidden = urlencode([tuple(pair) for pair in fields["query"]])
    query = "&".join(part for part in (parts.query, hidden) if part)
    return urlunsplit((parts.scheme, authority, parts.path, query, ""))


class SecretBox:
    """Encrypts with the key in a file (Fernet: AES-128-CBC and HMAC-SHA256), 0600.

    The file is made where it is missing, by whichever process comes first.
    """

    def __init__(self, key_path: Path) -> None:
        self._fernet = Fernet(_read_or_make_key(key_path))

    def lock(self, text: str) -> str:
        return self._fernet.encrypt(text.encode()).decode("ascii")

    def unlock(self, locked: str) -> str:
        """Raises SecretUnreadable."""
        try:
            return self._fernet.decrypt(locked).decode()
        except InvalidToken as error:
            raise SecretUnreadable(
                "the password cannot be decrypted with this data folder's secret.key;"
                " set the camera's URL again"
            ) from error


def derived_key(key_path: Path, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose, from the key file (HKDF, RFC 5869); made if missing."""
    kdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose.encode())
    return kdf.derive(_read_or_make_key(key_path))


def _read_or_make_key(path: Path) -> bytes:
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Written aside and linked, so that nobody ever reads half a key and the first one wins.
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key())
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(aside)
        except FileExistsError:
            pass
        finally:
            aside.unlink()
    return path.read_bytes().strip()
