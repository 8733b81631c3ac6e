"""The bearer token: made once, kept in the data folder, compared in constant time."""

import hmac
import os
import secrets
from pathlib import Path

TOKEN_FILE = "api-token"  # noqa: S105  (a file's name)
TOKEN_VARIABLE = "LINESIDE_API_TOKEN"  # noqa: S105
_MIN_CHARACTERS = 16


class WeakToken(ValueError):
    """The token given from outside is too short to be one."""


def ensure_api_token(data_dir: Path) -> str:
    """The token of this installation; the first call writes it to `data_dir/api-token` (0600).

    LINESIDE_API_TOKEN, where it is set, stands above the file, which then is neither read nor
    written.

    Raises:
        WeakToken: the given token has fewer than 16 characters, or blanks.
    """
    given = os.environ.get(TOKEN_VARIABLE, "")
    if given:
        return _checked(given, TOKEN_VARIABLE)
    path = data_dir / TOKEN_FILE
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    while True:
        try:
            return _checked(path.read_text(encoding="ascii").strip(), str(path))
        except FileNotFoundError:
            _write_once(path, secrets.token_urlsafe(32))


def is_token(expected: str, presented: str) -> bool:
    """Whether both are the same, in a time that does not tell how much of them is."""
    return hmac.compare_digest(expected.encode(), presented.encode("utf-8", "surrogatepass"))


def _write_once(path: Path, token: str) -> None:
    """Write the token unless another process was first; nobody ever reads half of it."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, f"{token}\n".encode())
        os.fsync(file)
    finally:
        os.close(file)
    try:
        # A link, since a rename would replace a token that somebody has read already.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _checked(token: str, where: str) -> str:
    if len(token) < _MIN_CHARACTERS or not token.isascii() or any(c.isspace() for c in token):
        raise WeakToken(
            f"{where}: expected {_MIN_CHARACTERS} or more ASCII characters without blanks"
        )
    return token
