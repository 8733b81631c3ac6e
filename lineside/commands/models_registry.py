"""`lineside models register | gate | promote | rollback | archive`: the registry at the host."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lineside.at_the_host import acting_here, name_here

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from db.models import Station


@contextmanager
def _writing() -> Iterator[Session]:
    """A transaction of who is at the host; what is refused is a usage error."""
    from db.engine import connect
    from db.errors import DomainError
    from db.settings import StorageSettings
    from inspection.model_folder import ModelFolderError

    database = connect(StorageSettings().resolved_database_url)
    try:
        with acting_here(), database.sessions.begin() as session:
            yield session
    except (DomainError, ModelFolderError) as error:
        raise click.UsageError(str(error)) from error
    finally:
        database.dispose()


def _models_dirs() -> list[Path]:
    from db.settings import StorageSettings

    folder = StorageSettings().models_dir
    return [] if folder is None else [folder]


@click.command()
@click.argument("archive", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--parent", help="The registered model that it was made from.")
@click.option(
    "--new-classes", is_flag=True, help="Its classes need not fit any recipe that is active."
)
def register(archive: Path, parent: str | None, new_classes: bool) -> None:
    """Send in a foreign model folder: ARCHIVE is a ZIP or TAR of it.

    A worker does one trial inference before it is listed; `lineside models uploads` says how it
    went.
    """
    from db.queries import model_uploads, registry
    from inspection.model_intake import check_classes, remove_incoming, take_in

    folder = None
    (models_dir,) = _models_dirs()
    try:
        with _writing() as session:
            folder = take_in(archive, models_dir)
            if not new_classes:
                check_classes(folder, model_uploads.classes_wanted(session))
            parent_id = registry.get_named(session, parent).id if parent else None
            upload = model_uploads.ask(
                session, folder, models_dir, parent_id=parent_id, by=name_here()
            )
            told = f"{folder.name} {folder.version} is being checked (upload {upload.id})"
    except click.UsageError:
        if folder is not None:
            remove_incoming(folder.path, models_dir)
        raise
    click.echo(told)


@click.command()
def uploads() -> None:
    """What is being checked or was refused, the newest first."""
    from db.queries import model_uploads

    with _writing() as session:
        for each in model_uploads.newest(session):
            reason = f": {each.reason}" if each.reason else ""
            click.echo(f"{each.id}  {each.name}  {each.version}  {each.state}{reason}")


@click.command()
@click.argument("model")
@click.option("--station", required=True, help="Key or id of the station.")
@click.option("--limits", default="{}", help="JSON, such as '{\"least_bad\": 30}'.")
def gate(model: str, station: str, limits: str) -> None:
    """Hold MODEL against what a station inspects by; a worker does it beside the line."""
    from pydantic import ValidationError

    from db.queries import gates, registry
    from db.queries.stations import get_station
    from inspection.gating import GateLimits

    try:
        wanted = GateLimits.model_validate_json(limits)
    except ValidationError as error:
        raise click.UsageError(f"--limits: {error}") from error
    with _writing() as session:
        at = get_station(session, station)
        registry.adopt(session, model, _models_dirs(), by=name_here())
        row = gates.ask(session, model, at, limits=wanted, by=name_here())
        click.echo(f"gate run {row.id}: {gates.progress(row)[1]} images to look at")


@click.command("gate-result")
@click.argument("gate_id", type=int)
def gate_result(gate_id: int) -> None:
    """Print a gate as JSON. Exit status 1 where it is not passed."""
    from db.queries import gates

    with _writing() as session:
        row = gates.get_gate(session, gate_id)
        done, images = gates.progress(row)
        shown = {
            "state": row.state,
            "passed": row.passed,
            "reason": row.reason,
            "looked_at": done,
            "images": images,
            "flips": [
                {
                    "id": flip.id,
                    "inspection": flip.inspection_id,
                    "before": flip.before,
                    "after": flip.after,
                    "decision": flip.decision,
                }
                for flip in gates.flips_of(session, gate_id)
            ],
            **row.results,
        }
        passed = row.passed
    click.echo(json.dumps(shown))
    if not passed:
        raise SystemExit(1)


@click.command()
@click.argument("model")
@click.option("--station", "refs", multiple=True, help="Key or id; may be given again.")
@click.option("--instead-of", help="At every station whose recipe names this model.")
@click.option("--reason", default="", help="Where the gate is not passed; kept in the audit log.")
def promote(model: str, refs: tuple[str, ...], instead_of: str | None, reason: str) -> None:
    """Make MODEL what stations inspect by, from the next acquisition on."""
    from db.access import Permission
    from db.queries import promotions, registry
    from db.queries.stations import get_station

    if bool(refs) == bool(instead_of):
        raise click.UsageError("expected --station or --instead-of")
    with _writing() as session:
        at: list[Station] = [get_station(session, ref) for ref in refs]
        if instead_of:
            at = promotions.stations_of_champion(session, instead_of)
            if not at:
                raise click.UsageError(f"no station inspects by {instead_of}")
        registry.adopt(session, model, _models_dirs(), by=name_here())
        # Whoever may read the data folder is an admin here.
        done = promotions.promote(
            session,
            model,
            {each.id: each.recipe_version_id for each in at},
            by=name_here(),
            may={Permission.OVERRIDE},
            reason=reason,
        )
        for each in done.stations:
            click.echo(f"{each.key} inspects by {model}")


@click.command()
@click.argument("station")
def rollback(station: str) -> None:
    """Make active again at STATION what was before its newest promotion."""
    from db.queries import promotions
    from db.queries.recipes import get_version
    from db.queries.stations import get_station

    with _writing() as session:
        row = promotions.rollback(session, get_station(session, station), by=name_here())
        version = get_version(session, row.before_version_id)
        click.echo(f"{station} inspects by {version.model} again")


@click.command()
@click.argument("model")
@click.option("--restore", is_flag=True, help="Make it a candidate again.")
def archive(model: str, restore: bool) -> None:
    """Take MODEL out of what may be promoted; refused while it runs anywhere."""
    from db.queries import registry

    with _writing() as session:
        if restore:
            registry.restore(session, model)
        else:
            registry.adopt(session, model, _models_dirs(), by=name_here())
            registry.archive(session, model)
        click.echo(f"{model} is {'a candidate' if restore else 'archived'}")


COMMANDS = (register, uploads, gate, gate_result, promote, rollback, archive)
