"""`lineside calibrate`: what makes a station's pixels into millimetres."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lineside.calibration_options import Numbers, keep, kept
from lineside.calibration_options import store as store_for

_POINT = Numbers(2, "X,Y")


@click.group()
def command() -> None:
    """Make pixels into millimetres: a scale, a checkerboard or points on the plane.

    A calibration is written to a file, stored for a station, or both. `--u-…` are standard
    uncertainties (k = 1): of a certificate's U (k = 2) take half.
    """


@command.command()
@click.option("--length-mm", required=True, type=float, help="The known length.")
@click.option("--u-mm", default=0.0, show_default=True, help="Its standard uncertainty.")
@click.option("--from", "start", type=_POINT, metavar="X,Y", help="Its one end in the image, px.")
@click.option("--to", "end", type=_POINT, metavar="X,Y", help="Its other end.")
@click.option("--measured-px", type=float, help="Or as long as a part was measured, px.")
@click.option(
    "--u-px", type=float, help="Standard uncertainty of the length in px.  [default: 0.41]"
)
@kept
def scale(
    length_mm: float,
    u_mm: float,
    start: tuple[float, float] | None,
    end: tuple[float, float] | None,
    measured_px: float | None,
    u_px: float | None,
    **kept: Any,
) -> None:
    """From a known length: two points of an image, or a part that was measured.

    \b
    lineside calibrate scale --length-mm 50 --u-mm 0.01 --from 112,540 --to 1630,538 \\
        --station press-3 --expires 2027-06-30
    """
    from math import hypot

    from inspection.calibrating import scale_from_length
    from inspection.calibration import CalibrationError

    if (measured_px is None) == (start is None or end is None):
        raise click.UsageError("expected --from and --to, or --measured-px")
    if start is not None and end is not None:
        measured_px = hypot(end[0] - start[0], end[1] - start[1])
    assert measured_px is not None
    uncertain = {} if u_px is None else {"u_length_px": u_px}
    try:
        made = scale_from_length(length_mm, measured_px, u_length_mm=u_mm, **uncertain)
    except CalibrationError as error:
        raise click.UsageError(str(error)) from error
    keep(made, **kept)


@command.command()
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@click.option(
    "--board",
    required=True,
    type=Numbers(2, "inner corners as 9x6", "x"),
    metavar="9x6",
    help="Inner corners: one less than squares, across and down.",
)
@click.option("--square-mm", required=True, type=float, help="Side of a square.")
@click.option("--u-square-mm", default=0.0, show_default=True, help="Its standard uncertainty.")
@click.option("--plane", "plane_image", metavar="IMAGE", help="Where the board lies as parts do.")
@kept
def checkerboard(
    images: tuple[str, ...],
    board: tuple[float, float],
    square_mm: float,
    u_square_mm: float,
    plane_image: str | None,
    **kept: Any,
) -> None:
    """From photographs of a checkerboard: the lens, and the plane on which parts lie.

    One image shows the board lying where parts lie (--plane, else the first); in the others, ten
    or more, it is turned and tilted, and reaches into the corners. With a single image the lens is
    taken for straight.

    \b
    lineside calibrate checkerboard board/*.png --board 9x6 --square-mm 5 --plane board/flat.png \\
        --out camera.json
    """
    import numpy as np

    from inspection.calibrating import Board, calibrate_checkerboard, calibrate_plane, find_corners
    from inspection.calibration import CalibrationError
    from lineside.image_files import NoImages, find_images

    try:
        names = [str(Path(file.path)) for file in find_images(images)]
        plane_of = str(Path(plane_image)) if plane_image else names[0]
        pictures = {name: _read(name) for name in dict.fromkeys([plane_of, *names])}
        columns, rows = (int(number) for number in board)
        asked = Board((columns, rows), square_mm, u_square_mm)
        if len(pictures) > 1:
            made = calibrate_checkerboard(pictures, asked, plane_of)
        else:
            corners = find_corners(pictures[plane_of], asked)
            if corners is None:
                raise CalibrationError(
                    f"{plane_of}: expected a board of {columns} × {rows} inner corners, found none"
                )
            size = np.array(pictures[plane_of].shape[1::-1])
            made = calibrate_plane(
                corners,
                asked.points_mm,
                (int(size[0]), int(size[1])),
                u_relative=u_square_mm / square_mm,
            )
    except (CalibrationError, NoImages) as error:
        raise click.UsageError(str(error)) from error
    keep(made, **kept)


@command.command()
@click.option(
    "--point",
    "points",
    multiple=True,
    type=Numbers(4, "X,Y,X_MM,Y_MM"),
    metavar="X,Y,X_MM,Y_MM",
    help="A point in the image, px, and where it lies on the plane, mm. Four or more.",
)
@click.option(
    "--size", "size_wh", required=True, type=Numbers(2, "WxH", "x"), metavar="WxH",
    help="Of the station's images, px.",
)  # fmt: skip
@click.option("--u-mm", default=0.0, show_default=True, help="Standard uncertainty of X_MM, Y_MM.")
@click.option(
    "--lens",
    "lens_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="A calibration file of this camera with a lens, which is undone first.",
)
@kept
def plane(
    points: tuple[tuple[float, float, float, float], ...],
    size_wh: tuple[float, float],
    u_mm: float,
    lens_file: Path | None,
    **kept: Any,
) -> None:
    """From four points or more whose places on the plane are known.

    \b
    lineside calibrate plane --size 1920x1080 --point 212,140,0,0 --point 1702,96,100,0 \\
        --point 1811,1004,100,60 --point 84,903,0,60 --station press-3
    """
    import numpy as np

    from inspection.calibrating import calibrate_plane
    from inspection.calibration import CalibrationError, read_calibration

    try:
        given = np.array(points, np.float64).reshape(-1, 4)
        lens = read_calibration(lens_file).lens if lens_file else None
        if lens_file and lens is None:
            raise CalibrationError(f"{lens_file}: expected a lens, found none")
        extent_mm = float(np.hypot(*np.ptp(given[:, 2:], axis=0))) if len(given) else 0.0
        made = calibrate_plane(
            given[:, :2],
            given[:, 2:],
            (int(size_wh[0]), int(size_wh[1])),
            lens=lens,
            u_relative=2**0.5 * u_mm / extent_mm if extent_mm > 0 else 0.0,
        )
    except CalibrationError as error:
        raise click.UsageError(str(error)) from error
    keep(made, **kept)


@command.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--station", required=True, metavar="KEY", help="The station's id or key.")
def store(file: Path, station: str) -> None:
    """Store a calibration file for a station."""
    from inspection.calibration import CalibrationError, read_calibration

    try:
        made = read_calibration(file)
    except CalibrationError as error:
        raise click.UsageError(str(error)) from error
    store_for(made, station)


def _read(name: str) -> Any:
    from inspection.calibration import CalibrationError
    from inspection.decode import ImageRefused, decode_image
    from lineside.inspect_images import read_bytes

    try:
        return decode_image(read_bytes(Path(name)))
    except OSError as error:
        raise CalibrationError(f"{name}: {error.strerror}") from error
    except ImageRefused as error:
        raise CalibrationError(f"{name}: {error.detail}") from error
