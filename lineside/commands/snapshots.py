"""`lineside snapshots`: labels that are done, frozen into data sets."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from db.engine import Database

_DAY = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


class BadInput(click.ClickException):
    """What was asked for cannot be made."""

    exit_code = 2


@contextmanager
def opened() -> Iterator["Database"]:
    """The database of the environment; what it refuses is told in one line."""
    from db.engine import connect
    from db.errors import DomainError
    from db.settings import StorageSettings
    from lineside.at_the_host import acting_here

    database = connect(StorageSettings().resolved_database_url)
    try:
        with acting_here():
            yield database
    except DomainError as error:
        raise BadInput(str(error)) from error
    finally:
        database.dispose()


@click.group()
def command() -> None:
    """Freeze labels into data sets, list them, and write them to disk."""


@command.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
def list_(limit: int) -> None:
    """Print snapshots, the newest first: id, name, pictures by part, classes."""
    from db.queries import snapshots

    with opened() as database, database.reads() as session:
        rows = snapshots.list_snapshots(session, after=None, limit=limit).rows
    if not rows:
        click.echo("There is no snapshot.")
    for row in rows:
        images = row.counts["images"]
        assert isinstance(images, dict)
        counts = " ".join(f"{part}={images[part]}" for part in snapshots.PARTS)
        frozen = "  frozen test" if row.frozen_test else ""
        click.echo(f"{row.id}  {row.name}  {counts}  {','.join(row.classes)}{frozen}")


@command.command()
@click.option("--name", help="Else the date and a number.")
@click.option("--station", "stations", multiple=True, help="A key; may be repeated. Else all.")
@click.option("--classes", help="Class names, comma-separated; all that occur if unset.")
@click.option("--since", type=_DAY, help="Pictures taken from then on, UTC.")
@click.option("--until", type=_DAY, help="Pictures taken before then, UTC.")
@click.option("--reviewed/--not-reviewed", default=None, help="Only such that were, or were not.")
@click.option("--sample", type=click.IntRange(1), help="At most so many pictures, by the seed.")
@click.option(
    "--shares",
    nargs=3,
    type=click.FloatRange(0, 1),
    default=(0.7, 0.15, 0.15),
    show_default=True,
    metavar="TRAIN VALIDATION TEST",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
@click.option("--freeze-test", is_flag=True, help="Its test part is never learnt again.")
def create(
    name: str | None,
    stations: tuple[str, ...],
    classes: str | None,
    since: datetime | None,
    until: datetime | None,
    reviewed: bool | None,
    sample: int | None,
    shares: tuple[float, float, float],
    seed: int,
    freeze_test: bool,
) -> None:
    """Freeze the labels that are done. Pictures of one part, and near-copies, stay together."""
    from db.frames import open_store
    from db.queries.snapshots import SnapshotQuery
    from db.settings import StorageSettings
    from db.snapshot_freezing import freeze
    from lineside.at_the_host import name_here

    storage = StorageSettings()
    with opened() as database:
        query = SnapshotQuery(
            stations=stations,
            classes=tuple(each.strip() for each in classes.split(",")) if classes else (),
            since=since.replace(tzinfo=UTC) if since else None,
            until=until.replace(tzinfo=UTC) if until else None,
            reviewed=reviewed,
            sample=sample,
            shares=shares,
            seed=seed,
        )
        row = freeze(
            database,
            open_store(storage.resolved_frame_store_url, min_free_bytes=0),
            query,
            name=name,
            frozen_test=freeze_test,
            by=name_here(),
        )
    click.echo(f"{row.id} {row.name} {row.content_sha256}")


@command.command()
@click.argument("snapshot")
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False))
def export(snapshot: str, out: Path) -> None:
    """Write SNAPSHOT (its name or id) as COCO, images checked against their SHA-256."""
    from db.frames import open_store
    from db.queries import snapshots
    from db.settings import StorageSettings
    from db.snapshot_export import read_content, write_folder

    if out.exists() and any(out.iterdir()):
        raise BadInput(f"{out}: expected a new or empty folder")
    with opened() as database:
        with database.reads() as session:
            snapshot_id = snapshots.get_named(session, snapshot).id
        content = read_content(database, snapshot_id)
        store = open_store(StorageSettings().resolved_frame_store_url, min_free_bytes=0)
        write_folder(content, store, out)
    click.echo(f"{len(content.pictures)} pictures in {out}")
