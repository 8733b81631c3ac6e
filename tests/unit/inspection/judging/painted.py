"""What a judge is given in tests: bars as findings, and a recipe for them."""

import numpy as np

from inspection.detections import Detections, InstanceMask
from inspection.judge import judge
from inspection.judgement import JudgedFinding, Judgement, Measurement
from inspection.recipe import Recipe

SIZE_WH = (600, 400)
CLASSES = ("crack", "scratch", "pit", "item")


def bar(x: int, y: int, width: int, height: int) -> InstanceMask:
    return InstanceMask(np.ones((height, width), bool), x, y)


def detected(*found: tuple[str, float, InstanceMask]) -> Detections:
    boxes = [
        (mask.x0, mask.y0, mask.x0 + mask.bits.shape[1], mask.y0 + mask.bits.shape[0])
        for _, _, mask in found
    ]
    return Detections(
        size_wh=SIZE_WH,
        boxes_xyxy=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.array([score for _, score, _ in found], np.float32),
        class_ids=np.array([CLASSES.index(name) for name, _, _ in found], np.int64),
        masks=tuple(mask for _, _, mask in found),
    )


def recipe(**fields: object) -> Recipe:
    return Recipe.model_validate({"name": "test", "model": "any", **fields})


def judged(detections: Detections, mm_per_px: float | None = None, **fields: object) -> Judgement:
    return judge(detections, CLASSES, recipe(**fields), mm_per_px)


def named(finding: JudgedFinding, name: str) -> Measurement:
    (measurement,) = [each for each in finding.measurements if each.name == name]
    return measurement
