import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from inspection import rle
from inspection.drawing.crack import Path as Centreline
from inspection.drawing.crack import rasterise
from inspection.drawing.dataset import write_coco
from inspection.drawing.surfaces import CLASSES, draw_surface
from inspection.drawing.textures import TEXTURES
from inspection.measure import measure_mask


def test_a_seed_fixes_the_image_and_its_truth() -> None:
    one, same, other = (draw_surface(np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert np.array_equal(one.image_rgb, same.image_rgb)
    assert [name for name, _ in one.instances] == [name for name, _ in same.instances]
    assert not np.array_equal(one.image_rgb, other.image_rgb)


@pytest.mark.parametrize("size_wh", [(640, 480), (480, 640), (1280, 720)])
def test_any_size_with_the_defects_asked_for(size_wh: tuple[int, int]) -> None:
    drawn = draw_surface(np.random.default_rng(1), size_wh, ["crack", "stain"])
    assert drawn.image_rgb.shape == (size_wh[1], size_wh[0], 3)
    assert drawn.image_rgb.dtype == np.uint8
    assert sorted(name for name, _ in drawn.instances) == ["crack", "stain"]
    for _, mask in drawn.instances:
        mask.check_inside(size_wh)


@pytest.mark.parametrize("texture", TEXTURES)
def test_every_texture_draws_a_good_surface(texture: str) -> None:
    drawn = draw_surface(np.random.default_rng(2), (256, 256), [], texture)
    assert drawn.instances == ()
    assert 10 < drawn.image_rgb.mean() < 250


def test_cracks_have_the_size_that_the_documentation_says() -> None:
    widths, lengths = [], []
    for seed in range(30):
        drawn = draw_surface(np.random.default_rng(seed), (512, 512), ["crack"])
        for _, mask in drawn.instances:
            measured = measure_mask(mask.bits)
            widths.append(measured.mean_width_px)
            lengths.append(measured.length_px)
    assert len(widths) >= 25
    assert min(widths) > 1.5
    assert max(widths) < 13
    assert max(lengths) < 450
    assert np.ptp(lengths) > 150


def test_a_drawn_line_has_its_width_and_length() -> None:
    points = np.array([[20.0, 30.0], [220.0, 30.0]])
    coverage = rasterise([Centreline(points, np.array([6.0, 6.0]))], (256, 64))
    # Polygons own the sub-pixels on their edge: a third of a pixel at most, half on each side.
    across = coverage[:, 60:180].sum(axis=0)
    assert np.all((across >= 6) & (across <= 6.4))
    along = coverage[30].sum()
    assert along == pytest.approx(206, abs=1)


def test_a_crack_is_darker_than_what_surrounds_it() -> None:
    for seed in range(8):
        drawn = draw_surface(np.random.default_rng(seed), (512, 512), ["crack"], "concrete")
        for _, mask in drawn.instances:
            inside = mask.to_frame((512, 512)).astype(np.uint8)
            ring = cv2.dilate(inside, np.ones((15, 15))) - cv2.dilate(inside, np.ones((5, 5)))
            grey = drawn.image_rgb.mean(axis=2)
            assert grey[inside > 0].mean() < 0.95 * grey[ring > 0].mean()


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\['dent'\]"):
        draw_surface(np.random.default_rng(0), defects=["dent"])
    with pytest.raises(ValueError, match="'wood'"):
        draw_surface(np.random.default_rng(0), texture="wood")


def test_a_data_set_holds_what_was_drawn(tmp_path: Path) -> None:
    def draw(rng: np.random.Generator) -> object:
        return draw_surface(rng, (128, 96), ["pit", "crack"])

    seen: list[int] = []
    path = write_coco(tmp_path, draw, CLASSES, 3, 7, masks=True, progress=seen.append)  # type: ignore[arg-type]
    document = json.loads(path.read_text())
    assert seen == [1, 2, 3]
    assert [category["name"] for category in document["categories"]] == list(CLASSES)
    for image in document["images"]:
        pixels = cv2.imread(str(tmp_path / image["file_name"]))
        assert pixels.shape == (image["height"], image["width"], 3) == (96, 128, 3)
        union = np.zeros((96, 128), dtype=np.bool_)
        for annotation in document["annotations"]:
            if annotation["image_id"] == image["id"]:
                union |= rle.decode(annotation["segmentation"])
        stem = Path(image["file_name"]).stem
        mask = cv2.imread(str(tmp_path / "masks" / f"{stem}.png"), cv2.IMREAD_GRAYSCALE)
        assert np.array_equal(mask > 0, union)
        assert set(np.unique(mask)) <= {0, 255}
