"""Three hundred items in one picture are counted: no cap of the network bites in tiles."""

import numpy as np
import pytest

from inspection.drawing.dense_shelves import draw_dense_shelf
from inspection.inference import Inference, Tiling
from inspection.model_folder import find_model, load_model_folder
from workers import engines

pytest.importorskip("openvino")


def test_three_hundred_items_are_counted_in_tiles() -> None:
    drawn = draw_dense_shelf(np.random.default_rng(3))
    truth = len(drawn.instances)
    folder = load_model_folder(find_model("shelf-starter"))
    # At once, the graph gives sixty at most.
    tiled = folder.run_by(Inference(tiling=Tiling(tile_px=400, overlap_px=120)))
    detector = engines.load(tiled)
    (found,) = detector.detect([drawn.image_rgb])
    detector.close()
    assert abs(len(found) - truth) <= 0.1 * truth, f"{len(found)} of {truth}"
