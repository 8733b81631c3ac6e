"""Whether labels give a thing one class."""

from pathlib import Path

import numpy as np
import pytest

from inspection.datasets import Annotation, LabelledFile
from inspection.detections import InstanceMask
from inspection.rle import encode

pytest.importorskip("torch")

from workers.training.instance_task import one_class_a_thing

SIZE_WH = (80, 60)


def labelled(*things: tuple[int, int]) -> LabelledFile:
    """Bars of 4×30 px: class and x."""
    annotations = tuple(
        Annotation(index, encode(InstanceMask(np.ones((4, 30), dtype=np.bool_), x0, 8), SIZE_WH))
        for index, x0 in things
    )
    return LabelledFile(Path("image.png"), SIZE_WH, annotations)


@pytest.mark.parametrize(
    ("things", "one"),
    [
        ([(0, 5), (1, 40)], True),
        ([(0, 5), (1, 25)], True),  # they touch
        ([(0, 5), (0, 6)], True),  # of one class
        ([(0, 5), (1, 6)], False),
    ],
)
def test_a_thing_that_is_labelled_twice_is_seen(things: list[tuple[int, int]], one: bool) -> None:
    assert one_class_a_thing([labelled(), labelled((0, 5)), labelled(*things)]) is one
