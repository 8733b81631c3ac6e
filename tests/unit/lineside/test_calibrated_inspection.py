"""From photographs of a board or of known points to millimetres, as a user goes: two commands.

A plate with bars of known size is drawn as cameras see it: from above, aslant, and through a lens
that bends.
"""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from inspection.decode import encode_png
from lineside.cli import group

SIZE_WH = (800, 600)
CAMERA = np.array([[820.0, 0, 395], [0, 823, 305], [0, 0, 1]])
STRAIGHT, BENT = np.zeros(5), np.array([-0.2, 0.06, 0.001, -0.0005, 0.0])
# Turned about its axes (Rodrigues), and where its origin lies before the camera, mm.
UPRIGHT = ((0.0, 0.0, 0.0), (-60.0, -45.0, 130.0))
ASLANT = ((0.55, -0.35, 0.1), (-52.0, -42.0, 150.0))
# Centre x and y, length, width, mm, and angle.
BARS = ((30.0, 22.0, 40.0, 3.0, 20.0), (88.0, 30.0, 36.0, 1.2, 75.0), (55.0, 66.0, 60.0, 6.0, -8.0))
SQUARE_MM, CORNERS = 10.0, (9, 6)
Pose = tuple[tuple[float, float, float], tuple[float, float, float]]


def onto_px(pose: Pose) -> np.ndarray:
    """From mm on the plate to the camera's rays, (3, 3)."""
    rotation = cv2.Rodrigues(np.array(pose[0]))[0]
    return np.column_stack([rotation[:, 0], rotation[:, 1], np.array(pose[1])])


def photograph(
    on_plate: np.ndarray, px_per_mm: int, pose: Pose, lens: np.ndarray, fine: int = 1
) -> np.ndarray:
    """A drawing whose pixel 0 lies at 0 mm, as the camera sees it, uint8 (H, W, 3)."""
    width, height = SIZE_WH
    y, x = np.mgrid[0 : height * fine, 0 : width * fine].astype(np.float64)
    pixels = np.stack([x.ravel() + 0.5, y.ravel() + 0.5], axis=-1)[:, None] / fine - 0.5
    rays = cv2.undistortPoints(pixels, CAMERA, lens).reshape(-1, 2)
    back = np.column_stack([rays, np.ones(len(rays))]) @ np.linalg.inv(onto_px(pose)).T
    at = (back[:, :2] / back[:, 2:] * px_per_mm - 0.5).astype(np.float32)
    u, v = at.reshape(height * fine, width * fine, 2).transpose(2, 0, 1)
    seen = cv2.remap(on_plate, u, v, cv2.INTER_LINEAR, borderValue=225)
    grey = cv2.GaussianBlur(cv2.resize(seen, SIZE_WH, interpolation=cv2.INTER_AREA), (0, 0), 0.6)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)


def plate() -> np.ndarray:
    """The bars, dark on bright, 20 px a millimetre."""
    y, x = (np.mgrid[0 : 90 * 20, 0 : 120 * 20] + 0.5) / 20
    drawn = np.full(y.shape, 225, np.uint8)
    for centre_x, centre_y, length, width, angle_deg in BARS:
        cos, sin = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
        along = (x - centre_x) * cos + (y - centre_y) * sin
        across = (y - centre_y) * cos - (x - centre_x) * sin
        drawn[(np.abs(along) <= length / 2) & (np.abs(across) <= width / 2)] = 30
    return drawn


def board() -> np.ndarray:
    """A checkerboard whose first inner corner lies at 10 and 10 mm, 8 px a millimetre."""
    y, x = np.mgrid[0 : 90 * 8, 0 : 120 * 8] // (8 * int(SQUARE_MM))
    inside = (x <= CORNERS[0]) & (y <= CORNERS[1])
    return np.where(inside & ((x + y) % 2 == 0), 25, 225).astype(np.uint8)


