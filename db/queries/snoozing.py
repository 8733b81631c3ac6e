"""Discrepancies that somebody does not want to hear of until a moment.

For whoever lists or alerts (services/alerting reads it here): a discrepancy sleeps while
`Discrepancy.snoozed_until` is later than now. It is left out of lists but counted, and no alert
is sent or repeated for it; it comes back by itself when that moment is past, and nothing has to
run for that. In a query `awake(now)` is the condition, of one row `is_snoozed(row, now)` says it.
A discrepancy that opens anew at the same place is another one, and awake.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import Session

from db.base import utc_now
from db.errors import Invalid
from db.models import Discrepancy
from db.queries.discrepancies import UNRESOLVED, lock_discrepancy, note_event

SNOOZED, WOKEN = "snoozed", "woken"
# A gap that nobody wants to see for longer is a planogram that is wrong.
LONGEST = timedelta(days=14)


def awake(now: datetime) -> ColumnElement[bool]:
    """The condition of a query for discrepancies that do not sleep at `now`."""
    return or_(Discrepancy.snoozed_until.is_(None), Discrepancy.snoozed_until <= now)


def is_snoozed(discrepancy: Discrepancy, now: datetime) -> bool:
    return discrepancy.snoozed_until is not None and discrepancy.snoozed_until > now


def snooze(
    session: Session,
    discrepancy_id: int,
    until: datetime,
    actor: str,
    note: str = "",
    now: datetime | None = None,
) -> Discrepancy:
    """Let it sleep until a moment. Its state stays: a snoozed gap is not an acknowledged one.

    Raises:
        NotFound: there is none.
        WrongState: it is resolved, or was a false call.
        Invalid: the moment is past, or more than a fortnight away.
    """
    now = now or utc_now()
    check_end("until", until, now)
    discrepancy = lock_discrepancy(session, discrepancy_id, UNRESOLVED)
    discrepancy.snoozed_until, discrepancy.snoozed_by = until, actor
    discrepancy.revision += 1
    said = f"until {until.isoformat(timespec='minutes')}" + (f": {note}" if note else "")
    note_event(session, discrepancy, SNOOZED, actor, said, now)
    return discrepancy


def wake(session: Session, discrepancy_id: int, actor: str, note: str = "") -> Discrepancy:
    """End its sleep now; of one that is awake nothing changes.

    Raises:
        NotFound: there is none.
        WrongState: it is resolved, or was a false call.
    """
    discrepancy = lock_discrepancy(session, discrepancy_id, UNRESOLVED)
    if discrepancy.snoozed_until is not None:
        discrepancy.snoozed_until = discrepancy.snoozed_by = None
        discrepancy.revision += 1
        note_event(session, discrepancy, WOKEN, actor, note, utc_now())
    return discrepancy


def check_end(field: str, until: datetime, now: datetime) -> None:
    """Raises Invalid where a span would end before it begins, or never."""
    if until <= now:
        raise Invalid(field, until.isoformat(timespec="minutes"), "a time to come")
    if until > now + LONGEST:
        raise Invalid(
            field,
            until.isoformat(timespec="minutes"),
            f"at most {LONGEST.days} days from now",
        )
