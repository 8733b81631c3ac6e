"""Tiles, joins and their memory around a detector that finds dark pixels."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from inspection.detections import Detections, InstanceMask
from inspection.inference import Inference, Join, Tiling
from inspection.masks.joining import join_pieces
from inspection.model_folder import ModelFolderError, find_model, load_model_folder
from workers import engines
from workers.engines.amended import AmendedDetector
from workers.engines.detector import RgbImage
from workers.engines.tiled import TiledDetector


class DarkIsCrack:
    """Finds each connected dark region; the score is the green of the image's first pixel."""

    classes = ("crack",)

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []
        self.ahead = self.done = self.most_ahead = 0

    def detect(self, images_rgb: Sequence[RgbImage]) -> list[Detections]:
        return list(self.detect_stream(images_rgb))

    def detect_stream(self, images_rgb: Iterable[RgbImage]) -> Iterator[Detections]:
        waiting: list[RgbImage] = []
        for image in images_rgb:  # two ahead, as an engine of two streams
            waiting.append(image)
            if len(waiting) > 2:
                yield self._one(waiting.pop(0))
        for image in waiting:
            yield self._one(image)

    def close(self) -> None:
        self.sizes.clear()

    def _one(self, image: RgbImage) -> Detections:
        self.sizes.append((image.shape[1], image.shape[0]))
        count, labels = cv2.connectedComponents((image[..., 0] < 100).astype(np.uint8))
        masks = tuple(InstanceMask.from_frame(labels == place) for place in range(1, count))
        boxes = [(m.x0, m.y0, m.x0 + m.bits.shape[1], m.y0 + m.bits.shape[0]) for m in masks]
        return Detections(
            self.sizes[-1],
            np.array(boxes, dtype=np.float32).reshape(-1, 4),
            np.full(len(masks), float(image[0, 0, 1]) / 255, dtype=np.float32),
            np.zeros(len(masks), dtype=np.int64),
            masks,
        )


def cracked(size_wh: tuple[int, int], *lines: tuple[int, int, int, int]) -> RgbImage:
    image = np.full((size_wh[1], size_wh[0], 3), 200, dtype=np.uint8)
    for x0, y0, x1, y1 in lines:
        cv2.line(image, (x0, y0), (x1, y1), (40, 40, 40), 3)
    return image


def test_a_crack_across_tiles_is_what_it_is_in_the_whole_image() -> None:
    image = cracked((900, 500), (40, 30, 860, 470), (40, 60, 860, 500))
    inner = DarkIsCrack()
    (tiled,) = TiledDetector(inner, Tiling(tile_px=256, overlap_px=64)).detect([image])
    assert set(inner.sizes) == {(256, 256)}
    assert len(inner.sizes) == 5 * 3
    (whole,) = DarkIsCrack().detect([image])
    assert len(tiled) == len(whole) == 2
    for mask in whole.masks:
        frame = mask.to_frame((900, 500))
        assert any(np.array_equal(frame, other.to_frame((900, 500))) for other in tiled.masks)


def test_images_of_a_stream_keep_their_order_and_their_own_findings() -> None:
    images = [
        cracked((600, 300), (20, 20, 580, 280)),
        cracked((600, 300)),
        cracked((100, 80), (10, 10, 90, 70)),
        cracked((300, 600), (20, 20, 280, 580), (280, 20, 200, 150)),
    ]
    inner = DarkIsCrack()
    stream = TiledDetector(inner, Tiling(tile_px=256, overlap_px=32)).detect_stream(iter(images))
    assert [(found.size_wh, len(found)) for found in stream] == [
        ((600, 300), 1),
        ((600, 300), 0),
        ((100, 80), 1),
        ((300, 600), 2),
    ]
    assert (100, 80) in inner.sizes


def test_a_stream_is_not_read_further_ahead_than_its_engine_does() -> None:
    drawn = 0

    def endless() -> Iterator[RgbImage]:
        nonlocal drawn
        while True:
            drawn += 1
            yield cracked((600, 300))

    stream = TiledDetector(DarkIsCrack(), Tiling(tile_px=256, overlap_px=32)).detect_stream(
        endless()
    )
    next(stream)
    assert drawn <= 2


def test_pieces_below_the_threshold_are_not_stitched_to_those_above() -> None:
    image = cracked((450, 200), (20, 100, 430, 100))
    image[0, 0, 1] = 230  # the left tile is sure, the right one is not
    image[0, 450 - 256, 1] = 60
    tiling = Tiling(tile_px=256, overlap_px=62)
    (found,) = TiledDetector(DarkIsCrack(), tiling, np.array([0.5], np.float32)).detect([image])
    assert len(found) == 2
    assert found.scores == pytest.approx([230 / 255, 60 / 255])
    (found,) = TiledDetector(DarkIsCrack(), tiling).detect([image])
    assert len(found) == 1


