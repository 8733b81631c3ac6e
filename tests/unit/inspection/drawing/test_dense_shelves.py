"""Dense shelves: what is drawn can be counted, and the same seed draws the same."""

import numpy as np

from inspection.drawing.dense_shelves import SIZE_WH, draw_dense_shelf


def test_three_hundred_items_are_drawn_and_can_be_seen() -> None:
    drawn, same = (draw_dense_shelf(np.random.default_rng(3)) for _ in range(2))
    assert drawn.size_wh == SIZE_WH
    assert 300 <= len(drawn.instances) <= 335
    assert np.array_equal(drawn.image_rgb, same.image_rgb)
    # Side by side, hardly any hides another.
    areas = [mask.area_px for _, mask in drawn.instances]
    assert min(areas) > 300
