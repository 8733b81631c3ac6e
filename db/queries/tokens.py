"""API tokens: made, found by what a program presents, revoked."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from db.access import PERMISSIONS, Access, Actor, ActorKind, Permission, Role
from db.base import utc_now
from db.errors import Invalid, NotFound
from db.models import ApiToken, Line, Station
from db.paging import Page, page_of_entities

PREFIX = (
    "ls_"  # so that people, and programs that look for leaked secrets, know one when they see it
)
PUSH_ONLY = "push"
ROLES = (PUSH_ONLY, *(role.value for role in Role))
DEFAULT_DAYS, MOST_DAYS = 365, 3650
_USED_EVERY = timedelta(minutes=1)
_MAX_NAME = 100


@dataclass(frozen=True)
class Place:
    """Where a token holds: at one station, one line, all lines of one site; else everywhere."""

    site_id: int | None = None
    line_id: int | None = None
    station_id: int | None = None


EVERYWHERE = Place()


def create_token(
    session: Session,
    name: str,
    role: str,
    place: Place = EVERYWHERE,
    *,
    created_by: str,
    days: int = DEFAULT_DAYS,
) -> tuple[ApiToken, str]:
    """Write a new token; returns it with its text, which is nowhere else and never shown again.

    Raises:
        Invalid: name, role, place or days are not as expected.
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= _MAX_NAME or not name.isprintable():
        raise Invalid("name", name[:50], f"1 to {_MAX_NAME} characters that can be seen")
    if role not in ROLES:
        raise Invalid("role", role[:50], " or ".join(ROLES))
    if not 1 <= days <= MOST_DAYS:
        raise Invalid("days", days, f"1 to {MOST_DAYS}")
    if sum(each is not None for each in (place.site_id, place.line_id, place.station_id)) > 1:
        raise Invalid("place", "several", "one of a site, a line or a station, or none")
    if place.station_id is not None and role != PUSH_ONLY:
        raise Invalid(
            "station", place.station_id, f"a line or a site; only {PUSH_ONLY} goes with it"
        )
    text = PREFIX + secrets.token_urlsafe(32)
    row = ApiToken(
        name=name,
        hash=_hash(text),
        role=role,
        site_id=place.site_id,
        line_id=place.line_id,
        station_id=place.station_id,
        created_by=created_by[:100],
        expires_at=utc_now() + timedelta(days=days),
    )
    session.add(row)
    session.flush()
    return row, text


def find_token(session: Session, presented: str, now: datetime) -> ApiToken | None:
    """The token that is presented; None where it is unknown, expired or revoked."""
    if not presented.startswith(PREFIX):
        return None
    wanted = _hash(presented)
    row = session.scalars(select(ApiToken).where(ApiToken.hash == wanted)).one_or_none()
    # The index finds by hash, of whose beginnings nobody can choose the text; then all of it.
    if row is None or not hmac.compare_digest(row.hash, wanted):
        return None
    return None if state_of(row, now) != "valid" else row


def state_of(row: ApiToken, now: datetime) -> str:
    """`valid`, `expired` or `revoked`."""
    if row.revoked_at is not None:
        return "revoked"
    return "valid" if now < row.expires_at else "expired"


def is_due(row: ApiToken, now: datetime) -> bool:
    """Whether its last use was noted so long ago that it is noted again."""
    return row.last_used_at is None or now - row.last_used_at >= _USED_EVERY


def note_used(session: Session, row: ApiToken, now: datetime) -> None:
    """Note its use, unless somebody else has just done so."""
    due = or_(ApiToken.last_used_at.is_(None), ApiToken.last_used_at <= now - _USED_EVERY)
    session.execute(
        update(ApiToken)
        .where(ApiToken.id == row.id, due)
        .values(last_used_at=now)
        .execution_options(synchronize_session=False)
    )


def actor_of(row: ApiToken, address: str | None) -> Actor:
    """As the audit log names who acts."""
    return Actor(ActorKind.TOKEN, row.id, row.name, address)


def access_of_token(
    session: Session, row: ApiToken, permission: Permission, actor: Actor
) -> Access | None:
    """What a token may see for what it asks; None: it may not ask it.

    Reads the lines of its site and its station's line each time: a new line needs no new token,
    and a station that moves takes its camera's token with it.
    """
    if row.role == PUSH_ONLY:
        if permission is not Permission.PUSH:
            return None
    elif permission not in PERMISSIONS[Role(row.role)]:
        return None
    if row.site_id is not None:
        lines = session.scalars(select(Line.id).where(Line.site_id == row.site_id))
        return Access(actor, frozenset(lines), frozenset({row.site_id}))
    if row.station_id is not None:
        lines = session.scalars(select(Station.line_id).where(Station.id == row.station_id))
        return Access(actor, frozenset(lines))
    return Access(actor, None if row.line_id is None else frozenset({row.line_id}))


def get_token(session: Session, token_id: int) -> ApiToken:
    """A token by its id. Raises NotFound."""
    row = session.scalars(select(ApiToken).where(ApiToken.id == token_id)).one_or_none()
    if row is None:
        raise NotFound("token", token_id)
    return row


def list_tokens(session: Session, *, after: int | None, limit: int) -> Page[ApiToken]:
    """All, those made last first; revoked and expired ones stay listed."""
    return page_of_entities(
        session,
        ApiToken,
        select(ApiToken),
        ApiToken.id,
        after=after,
        limit=limit,
        newest_first=True,
    )


def revoke(session: Session, token_id: int) -> ApiToken:
    """Let a token in no more, from this moment on. Twice is as good as once.

    Raises:
        NotFound: there is none.
    """
    row = get_token(session, token_id)
    row.revoked_at = row.revoked_at or utc_now()
    session.flush()
    return row


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
