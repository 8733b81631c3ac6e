"""`lineside audit-log`: who changed what, and whether the log is as it was written."""

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from db.models import AuditEntry

_HASH = re.compile(r"[0-9a-f]{64}")


@click.group()
def command() -> None:
    """Read the audit log, and check that nothing in it was altered."""


@command.command("list")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
@click.option("--person", help="Only what was done under this name.")
@click.option("--object", "kind", help="Only of things of a kind, such as station or station/7.")
@click.option("--since", type=click.DateTime(), help="From this moment on, UTC.")
@click.option("--until", type=click.DateTime(), help="Before this moment, UTC.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(
    limit: int,
    person: str | None,
    kind: str | None,
    since: datetime | None,
    until: datetime | None,
    as_json: bool,
) -> None:
    """Print entries, the newest first."""
    from db.engine import connect
    from db.queries.audit_log import AuditFilter, list_entries
    from db.settings import StorageSettings

    table, _, number = (kind or "").partition("/")
    wanted = AuditFilter(person, table or None, number or None, _utc(since), _utc(until))
    database = connect(StorageSettings().resolved_database_url)
    try:
        with database.reads() as session:
            rows = list_entries(session, wanted, limit=limit).rows
    finally:
        database.dispose()
    for row in rows:
        click.echo(json.dumps(_as_dict(row)) if as_json else _line(row))
    if not rows and not as_json:
        click.echo("There is nothing of that in the audit log.")


@command.command()
@click.option(
    "--kept",
    metavar="HASH",
    help="A hash that an earlier `verify` printed: it must be in the log still, so that entries"
    " cut off at the end are noticed.",
)
def verify(kept: str | None) -> None:
    """Follow the chain of hashes; exit 1 at the first entry that does not fit."""
    from db.audit_chain import verify as follow
    from db.engine import connect
    from db.settings import StorageSettings

    if kept is not None and not _HASH.fullmatch(kept):
        raise click.BadParameter("expected 64 hexadecimal digits", param_hint="--kept")
    database = connect(StorageSettings().resolved_database_url)
    try:
        with database.reads() as session:
            found = follow(session, kept=kept)
    finally:
        database.dispose()
    if found.broken_id is not None:
        click.echo(f"BROKEN at entry {found.broken_id}: {found.problem}.")
        click.echo(f"The {found.entries - 1} entries before it hold.")
        raise SystemExit(1)
    click.echo(f"{found.entries} entries hold. Keep this hash elsewhere: {found.head}")
    if found.kept_found is False:
        click.echo("BROKEN: the hash that was kept is not in the log; its end was cut off.")
        raise SystemExit(1)


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)


def _as_dict(row: "AuditEntry") -> dict[str, Any]:
    shown = {column.name: getattr(row, column.name) for column in row.__table__.columns}
    return shown | {"at": row.at.isoformat()}


def _line(row: "AuditEntry") -> str:
    what = " ".join(
        part for part in (row.object_kind, row.object_id, repr(row.object_name or "")) if part
    )
    before, after = row.before or {}, row.after or {}
    if row.action == "changed":
        changes = ", ".join(f"{name}: {before[name]!r} → {after.get(name)!r}" for name in before)
    else:
        changes = ""
    where = f" from {row.address}" if row.address else ""
    when = row.at.isoformat(timespec="seconds")
    end = f": {changes}" if changes else ""
    return f"{row.id}  {when}  {row.actor_name}{where}  {row.action} {what}{end}"