def seen_px(x_mm: float, y_mm: float, pose: Pose, lens: np.ndarray) -> tuple[float, float]:
    ray = onto_px(pose) @ (x_mm, y_mm, 1.0)
    points = np.array([[ray / ray[2]]])
    found, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), CAMERA, lens)
    return float(found[0, 0, 0]), float(found[0, 0, 1])


def run(*arguments: object) -> str:
    result = CliRunner().invoke(group, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def write(path: Path, photo: np.ndarray) -> Path:
    path.write_bytes(encode_png(photo))
    return path


Calibrate = Callable[[Path, Path], None]


def calibrate_scale(folder: Path, out: Path) -> None:
    ends = [seen_px(x, 45, UPRIGHT, STRAIGHT) for x in (10, 110)]
    words = [f"{x:.1f},{y:.1f}" for x, y in ends]
    run(
        "calibrate", "scale", "--length-mm", 100, "--from", words[0], "--to", words[1], "--out", out
    )


def calibrate_plane(folder: Path, out: Path) -> None:
    words: list[object] = []
    for x, y in ((5, 5), (115, 5), (115, 85), (5, 85)):
        at = seen_px(x, y, ASLANT, STRAIGHT)
        words += ["--point", f"{at[0]:.1f},{at[1]:.1f},{x},{y}"]
    run("calibrate", "plane", "--size", "{}x{}".format(*SIZE_WH), *words, "--out", out)


def calibrate_lens(folder: Path, out: Path) -> None:
    poses: dict[str, Pose] = {
        "flat": ASLANT,
        "above": UPRIGHT,
        "left": ((0.0, 0.45, 0.1), (-55.0, -40.0, 150.0)),
        "right": ((0.05, -0.5, -0.1), (-45.0, -38.0, 150.0)),
        "up": ((0.5, 0.0, 0.2), (-45.0, -55.0, 150.0)),
        "corner": ((-0.3, 0.3, 0.0), (-75.0, -60.0, 160.0)),
    }
    views = [
        write(folder / f"{name}.png", photograph(board(), 8, pose, BENT))
        for name, pose in poses.items()
    ]
    size = "{}x{}".format(*CORNERS)
    words = ("--board", size, "--square-mm", SQUARE_MM, "--plane", views[0], "--out", out)
    run("calibrate", "checkerboard", *views, *words)


@pytest.mark.parametrize(
    ("calibrate", "pose", "lens"),
    [
        (calibrate_scale, UPRIGHT, STRAIGHT),
        (calibrate_plane, ASLANT, STRAIGHT),
        (calibrate_lens, ASLANT, BENT),
    ],
)
def test_millimetres_are_those_of_the_plate(
    tmp_path: Path, calibrate: Calibrate, pose: Pose, lens: np.ndarray
) -> None:
    calibrate(tmp_path, tmp_path / "camera.json")
    recipe = tmp_path / "plate.yaml"
    recipe.write_text(
        "name: plate\nmodel: classical-threshold\nclasses:\n  defect:\n    limits:\n"
        "      length_mm: {fail: 500}\n"
    )
    photo = write(tmp_path / "plate.png", photograph(plate(), 20, pose, lens, fine=2))
    words = ("--recipe", recipe, "--calibration", tmp_path / "camera.json", "--json")
    answer = json.loads(run("inspect", photo, *words))
    found = sorted(
        (finding["measurements"] for finding in answer["findings"]),
        key=lambda measured: float(measured["length"]["value"]),
    )
    assert len(found) == len(BARS)
    for measured, (_, _, length, width, _) in zip(
        found, sorted(BARS, key=lambda bar: bar[2]), strict=True
    ):
        assert measured["length"]["unit"] == "mm"
        assert measured["length"]["value"] == pytest.approx(length, rel=0.015)
        for name, true in (("mean_width", width), ("max_width", width), ("area", length * width)):
            each = measured[name]
            assert abs(each["value"] - true) <= 2 * each["uncertainty"], (name, each, true)