def test_ends_in_line_are_joined() -> None:
    image = cracked((450, 200), (20, 100, 200, 100), (208, 100, 430, 100))
    assert len(DarkIsCrack().detect([image])[0]) == 2
    join = Join(gap_px=8)
    joined = AmendedDetector(
        DarkIsCrack(), lambda found: join_pieces(found, join, ("crack",)), "joined"
    )
    (found,) = joined.detect([image])
    assert len(found) == 1


def test_a_folder_says_how_it_is_run_and_a_recipe_may_say_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "tiled"
    shutil.copytree(find_model("classical-threshold"), path)
    manifest = json.loads((path / "model.json").read_text())
    tiling = {"tile_px": 256, "overlap_px": 64}
    manifest["inference"] = {"tiling": tiling, "join": {"gap_px": 4}}
    (path / "model.json").write_text(json.dumps(manifest))
    folder = load_model_folder(path)
    assert folder.decode_px is None
    detector = engines.load(folder)
    assert isinstance(detector, AmendedDetector)
    assert isinstance(detector.inner, TiledDetector)
    apart = folder.run_by(Inference(join=Join(gap_px=0)))
    assert isinstance(engines.load(apart), TiledDetector)
    assert apart.version == folder.version
    with pytest.raises(ModelFolderError, match=r"join names \['crack'\]"):
        folder.run_by(Inference(join=Join(gap_px=4, classes=("crack",))))
    manifest["inference"]["join"]["classes"] = ["crack"]
    (path / "model.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelFolderError, match=r"join names \['crack'\]"):
        load_model_folder(path)


def test_a_model_with_a_small_input_is_not_decoded_small_for_tiles() -> None:
    starter = load_model_folder(find_model("surface-starter"))
    assert starter.decode_px == 512
    tiled = starter.run_by(Inference(tiling=Tiling(tile_px=512, overlap_px=64)))
    assert tiled.decode_px is None


# 300 cracks across a 12 megapixel image, whose crops would take 1.3 GB of the finished findings
# alone, and as much again of those of the tiles.
_MANY = """
import os
import cv2
import numpy as np
from inspection.detections import Detections, InstanceMask
from inspection.inference import Tiling
from inspection.masks.stitching import tiles_of
from lineside.bench.figures import peak_memory_mb
from workers.engines.tiled import TiledDetector

size = 4000, 3000
tiling = Tiling(tile_px=2048, overlap_px=96)
lines = [((20 + 8 * n, 20), (1590 + 8 * n, 2900)) for n in range(300)]

class Cracks:
    classes = ("crack",)
    def detect_stream(self, tiles):
        for tile, place in zip(tiles, tiles_of(size, tiling)):
            masks = []
            for start, end in lines:
                box = place.x0, place.y0, tile.shape[1], tile.shape[0]
                inside, start, end = cv2.clipLine(box, start, end)
                if inside:
                    x0, y0 = start[0] - place.x0, start[1] - place.y0
                    bits = np.zeros((end[1] - start[1] + 1, end[0] - start[0] + 1), np.uint8)
                    cv2.line(bits, (0, 0), (end[0] - start[0], end[1] - start[1]), 1)
                    masks.append(InstanceMask(bits.view(np.bool_), x0, y0))
            boxes = [(m.x0, m.y0, m.x0 + m.bits.shape[1], m.y0 + m.bits.shape[0]) for m in masks]
            yield Detections(
                (tile.shape[1], tile.shape[0]),
                np.array(boxes, np.float32).reshape(-1, 4),
                np.full(len(masks), 0.9, np.float32),
                np.zeros(len(masks), np.int64),
                tuple(masks),
            )

image = np.zeros((size[1], size[0], 3), np.uint8)
(found,) = TiledDetector(Cracks(), tiling).detect([image])
large = sum(m.shape_hw[0] * m.shape_hw[1] for m in found.masks)
print(len(found), large, peak_memory_mb(os.getpid()))
"""


def test_three_hundred_long_cracks_in_12_megapixels_stay_below_a_gibibyte() -> None:
    # In a process of its own, since a process never forgets its peak. (`ru_maxrss` would be that of
    # the process that started it, where that one was larger.)
    ended = subprocess.run([sys.executable, "-c", _MANY], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    count, crops_bytes, peak_mb = (float(word) for word in ended.stdout.split())
    assert count == 300
    assert crops_bytes > 1 << 30  # what the masks would take as they are
    assert peak_mb * 1e6 < 1 << 30


def test_a_folder_may_say_that_a_thing_has_one_class(tmp_path: Path) -> None:
    path = tmp_path / "exclusive"
    shutil.copytree(find_model("classical-threshold"), path)
    assert not isinstance(engines.load(load_model_folder(path)), AmendedDetector)
    manifest = json.loads((path / "model.json").read_text())
    (path / "model.json").write_text(json.dumps(manifest | {"exclusive": True}))
    assert isinstance(engines.load(load_model_folder(path)), AmendedDetector)
