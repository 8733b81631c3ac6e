"""Sessions of browsers, links that work once, and devices that are paired once.

Of every secret only its SHA-256 is stored: each is 128 random bits or more, so that no slower hash
is needed, and a stolen database signs nobody in.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session, joinedload, selectinload

from db.base import utc_now
from db.errors import NotFound
from db.models import Device, Line, OneTimeLink, Person, WebSession
from db.queries.people import Grant, grant_of
from db.queries.stations import get_line

LINK_LASTS = timedelta(days=3)
CODE_LASTS = timedelta(minutes=15)
# A person's session ends after so long without a click, and after so long in any case.
IDLE = timedelta(hours=1)
PERSON_LASTS = timedelta(hours=12)
DEVICE_LASTS = timedelta(days=400)
# A person at a device, after their last click.
AT_DEVICE = timedelta(minutes=10)
# Seen times are written no more often: each is a transaction.
_SEEN_EVERY = timedelta(minutes=1)
# Without the letters and digits that are read for each other.
_CODE_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"


def hash_of(token: str) -> str:
    """SHA-256 of a random secret, in hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()


def begin_session(
    session: Session,
    *,
    person: Person | None = None,
    device: Device | None = None,
    address: str,
    browser: str,
) -> str:
    """Write a new session of a person or a device, and give the secret for its cookie."""
    token = secrets.token_urlsafe(32)
    now = utc_now()
    session.execute(delete(WebSession).where(WebSession.expires_at < now))
    session.add(
        WebSession(
            token_hash=hash_of(token),
            person_id=person.id if person else None,
            device_id=device.id if device else None,
            expires_at=now + (PERSON_LASTS if person else DEVICE_LASTS),
            address=address[:64],
            browser=browser[:200],
        )
    )
    session.flush()
    return token


def find_session(session: Session, token: str, now: datetime) -> WebSession | None:
    """The session of a cookie with its person, roles and device; None: it has ended.

    Of a device whose person has left it alone for long, only the device is given.
    """
    found = (
        session.scalars(
            select(WebSession)
            .where(WebSession.token_hash == hash_of(token))
            .options(
                joinedload(WebSession.person).joinedload(Person.grants),
                joinedload(WebSession.device),
            )
        )
        .unique()
        .one_or_none()
    )
    if found is None or found.expires_at <= now:
        return None
    if found.device is not None:
        return found if found.device.revoked_at is None else None
    person = found.person
    if person is None or person.disabled_at is not None or found.seen_at + IDLE <= now:
        return None
    return found


def acts_at_device(found: WebSession, now: datetime) -> bool:
    """Whether a person has given their PIN at this device and is still there."""
    return (
        found.person is not None
        and found.person.disabled_at is None
        and found.acts_until is not None
        and found.acts_until > now
    )


def is_seen_anew(found: WebSession, now: datetime) -> bool:
    """Whether it is time to write down that somebody has clicked: once a minute."""
    return found.seen_at + _SEEN_EVERY <= now


def note_seen(session: Session, found: WebSession, now: datetime) -> None:
    """Write down that somebody has clicked; a person at a device then stays there for longer."""
    values = {"seen_at": now}
    if acts_at_device(found, now):
        values["acts_until"] = now + AT_DEVICE
    session.execute(update(WebSession).where(WebSession.id == found.id).values(**values))


def end_session(session: Session, session_id: int) -> None:
    """Sign out one browser."""
    session.execute(delete(WebSession).where(WebSession.id == session_id))


def act_at_device(session: Session, session_id: int, person: Person | None, now: datetime) -> None:
    """Let a person act at the device of a session for a while; None: nobody any more."""
    session.execute(
        update(WebSession)
        .where(WebSession.id == session_id, WebSession.device_id.is_not(None))
        .values(
            person_id=person.id if person else None,
            acts_until=now + AT_DEVICE if person else None,
        )
    )


def sessions_of(session: Session, person_id: int) -> Sequence[WebSession]:
    """Where a person is signed in, the newest first."""
    statement = (
        select(WebSession)
        .where(WebSession.person_id == person_id, WebSession.device_id.is_(None))
        .order_by(WebSession.seen_at.desc())
    )
    return session.scalars(statement).all()


