"""What was done with inspections' parts, and how that is taken back: rows are added, never changed.

The newest row of an inspection counts, so that who counts them need not know of undoing: a row
that undoes says again what holds after it, or `withdrawn`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.errors import Conflict, NotFound
from db.models import Disposition, Inspection

# Production first, then shelves.
DISPOSITIONS = ("use_as_is", "rework", "repair", "scrap", "return", "restocked", "not_workable")
WITHDRAWN = "withdrawn"


def dispose(
    session: Session, inspection_id: int, action: str, actor: str, note: str = ""
) -> Disposition:
    """Say what was done with an inspection's part; the newest one counts, all are kept.

    Raises:
        NotFound: there is no such inspection.
    """
    _check_inspection(session, inspection_id)
    disposition = Disposition(inspection_id=inspection_id, action=action, actor=actor, note=note)
    session.add(disposition)
    session.flush()
    return disposition


def dispositions_of(session: Session, inspection_id: int) -> Sequence[Disposition]:
    """All dispositions of an inspection, the newest first.

    Raises:
        NotFound: there is no such inspection.
    """
    _check_inspection(session, inspection_id)
    return dispositions_by_inspection(session, [inspection_id]).get(inspection_id, [])[::-1]


def dispositions_by_inspection(
    session: Session, inspection_ids: Collection[int]
) -> Mapping[int, Sequence[Disposition]]:
    """Every row of each inspection that has any, the oldest first."""
    found: defaultdict[int, list[Disposition]] = defaultdict(list)
    statement = (
        select(Disposition)
        .where(Disposition.inspection_id.in_(inspection_ids))
        .order_by(Disposition.id)
    )
    for row in session.scalars(statement):
        found[row.inspection_id].append(row)
    return found


def standing_dispositions(rows: Iterable[Disposition]) -> list[Disposition]:
    """What was done to one part and not taken back, the oldest first; the last one holds."""
    rows = list(rows)
    undone = {row.undoes_id for row in rows}
    return [row for row in rows if row.undoes_id is None and row.id not in undone]


def take_disposition_back(
    session: Session, inspection_id: int, disposition_id: int, actor: str
) -> Disposition:
    """Undo the disposition that holds; the one before it holds again, or none.

    Raises:
        NotFound: there is no such disposition of that inspection.
        Conflict: another was written since, or it has been taken back already.
    """
    rows = _locked(session, inspection_id)
    if all(row.id != disposition_id for row in rows):
        raise NotFound("disposition", disposition_id)
    held = standing_dispositions(rows)
    if not held or held[-1].id != disposition_id:
        raise Conflict("disposition", "something else has been done since.")
    return _withdraw(session, held, held[-1], actor)


def take_action_back(
    session: Session, inspection_id: int, action: str, done_by: str, actor: str
) -> Disposition | None:
    """Undo what somebody did to one of several gaps of an inspection; None: it does not stand.

    Each gap of an image writes to the same inspection, so that what was done to another gap may
    stand above it, and goes on to hold.
    """
    held = standing_dispositions(_locked(session, inspection_id))
    same = [row for row in held if (row.action, row.actor) == (action, done_by)]
    return _withdraw(session, held, same[-1], actor) if same else None


def _withdraw(
    session: Session, held: Sequence[Disposition], undone: Disposition, actor: str
) -> Disposition:
    left = [row for row in held if row is not undone]
    row = Disposition(
        inspection_id=undone.inspection_id,
        action=left[-1].action if left else WITHDRAWN,
        actor=actor,
        note=left[-1].note if left else "",
        undoes_id=undone.id,
    )
    session.add(row)
    session.flush()
    return row


def _locked(session: Session, inspection_id: int) -> Sequence[Disposition]:
    """The rows of an inspection, after it was locked: two who undo at once wait for each other."""
    found = session.scalar(
        select(Inspection.id).where(Inspection.id == inspection_id).with_for_update(key_share=True)
    )
    if found is None:
        raise NotFound("inspection", inspection_id)
    return dispositions_by_inspection(session, [inspection_id]).get(inspection_id, [])


def _check_inspection(session: Session, inspection_id: int) -> None:
    if session.get(Inspection, inspection_id) is None:
        raise NotFound("inspection", inspection_id)
