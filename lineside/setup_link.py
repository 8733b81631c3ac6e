"""The link by which the first admin comes in: made on this host, shown in its terminal only."""

from __future__ import annotations

from db.engine import Database
from db.queries.people import somebody_is_admin
from db.queries.sign_ins import make_link


def new_setup_link(database: Database, address: str) -> str | None:
    """A link that works once, in place of any older one; None: there is an admin already."""
    with database.sessions.begin() as session:
        if somebody_is_admin(session):
            return None
        return f"{address}/setup/{make_link(session, None)}"
