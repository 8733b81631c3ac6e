"""What somebody shows besides a password: when a code was used, and codes for a lost phone.

A code works once: its time step, or its row, is taken in one statement that only one of several
who send it at once can win.
"""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import CursorResult, delete, func, or_, select, update
from sqlalchemy.orm import Session

from db.models import Person, RecoveryCode
from db.queries.sign_ins import hash_of

CODES = 10
# Without the letters and digits that are read for each other. Sixteen are 79 bits, so that a plain
# SHA-256 cannot be searched through.
_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
_LENGTH = 16


def switch_on(session: Session, person: Person, secret: str, step: int, now: datetime) -> None:
    """Ask a person for codes from now on. `secret` is encrypted; `step` is the one just shown."""
    person.totp_secret, person.totp_step, person.totp_since = secret, step, now
    session.flush()


def switch_off(session: Session, person: Person) -> None:
    """Ask no more, and forget the codes for a lost phone."""
    person.totp_secret = person.totp_step = person.totp_since = None
    session.flush()
    session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person.id))


def take_step(session: Session, person_id: int, step: int) -> bool:
    """Use up the codes of a time step and of all before it; False: they have been."""
    return _one(
        session,
        update(Person)
        .where(Person.id == person_id, or_(Person.totp_step.is_(None), Person.totp_step < step))
        .values(totp_step=step),
    )


def new_codes(session: Session, person_id: int) -> list[str]:
    """New codes for when the phone is lost, `ABCD-EFGH-JKMN-PQRS`; older ones work no more."""
    codes = ["".join(secrets.choice(_LETTERS) for _ in range(_LENGTH)) for _ in range(CODES)]
    session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person_id))
    session.add_all(RecoveryCode(person_id=person_id, code_hash=hash_of(code)) for code in codes)
    session.flush()
    return ["-".join(code[n : n + 4] for n in range(0, _LENGTH, 4)) for code in codes]


def take_code(session: Session, person_id: int, typed: str, now: datetime) -> bool:
    """Use up one of the codes for a lost phone; False: it is none, or has been."""
    plain = "".join(letter for letter in typed.upper() if letter.isalnum())
    if len(plain) != _LENGTH:
        return False
    return _one(
        session,
        update(RecoveryCode)
        .where(
            RecoveryCode.person_id == person_id,
            RecoveryCode.code_hash == hash_of(plain),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now),
    )


def codes_left(session: Session, person_id: int) -> int:
    """How many of them have not been used."""
    statement = select(func.count(RecoveryCode.id)).where(
        RecoveryCode.person_id == person_id, RecoveryCode.used_at.is_(None)
    )
    return session.scalar(statement) or 0


def _one(session: Session, statement: object) -> bool:
    result = session.execute(statement.execution_options(synchronize_session=False))  # type: ignore[attr-defined]
    return isinstance(result, CursorResult) and result.rowcount == 1
