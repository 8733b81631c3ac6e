"""What all ways to calibrate share: their options, and where a calibration goes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from inspection.calibration import Calibration

_Command = Callable[..., Any]


def kept(command: _Command) -> _Command:
    """The options of every way to calibrate: where it goes, and for how long it holds."""
    for option in (
        click.option(
            "--out",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            help="Write a calibration file (JSON), for --calibration and `calibrate store`.",
        ),
        click.option("--station", metavar="KEY", help="Store it for this station, by id or key."),
        click.option(
            "--expires",
            type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
            metavar="DATE",
            help="UTC; from then on what would pass warns. Without it: never.",
        ),
        click.option("--note", default="", help="By what and by whom, in a line."),
    ):
        command = option(command)
    return command


class Numbers(click.ParamType[tuple[float, ...]]):
    """`12.5,40` as so many numbers."""

    def __init__(self, count: int, name: str, separator: str = ",") -> None:
        self.count, self.name, self.separator = count, name, separator

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(float(part) for part in value.split(self.separator))
        except ValueError:
            numbers = ()
        if len(numbers) != self.count:
            self.fail(f"expected {self.name}, got {value!r}", param, ctx)
        return numbers


def keep(
    made: Calibration, out: Path | None, station: str | None, expires: datetime | None, note: str
) -> None:
    """Date a calibration, write it, store it, and say what it is. Raises click.UsageError."""
    from inspection.calibration import Calibration, write_calibration

    now = datetime.now(UTC)
    expires_at = expires.replace(tzinfo=UTC) if expires is not None else None
    if expires_at is not None and expires_at <= now:
        raise click.UsageError(f"--expires: expected a time to come, got {expires_at:%Y-%m-%d}")
    if out is None and station is None:
        raise click.UsageError("expected --out FILE, --station KEY or both")
    made = Calibration.model_validate(
        made.model_dump() | {"made_at": now, "expires_at": expires_at, "note": note}
    )
    u_percent = 100 * made.u_relative
    said = f"{made.method}: {made.mm_per_px:.6g} mm/px ± {2 * u_percent:.2g} % (k = 2)"
    if made.residual_px is not None:
        said += f", residual {made.residual_px:.3f} px"
    click.echo(said)
    if out is not None:
        try:
            write_calibration(out, made)
        except OSError as error:
            raise click.UsageError(f"{out}: {error.strerror}") from error
        click.echo(f"written to {out}")
    if station is not None:
        store(made, station)


def store(made: Calibration, station: str) -> None:
    """Store a calibration for a station. Raises click.UsageError."""
    from db.engine import connect
    from db.errors import DomainError
    from db.queries.stations import store_calibration
    from db.settings import StorageSettings
    from lineside.at_the_host import acting_here

    database = connect(StorageSettings().resolved_database_url)
    try:
        with acting_here(), database.sessions.begin() as session:
            row = store_calibration(session, station, made)
            click.echo(f"stored for station {station} as calibration {row.id}")
    except DomainError as error:
        raise click.UsageError(str(error)) from error
    finally:
        database.dispose()