def make_link(session: Session, person: Person | None, lasts: timedelta = LINK_LASTS) -> str:
    """The secret of a link that sets a person's password once; None: the first admin's.

    Older links of the same person work no more.
    """
    token = secrets.token_urlsafe(24)
    person_id = person.id if person else None
    same = OneTimeLink.person_id == person_id if person else OneTimeLink.person_id.is_(None)
    session.execute(delete(OneTimeLink).where(same, OneTimeLink.used_at.is_(None)))
    session.add(
        OneTimeLink(token_hash=hash_of(token), person_id=person_id, expires_at=utc_now() + lasts)
    )
    session.flush()
    return token


def find_link(session: Session, token: str, now: datetime, *, first: bool) -> OneTimeLink:
    """A link that still works, locked, so that of two who use it one is told that it has gone.

    Raises:
        NotFound: there is none, it has been used, or it has run out.
    """
    kind = OneTimeLink.person_id.is_(None) if first else OneTimeLink.person_id.is_not(None)
    link = session.scalars(
        select(OneTimeLink).where(OneTimeLink.token_hash == hash_of(token), kind).with_for_update()
    ).one_or_none()
    if link is None or link.used_at is not None or link.expires_at <= now:
        raise NotFound("link that still works", "here")
    return link


def add_device(session: Session, line_ref: str, name: str) -> tuple[Device, str]:
    """Write a device of a line, and give the code that pairs it. Raises NotFound."""
    device = Device(name=name, line_id=get_line(session, line_ref).id)
    session.add(device)
    return device, renew_code(session, device)


def renew_code(session: Session, device: Device) -> str:
    """A new code for a device, `ABCD-EFGH`: 40 bits for a quarter of an hour, and few tries."""
    code = "".join(secrets.choice(_CODE_LETTERS) for _ in range(8))
    device.code_hash, device.code_expires_at = hash_of(code), utc_now() + CODE_LASTS
    session.flush()
    return f"{code[:4]}-{code[4:]}"


def pair_device(session: Session, code: str, now: datetime) -> Device:
    """The device that a code pairs; the code works no more. Raises NotFound."""
    plain = "".join(letter for letter in code.upper() if letter.isalnum())
    device = session.scalars(
        select(Device).where(Device.code_hash == hash_of(plain)).with_for_update()
    ).one_or_none()
    if device is None or device.revoked_at or (device.code_expires_at or now) <= now:
        raise NotFound("device with that code", "now")
    device.code_hash = device.code_expires_at = None
    device.paired_at = now
    return device


def list_devices(session: Session) -> Sequence[Device]:
    """Devices that are not revoked, of the lines that one may see."""
    statement = (
        select(Device)
        .where(Device.revoked_at.is_(None))
        .options(joinedload(Device.line))
        .order_by(Device.name)
    )
    return session.scalars(statement).all()


def get_device(session: Session, device_id: int) -> Device:
    """Raises NotFound."""
    device = session.scalars(select(Device).where(Device.id == device_id)).one_or_none()
    if device is None:
        raise NotFound("device", device_id)
    return device


def revoke_device(session: Session, device: Device, now: datetime) -> None:
    """End a device's session, wherever it stands."""
    device.revoked_at = now
    device.code_hash = None
    session.execute(delete(WebSession).where(WebSession.device_id == device.id))


def covers(session: Session, grant: Grant, line_id: int) -> bool:
    """Whether a role holds at a line."""
    if grant.everywhere or grant.line_id == line_id:
        return True
    return grant.site_id is not None and grant.site_id == session.scalar(
        select(Line.site_id).where(Line.id == line_id)
    )


def names_with_pin(session: Session, line_id: int) -> list[str]:
    """Who can act at a device of a line by name and PIN, as their names are shown."""
    statement = (
        select(Person)
        .where(Person.pin_hash.is_not(None), Person.disabled_at.is_(None))
        .options(selectinload(Person.grants))
        .order_by(Person.name)
    )
    return [
        person.shown_name
        for person in session.scalars(statement)
        if any(covers(session, grant_of(row), line_id) for row in person.grants)
    ]
