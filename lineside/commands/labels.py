"""`lineside labels`: a station's labels in from other tools, and out to them."""

from __future__ import annotations

import getpass
from pathlib import Path

import click

_FORMS = ("coco", "cvat", "label-studio", "fiftyone")
_MOST_TOLD = 1_000


class _BadInputError(click.ClickException):
    """What was given cannot be used as it is."""

    exit_code = 2


@click.group()
def command() -> None:
    """Labels of a station's pictures, in from other tools and out to them."""


@command.command("import")
@click.argument("station")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option("--keep-good", is_flag=True, help="Save what is good although something is wrong.")
@click.option("--replace", is_flag=True, help="Labels of SOURCE take the place of those here.")
@click.option("--classes", default="", help="New class names, comma-separated.")
def import_(station: str, source: Path, keep_good: bool, replace: bool, classes: str) -> None:
    """Save the labelled pictures of SOURCE at STATION.

    SOURCE is a folder, an annotation file or an archive (ZIP, TAR) of COCO, labelme, YOLO
    segmentation or mask pairs: what CVAT, Label Studio and Lineside export. Each thing that is
    wrong is named; without --keep-good nothing is saved then.
    """
    from contextlib import nullcontext

    from db.engine import connect
    from db.errors import DomainError
    from db.frames import StoreFull, open_store
    from db.label_import import ImportOptions, import_labels, unpacked
    from db.settings import StorageSettings
    from inspection.archives import ArchiveRefused

    storage = StorageSettings()
    database = connect(storage.resolved_database_url)
    store = open_store(storage.resolved_frame_store_url)
    names = tuple(name.strip() for name in classes.split(",") if name.strip())
    options = ImportOptions(keep_good, replace, names)
    plain = source.is_dir() or source.suffix.lower() in (".json", ".yaml", ".yml")
    try:
        with nullcontext(source) if plain else unpacked(source) as folder:
            by = getpass.getuser()
            report = import_labels(database, store, station, folder, by, options)
    except (ArchiveRefused, DomainError, StoreFull, OSError) as error:
        raise _BadInputError(str(error) or "the frame store is full") from error
    finally:
        database.dispose()
    for problem in report.problems[:_MOST_TOLD]:
        click.echo(f"{problem.path}: {problem.kind}: {problem.detail}", err=True)
    if len(report.problems) > _MOST_TOLD:
        click.echo(f"and {len(report.problems) - _MOST_TOLD} more", err=True)
    if not report.saved:
        raise _BadInputError(f"{len(report.errors)} things are wrong, and nothing was saved")
    click.echo(
        f"{report.labels} labels: {report.done} pictures done, {report.drafts} drafts,"
        f" {report.unchanged} unchanged, {len(report.errors)} things left out"
    )


@command.command()
@click.argument("station")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A new, empty folder.")
@click.option("--for", "form", default="coco", show_default=True, type=click.Choice(_FORMS))
@click.option("--drafts", is_flag=True, help="Pictures that are not done, too.")
@click.option(
    "--tolerance",
    "tolerance_px",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0.0),
    help="Pixels by which outlines of masks may be smoothed (label-studio).",
)
def export(station: str, out: Path, form: str, drafts: bool, tolerance_px: float) -> None:
    """Write STATION's labelled pictures and their labels as COCO."""
    from db.engine import connect
    from db.errors import DomainError
    from db.frames import FrameMissing, open_store
    from db.label_export import export_labels
    from db.settings import StorageSettings
    from inspection.datasets import DatasetError

    storage = StorageSettings()
    database = connect(storage.resolved_database_url)
    store = open_store(storage.resolved_frame_store_url)
    try:
        count = export_labels(
            database, store, station, out, form, drafts=drafts, tolerance_px=tolerance_px
        )
    except (DatasetError, DomainError, FrameMissing, OSError) as error:
        raise _BadInputError(str(error)) from error
    finally:
        database.dispose()
    click.echo(f"{count} pictures\n{out}")
