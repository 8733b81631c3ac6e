"""`lineside calibrate` writes files and stores them, and says what it was given wrong."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from db import migrate
from db.engine import connect
from db.queries.calibrations import current_scales
from inspection.calibration import read_calibration
from inspection.decode import encode_png
from lineside.cli import group
from tests.factories import make_station

POINTS = [
    word
    for point in ("80,60,0,0", "567,40,100,0", "607,440,100,60", "40,393,0,60")
    for word in ("--point", point)
]


def run(*arguments: object, data_dir: Path | None = None) -> Result:
    env = {"LINESIDE_DATA_DIR": str(data_dir)} if data_dir else {}
    words = ["calibrate", *(str(argument) for argument in arguments)]
    return CliRunner().invoke(group, words, env=env)


def test_a_scale_from_two_points_goes_into_a_file(tmp_path: Path) -> None:
    path = tmp_path / "scale.json"
    result = run(
        *("scale", "--length-mm", 50, "--u-mm", 0.01, "--from", "112,540", "--to", "1612,540"),
        *("--out", path, "--expires", "2099-06-30", "--note", "glass ruler"),
    )
    assert result.exit_code == 0, result.output
    made = read_calibration(path)
    assert made.mm_per_px == pytest.approx(50 / 1500)
    assert made.u_relative == pytest.approx(np.hypot(0.01 / 50, 6**-0.5 / 1500))
    assert made.expires_at == datetime(2099, 6, 30, tzinfo=UTC)
    assert made.note == "glass ruler"
    assert made.made_at is not None


def test_a_calibration_is_stored_for_its_station(tmp_path: Path) -> None:
    database = connect(f"sqlite:///{tmp_path / 'lineside.sqlite3'}")
    migrate.upgrade(database.engine)
    with database.sessions.begin() as session:
        station = make_station(session)
        key, id_ = station.key, station.id
    path = tmp_path / "plane.json"
    made = run("plane", "--size", "640x480", *POINTS, "--out", path)
    assert made.exit_code == 0, made.output
    stored = run("store", path, "--station", key, data_dir=tmp_path)
    assert stored.exit_code == 0, stored.output
    assert f"stored for station {key}" in stored.output
    measured = ("scale", "--length-mm", 10, "--measured-px", 100, "--u-px", 1, "--station")
    unknown = run(*measured, "nowhere", data_dir=tmp_path)
    assert unknown.exit_code == 2
    assert "there is no station 'nowhere'" in unknown.output
    with database.reads() as session:
        scale = current_scales(session, [id_], datetime.now(UTC))[id_]
    # As it was in the file: a plane survives its way through the database.
    assert scale.calibration == read_calibration(path)
    assert run(*measured, key, data_dir=tmp_path).exit_code == 0
    with database.reads() as session:
        assert current_scales(session, [id_], datetime.now(UTC))[id_].mm_per_px == 0.1
    database.dispose()


def test_an_image_without_a_board_is_named(tmp_path: Path) -> None:
    path = tmp_path / "blank.png"
    path.write_bytes(encode_png(np.full((120, 160, 3), 128, np.uint8)))
    out = tmp_path / "out.json"
    board = ("checkerboard", path, "--board", "5x4", "--square-mm", 5, "--out", out)
    result = run(*board)
    assert result.exit_code == 2
    assert "blank.png: expected a board of 5 × 4 inner corners, found none" in result.output
    assert not out.exists()
    path.write_bytes(b"no image")
    assert "blank.png:" in run(*board).output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("scale", "--length-mm", 5), "expected --from and --to, or --measured-px"),
        (("scale", "--length-mm", 5, "--measured-px", 50), "expected --out FILE, --station KEY"),
        (
            ("scale", "--length-mm", 5, "--from", "1,2,3", "--to", "1,2"),
            "expected X,Y, got '1,2,3'",
        ),
        (
            ("scale", "--length-mm", -5, "--measured-px", 50, "--out", "x"),
            "expected lengths above 0",
        ),
        (
            (
                "scale",
                "--length-mm",
                5,
                "--measured-px",
                9,
                "--out",
                "x",
                "--expires",
                "2020-01-01",
            ),
            "expected a time to come",
        ),
        (("plane", "--size", "640x480", *POINTS[:6], "--out", "x"), "expected four points or more"),
        (("store", "none.json", "--station", "a"), "none.json: No such file"),
    ],
)
def test_bad_input_is_told(arguments: tuple[object, ...], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
