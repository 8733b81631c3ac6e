"""F1 of what two models found."""

import numpy as np
import pytest

from inspection.detections import InstanceMask
from inspection.finding_agreement import FoundThing, agreement
from inspection.rle import encode


def thing(x0: int, name: str = "crack", *, size_wh: tuple[int, int] = (100, 50)) -> FoundThing:
    """Ten by ten pixels at a place."""
    mask = InstanceMask(np.ones((10, 10), np.bool_), x0, 5)
    return FoundThing(name, dict(encode(mask, size_wh)))


def test_the_same_findings_agree_and_others_do_not() -> None:
    assert agreement([], []) == 1
    assert agreement([thing(0)], []) == agreement([], [thing(0)]) == 0
    assert agreement([thing(0), thing(40)], [thing(40), thing(0)]) == 1
    assert agreement([thing(0)], [thing(60)]) == 0


def test_half_of_what_is_common_is_needed_and_the_class_is() -> None:
    # 7 of 13 columns in common are 0.54, 6 of 14 are 0.43.
    assert agreement([thing(0)], [thing(3)]) == 1
    assert agreement([thing(0)], [thing(4)]) == 0
    assert agreement([thing(0)], [thing(0, "pit")]) == 0


def test_each_counts_once() -> None:
    assert agreement([thing(0)], [thing(0), thing(1)]) == pytest.approx(2 / 3, abs=1e-4)
    assert agreement([thing(0), thing(40), thing(80)], [thing(0)]) == 0.5


def test_pictures_of_two_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="one size"):
        agreement([thing(0)], [thing(0, size_wh=(200, 50))])
