import numpy as np
import pytest

from inspection.drawing.products import SHAPES, draw_product
from inspection.drawing.shelves import ShelfScene, draw_shelf


def test_a_scene_is_fixed_by_its_seed() -> None:
    one, same = ShelfScene.from_seed(4), ShelfScene.from_seed(4)
    assert one.positions == same.positions
    assert one.positions != ShelfScene.from_seed(5).positions
    assert len({position.name for position in one.positions}) == len(one.positions)


@pytest.mark.parametrize("size_wh", [(640, 480), (1280, 720)])
def test_regions_lie_in_the_image_and_do_not_overlap(size_wh: tuple[int, int]) -> None:
    for seed in range(12):
        scene = ShelfScene.from_seed(seed, size_wh)
        assert scene.positions
        for position in scene.positions:
            x0, y0, x1, y1 = position.region_xyxy
            assert 0 <= x0 < x1 <= size_wh[0]
            assert 0 <= y0 < y1 <= size_wh[1]
        for a in scene.positions:
            for b in scene.positions:
                if a.name < b.name and a.name[0] == b.name[0]:
                    assert a.region_xyxy[2] <= b.region_xyxy[0] or (
                        b.region_xyxy[2] <= a.region_xyxy[0]
                    )


def test_as_many_items_stand_in_a_region_as_are_present() -> None:
    scene = ShelfScene.from_seed(3)
    place = max(scene.positions, key=lambda position: position.facings)
    for count in range(place.facings + 1):
        drawn = scene.render({place.name: count}, np.random.default_rng(count))
        assert len(drawn.instances) == count
        x0, y0, x1, y1 = place.region_xyxy
        for _, mask in drawn.instances:
            height, width = mask.bits.shape
            assert x0 <= mask.x0 + width / 2 <= x1
            assert y0 <= mask.y0 + height / 2 <= y1


def test_taking_an_item_away_changes_its_place_and_nothing_far_from_it() -> None:
    scene = ShelfScene.from_seed(3)
    place = scene.positions[0]
    full = scene.render(scene.full(), np.random.default_rng(0)).image_rgb.astype(int)
    gap = scene.render(scene.full() | {place.name: 0}, np.random.default_rng(0))
    change = np.abs(full - gap.image_rgb.astype(int)).mean(axis=2)
    x0, y0, x1, y1 = (int(v) for v in place.region_xyxy)
    assert change[y0:y1, x0:x1].mean() > 10
    assert change[int(y1) + 60 :].mean() < 15


def test_an_occluder_hides_items() -> None:
    scene = ShelfScene.from_seed(3)
    open_view = scene.render(scene.full(), np.random.default_rng(1))
    hidden = [
        scene.render(scene.full(), np.random.default_rng(seed), occluder=True) for seed in range(6)
    ]
    areas = [sum(mask.area_px for _, mask in drawn.instances) for drawn in hidden]
    assert min(areas) < sum(mask.area_px for _, mask in open_view.instances)


def test_what_cannot_stand_there_is_refused() -> None:
    scene = ShelfScene.from_seed(3)
    place = scene.positions[0]
    with pytest.raises(KeyError, match="Z9"):
        scene.render({"Z9": 1}, np.random.default_rng(0))
    with pytest.raises(ValueError, match=f"{place.name} takes 0 to {place.facings}"):
        scene.render({place.name: place.facings + 1}, np.random.default_rng(0))


@pytest.mark.parametrize("shape", SHAPES)
def test_every_product_fills_its_picture(shape: str) -> None:
    sprite = draw_product(np.random.default_rng(0), 120, shape)
    assert sprite.outline.shape[0] == 120
    assert sprite.outline.max() == 1
    assert 0.4 < (sprite.outline > 0.5).mean() <= 1
    assert (sprite.outline[sprite.opacity > 0] > 0).all()


def test_random_shelves_vary() -> None:
    counts = [len(draw_shelf(np.random.default_rng(seed)).instances) for seed in range(25)]
    assert min(counts) < 8
    assert max(counts) > 20
