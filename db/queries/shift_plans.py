"""A site's shifts: listed, made, changed, removed. What runs now is told by `shifts`."""

from datetime import time

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.errors import NotFound
from db.models import Shift
from db.paging import Page, flush_new, page_of_entities
from db.queries.stations import get_site


def list_shifts(session: Session, site_id: int, *, after: int | None, limit: int) -> Page[Shift]:
    statement = select(Shift).where(Shift.site_id == site_id)
    return page_of_entities(session, Shift, statement, Shift.id, after=after, limit=limit)


def get_shift(session: Session, shift_id: int) -> Shift:
    """Raises NotFound."""
    shift = session.get(Shift, shift_id)
    if shift is None:
        raise NotFound("shift", shift_id)
    return shift


def create_shift(
    session: Session, site_ref: str, name: str, starts_at: time, ends_at: time
) -> Shift:
    """Write a shift of a site, by its wall clock. One that ends before it starts ends next day.

    Raises:
        NotFound: there is no such site.
        Conflict: the site has a shift of that name.
    """
    site = get_site(session, site_ref)
    shift = Shift(site_id=site.id, name=name, starts_at=starts_at, ends_at=ends_at)
    session.add(shift)
    flush_new(session, "shift", name)
    return shift


def edit_shift(
    session: Session,
    shift_id: int,
    *,
    name: str | None = None,
    starts_at: time | None = None,
    ends_at: time | None = None,
) -> Shift:
    """Change what is given; boards count by it from this moment on.

    Raises:
        NotFound: there is none.
        Conflict: the site has another shift of that name.
    """
    shift = get_shift(session, shift_id)
    if name is not None:
        shift.name = name
    if starts_at is not None:
        shift.starts_at = starts_at
    if ends_at is not None:
        shift.ends_at = ends_at
    flush_new(session, "shift", shift.name)
    return shift


def remove_shift(session: Session, shift_id: int) -> None:
    """Nothing refers to a shift: it only says what a board counts. Raises NotFound."""
    session.delete(get_shift(session, shift_id))
    session.flush()
