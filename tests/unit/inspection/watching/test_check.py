"""A drawn station whose camera is hit, defocused, dirtied or darkened, and one that is well."""

import numpy as np
import pytest

from inspection.watching.check import LEAST_IMAGES, Check, Sample, State, check
from inspection.watching.dirt import cells_of, find_dirt, pack, unpack
from inspection.watching.picture import camera_shift, picture_statistics
from tests.unit.inspection.watching.scenes import (
    SIZE_WH,
    Change,
    Scene,
    darker,
    defocused,
    dirty,
    moved,
)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


@pytest.fixture(scope="module")
def usual(scene: Scene) -> Sample:
    return scene.sample(24)


def seen(scene: Scene, usual: Sample, change: Change | None) -> Check:
    return check(usual, scene.sample(12, change))


def test_a_station_that_is_well_has_nothing_to_say(scene: Scene, usual: Sample) -> None:
    found = seen(scene, usual, None)
    assert found.state is State.OK
    assert {"focus!", "brightness!", "clipped!", "shift!", "dirt!"} <= set(found.found)


@pytest.mark.parametrize(
    ("change", "alarm"),
    [
        (moved(20), "shift"),
        (defocused(2.5), "focus"),
        (darker(0.4), "brightness"),
        (dirty(60, 200, 40), "dirt"),
    ],
)
def test_what_cannot_be_trusted_is_an_alarm_by_its_name(
    scene: Scene, usual: Sample, change: Change, alarm: str
) -> None:
    found = seen(scene, usual, change)
    assert found.self_check is State.ALARM
    assert found.alarms() == [alarm]


def test_less_of_it_is_watched_and_is_no_alarm(scene: Scene, usual: Sample) -> None:
    for change in (moved(8), defocused(1.0), darker(0.2), dirty(120, 100, 24)):
        assert seen(scene, usual, change).self_check is State.WATCH


def test_a_shift_is_measured_in_shares_of_the_picture(scene: Scene) -> None:
    for pixels in (0, 6, 20):
        found = camera_shift(scene.first, scene.take(moved(pixels)))
        assert found["shift_x"] * SIZE_WH[0] == pytest.approx(pixels, abs=0.7)
        assert found["shift_y"] * SIZE_WH[0] == pytest.approx(pixels // 2, abs=0.7)


def test_another_resolution_is_a_camera_that_has_moved(scene: Scene) -> None:
    found = camera_shift(scene.first, np.zeros((100, 100, 3), np.uint8))
    assert (found["shift_x"], found["response"]) == (1.0, 1.0)


def test_light_alone_does_not_change_the_focus(scene: Scene) -> None:
    lit, dimmed = scene.fixture, darker(0.3)(scene.fixture)
    focus = [picture_statistics(one)["focus"] for one in (lit, dimmed)]
    assert focus[1] == pytest.approx(focus[0], rel=0.05)
    soft = picture_statistics(defocused(2)(lit))["focus"]
    assert soft < 0.5 * focus[0]


def test_noise_is_measured_in_grey_values() -> None:
    flat = np.full((200, 300, 3), 128.0)
    noise = np.random.default_rng(3).normal(0, 4, (200, 300, 1))
    assert picture_statistics((flat + noise).round().astype(np.uint8))["noise"] == pytest.approx(
        4, abs=0.4
    )


@pytest.mark.parametrize("shape", [(1, 1), (2, 700), (3, 3)])
def test_odd_pictures_have_finite_figures(shape: tuple[int, int]) -> None:
    rgb = np.full((*shape, 3), 7, np.uint8)
    figures = picture_statistics(rgb) | camera_shift(rgb, rgb)
    assert all(np.isfinite(value) for value in figures.values())
    assert cells_of(rgb).shape == (2, 18, 24)


def test_what_passes_by_is_no_dirt(scene: Scene, usual: Sample) -> None:
    assert usual.cells is not None
    spot = dirty(60, 200, 40)
    taken = [scene.take(spot if number % 2 else None) for number in range(12)]
    assert find_dirt(usual.cells, np.stack([cells_of(one) for one in taken])).share == 0


def test_dirt_is_found_where_it_is(scene: Scene, usual: Sample) -> None:
    assert usual.cells is not None
    taken = [scene.take(dirty(60, 200, 40)) for _ in range(12)]
    rows, columns = np.nonzero(
        find_dirt(usual.cells, np.stack([cells_of(one) for one in taken])).cells
    )
    assert columns.mean() * SIZE_WH[0] / 24 == pytest.approx(60, abs=20)
    assert rows.mean() * SIZE_WH[1] / 18 == pytest.approx(200, abs=20)


def test_cells_survive_their_text(usual: Sample) -> None:
    assert usual.cells is not None
    assert (unpack(pack(usual.cells)) == usual.cells).all()
    with pytest.raises(ValueError, match="expected cells"):
        unpack("not base64!")


def test_too_few_pictures_say_nothing(scene: Scene, usual: Sample) -> None:
    found = check(usual, scene.sample(LEAST_IMAGES - 1, defocused(4)))
    assert found.state is State.OK
    assert not found.found
