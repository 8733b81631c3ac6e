"""People and what they may do where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session, selectinload

from db.access import PERMISSIONS, Access, Actor, Permission, Role
from db.base import utc_now
from db.errors import Conflict, Invalid, NotFound
from db.models import Line, Person, RoleGrant, WebSession

MAX_NAME = 100


@dataclass(frozen=True)
class Grant:
    """A role at a line, at every line of a site, or, with neither, everywhere."""

    role: Role
    site_id: int | None = None
    line_id: int | None = None

    @property
    def everywhere(self) -> bool:
        return self.site_id is None and self.line_id is None


def folded(name: str) -> str:
    """A name as it is looked up: however it is typed, it is one person's."""
    return " ".join(name.split()).casefold()


def person_by_name(session: Session, name: str) -> Person | None:
    """Who signs in by a name; None: nobody."""
    return session.scalars(
        select(Person).where(Person.name == folded(name)).options(selectinload(Person.grants))
    ).one_or_none()


def get_person(session: Session, person_id: int) -> Person:
    """A person with their roles. Raises NotFound."""
    person = session.scalars(
        select(Person).where(Person.id == person_id).options(selectinload(Person.grants))
    ).one_or_none()
    if person is None:
        raise NotFound("person", person_id)
    return person


def list_people(session: Session) -> Sequence[Person]:
    """All, by name."""
    statement = select(Person).options(selectinload(Person.grants)).order_by(Person.name)
    return session.scalars(statement).all()


def create_person(session: Session, shown_name: str, grants: Iterable[Grant]) -> Person:
    """Write a new person, who has no password yet.

    Raises:
        Invalid: the name is empty, too long, or has characters that cannot be seen.
        Conflict: there is a person of that name.
    """
    shown_name = " ".join(shown_name.split())
    if not 0 < len(shown_name) <= MAX_NAME or not shown_name.isprintable():
        raise Invalid("name", shown_name[:50], f"1 to {MAX_NAME} characters that can be seen")
    if person_by_name(session, shown_name) is not None:
        raise Conflict("person", shown_name)
    person = Person(name=folded(shown_name), shown_name=shown_name, grants=[])
    session.add(person)
    session.flush()
    set_grants(session, person, grants)
    return person


def set_grants(session: Session, person: Person, grants: Iterable[Grant]) -> None:
    """Give a person these roles instead of those they have.

    Raises:
        Invalid: nobody would be left who is admin everywhere.
    """
    was_there = somebody_is_admin(session)
    wanted = list(dict.fromkeys(grants))
    kept = {grant_of(row): row for row in person.grants}
    person.grants = [
        kept.get(grant) or RoleGrant(role=grant.role, site_id=grant.site_id, line_id=grant.line_id)
        for grant in wanted
    ]
    session.flush()
    _keep_admin(session, was_there)


def disable(session: Session, person: Person) -> None:
    """Sign a person out everywhere, and let them in no more.

    Raises:
        Invalid: nobody would be left who is admin everywhere.
    """
    was_there = somebody_is_admin(session)
    person.disabled_at = person.disabled_at or utc_now()
    session.flush()
    _keep_admin(session, was_there)
    end_sessions(session, person.id)


def enable(session: Session, person: Person) -> None:
    """Let a disabled person in again."""
    person.disabled_at = None


def end_sessions(session: Session, person_id: int, *, but: int | None = None) -> None:
    """Sign a person out everywhere, or everywhere but in one session.

    A device where they have acted is left by them, and stays paired with its line.
    """
    theirs = WebSession.person_id == person_id, WebSession.id != (but or 0)
    session.execute(
        update(WebSession)
        .where(*theirs, WebSession.device_id.is_not(None))
        .values(person_id=None, acts_until=None)
    )
    session.execute(delete(WebSession).where(*theirs, WebSession.device_id.is_(None)))


def grant_of(row: RoleGrant) -> Grant:
    """A grant as a value."""
    return Grant(Role(row.role), row.site_id, row.line_id)


def somebody_is_admin(session: Session) -> bool:
    """Whether anybody could let others in; if not, the installation is not set up yet."""
    statement = (
        select(Person.id)
        .join(RoleGrant)
        .where(
            Person.disabled_at.is_(None),
            (Person.password_hash.is_not(None) | Person.oidc_subject.is_not(None)),
            RoleGrant.role == Role.ADMIN,
            RoleGrant.site_id.is_(None),
            RoleGrant.line_id.is_(None),
        )
        .limit(1)
    )
    return session.scalar(statement) is not None


def access_of(
    session: Session, grants: Iterable[Grant], permission: Permission, actor: Actor
) -> Access | None:
    """What somebody may see for what they ask; None: they may ask it nowhere.

    Reads the lines of the sites that they are granted, so that a new line needs no new grant.
    """
    fitting = [grant for grant in grants if permission in PERMISSIONS[grant.role]]
    if not fitting:
        return None
    if any(grant.everywhere for grant in fitting):
        return Access(actor, None)
    sites = frozenset(grant.site_id for grant in fitting if grant.site_id is not None)
    lines = {grant.line_id for grant in fitting if grant.line_id is not None}
    if sites:
        lines |= set(session.scalars(select(Line.id).where(Line.site_id.in_(sites))))
    return Access(actor, frozenset(lines), sites)


def last_seen(session: Session) -> dict[int, datetime]:
    """When each person was last seen in a session that still lasts, by their id."""
    rows = session.execute(
        select(WebSession.person_id, func.max(WebSession.seen_at))
        .where(WebSession.person_id.is_not(None))
        .group_by(WebSession.person_id)
    )
    return {person_id: seen_at for person_id, seen_at in rows if person_id is not None}


def _keep_admin(session: Session, was_there: bool) -> None:
    if was_there and not somebody_is_admin(session):
        raise Invalid("roles", "none", "at least one person who is admin everywhere")


def lies_within(access: Access, grant: Grant) -> bool:
    """Whether a role holds at no place that `access` does not reach: only such may be given."""
    if access.lines is None:
        return True
    if grant.line_id is not None:
        return grant.line_id in access.lines
    return grant.site_id is not None and grant.site_id in access.sites


def is_theirs(access: Access, person: Person) -> bool:
    """Whether somebody is within what an admin may change: every role of theirs is.

    Who has no role belongs to no line yet, or no more: only who sees everything reaches them.
    """
    if access.lines is None:
        return True
    grants = [grant_of(row) for row in person.grants]
    return bool(grants) and all(lies_within(access, grant) for grant in grants)


def require_within(access: Access, grants: Iterable[Grant]) -> None:
    """Raises NotFound: one of the roles reaches further than who gives or takes it."""
    for grant in grants:
        if not lies_within(access, grant):
            raise NotFound("place of yours", grant.line_id or grant.site_id or "everywhere")
