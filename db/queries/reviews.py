"""What people say of results, and how it is taken back: rows are added, never changed.

Of each subject (an inspection, one finding of it, a class that was missed there) the newest row
that is no note counts, so that a review queue or a training need not know of undoing: a row that
undoes says again what held before, or `withdrawn`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.access import ActorKind, current
from db.errors import Conflict, Invalid, NotFound
from db.models import Finding, Inspection, Review
from db.paging import flush_new
from db.queries.settling import Settled, reopen, settle
from inspection.verdicts import Verdict

MAX_CLASS = 100
MAX_NOTE = 1000
# Whose subject: finding, missed class, and the row itself where it is a note, which judges nothing.
Subject = tuple[int | None, str, int]


class ReviewVerdict(StrEnum):
    """What somebody says."""

    CONFIRMED = "confirmed"  # the result is right
    FALSE_CALL = "false_call"  # what was called deviating is good
    MISSED = "missed"  # a defect is there that was not found
    NOTED = "noted"  # a note alone
    WITHDRAWN = "withdrawn"  # nothing is said any more


@dataclass(frozen=True)
class Said:
    """A row that was written, and what a false call (or taking one back) did besides.

    `new` is False where the same held already and no row was written.
    """

    review: Review
    settled: Settled = field(default_factory=Settled)
    new: bool = True


def say(
    session: Session,
    inspection_id: int,
    verdict: ReviewVerdict,
    actor: str,
    *,
    finding_id: int | None = None,
    class_name: str = "",
    note: str = "",
) -> Said:
    """Write what somebody says of an inspection, of one finding, or of a class that it missed.

    A false call of a whole inspection also closes the discrepancies that rest on nothing but
    inspections that were called false (`db.queries.settling`).

    Raises:
        NotFound: there is no such inspection, or no such finding in it.
        Invalid: it cannot be said of this one.
    """
    inspection = _inspection(session, inspection_id)
    _check(session, inspection, verdict, finding_id, class_name, note)
    row = Review(
        inspection_id=inspection_id,
        finding_id=finding_id,
        class_name=class_name,
        verdict=verdict,
        note=note,
        actor=actor,
        person_id=_person_id(),
    )
    before = _stack(reviews_of(session, [inspection_id])[inspection_id], _subject(row))
    if before and before[-1].verdict == verdict and not note:
        return Said(before[-1], new=False)
    session.add(row)
    session.flush()
    whole = finding_id is None
    if verdict is ReviewVerdict.FALSE_CALL and whole:
        return _settled(session, row, settle(session, inspection, actor, note))
    if before and before[-1].verdict == ReviewVerdict.FALSE_CALL and whole:
        return _settled(session, row, reopen(session, inspection, actor))
    return Said(row)


def take_back(session: Session, inspection_id: int, review_id: int, actor: str) -> Said:
    """Undo what was said last of a subject; what held before it holds again.

    Raises:
        NotFound: there is no such review of this inspection.
        Conflict: something else has been said since, or it has been taken back already.
    """
    inspection = _inspection(session, inspection_id)
    rows = reviews_of(session, [inspection_id])[inspection_id]
    undone = next((row for row in rows if row.id == review_id), None)
    if undone is None:
        raise NotFound("review", review_id)
    stack = _stack(rows, _subject(undone))
    if not stack or stack[-1].id != review_id:
        raise Conflict("review", "something else has been said since.")
    before = stack[-2] if len(stack) > 1 else None
    # A note that is taken back withdraws no verdict that stands beside it.
    noted = undone.verdict == ReviewVerdict.NOTED
    nothing = ReviewVerdict.NOTED if noted else ReviewVerdict.WITHDRAWN
    row = Review(
        inspection_id=inspection_id,
        finding_id=undone.finding_id,
        class_name=undone.class_name,
        verdict=before.verdict if before else nothing,
        note=before.note if before else "",
        actor=actor,
        person_id=_person_id(),
        undoes_id=review_id,
    )
    session.add(row)
    flush_new(session, "review", review_id)
    if undone.finding_id is None and undone.verdict == ReviewVerdict.FALSE_CALL:
        return _settled(session, row, reopen(session, inspection, actor))
    if undone.finding_id is None and row.verdict == ReviewVerdict.FALSE_CALL:
        return _settled(session, row, settle(session, inspection, actor, ""))
    return Said(row)


def reviews_of(session: Session, inspection_ids: Collection[int]) -> Mapping[int, Sequence[Review]]:
    """Every row of each inspection, the oldest first."""
    found: defaultdict[int, list[Review]] = defaultdict(list)
    statement = select(Review).where(Review.inspection_id.in_(inspection_ids)).order_by(Review.id)
    for row in session.scalars(statement):
        found[row.inspection_id].append(row)
    return found


def all_said(session: Session, inspection_id: int) -> Sequence[Review]:
    """Every row of an inspection, the oldest first. Raises NotFound: there is no such one."""
    _inspection(session, inspection_id)
    return reviews_of(session, [inspection_id]).get(inspection_id, [])


def standing(rows: Iterable[Review]) -> list[Review]:
    """What was said of one inspection and holds, one row a subject, in the order it was said."""
    tops = [stack[-1] for stack in _stacks(rows).values() if stack]
    return sorted(tops, key=lambda row: row.id)


def _settled(session: Session, row: Review, settled: Settled) -> Said:
    # Locking a discrepancy makes the session forget what it had read.
    session.refresh(row)
    return Said(row, settled)


def _stacks(rows: Iterable[Review]) -> Mapping[Subject, list[Review]]:
    stacks: defaultdict[Subject, list[Review]] = defaultdict(list)
    for row in rows:
        if row.undoes_id is None:
            stacks[_subject(row)].append(row)
            continue
        for stack in stacks.values():
            if stack and stack[-1].id == row.undoes_id:
                stack.pop()
    return stacks


def _stack(rows: Iterable[Review], subject: Subject) -> list[Review]:
    return list(_stacks(rows).get(subject, ()))


def _subject(row: Review) -> Subject:
    noted = row.verdict == ReviewVerdict.NOTED
    return row.finding_id, row.class_name, row.id if noted else 0


def _check(
    session: Session,
    inspection: Inspection,
    verdict: ReviewVerdict,
    finding_id: int | None,
    class_name: str,
    note: str,
) -> None:
    if len(note) > MAX_NOTE:
        raise Invalid("note", f"{len(note)} characters", f"at most {MAX_NOTE} characters")
    if finding_id is not None:
        finding = session.get(Finding, finding_id)
        if finding is None or finding.inspection_id != inspection.id:
            raise NotFound("finding", finding_id)
    if verdict is ReviewVerdict.WITHDRAWN:
        raise Invalid("verdict", verdict.value, "what somebody says; `take_back` withdraws")
    if verdict is ReviewVerdict.NOTED and not note:
        raise Invalid("note", note, "some text")
    if (verdict is ReviewVerdict.MISSED) != bool(class_name):
        raise Invalid("class", class_name[:80], "the class of what was missed, and only there")
    if len(class_name) > MAX_CLASS or (class_name and not class_name.isprintable()):
        raise Invalid("class", class_name[:80], f"a name of at most {MAX_CLASS} characters")
    if verdict is ReviewVerdict.NOTED:
        return
    if inspection.verdict == Verdict.NOT_INSPECTED:
        raise Invalid("inspection", "not inspected", "one that was inspected")
    if verdict is ReviewVerdict.FALSE_CALL and inspection.verdict == Verdict.PASS:
        raise Invalid("inspection", "passed", "one that failed or warned; nothing was called here")


def _inspection(session: Session, inspection_id: int) -> Inspection:
    inspection = session.get(Inspection, inspection_id)
    if inspection is None:
        raise NotFound("inspection", inspection_id)
    return inspection


def _person_id() -> int | None:
    access = current()
    actor = access.actor if access else None
    return actor.id if actor is not None and actor.kind is ActorKind.PERSON else None
