"""Average precision against pycocotools itself, on sets made to be awkward."""

import contextlib
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from inspection import rle
from inspection.detections import Detections, InstanceMask
from workers.evaluation.matching import SIZES, Truth, match_image
from workers.evaluation.precision import average_precision, precision_at_recalls, rank

SIZE_WH = (160, 140)
CLASSES = 3
Instance = tuple[int, InstanceMask]
Image = tuple[Detections, list[Instance], list[Instance]]


def rectangle(rng: np.random.Generator) -> InstanceMask:
    width, height = (int(side) for side in rng.integers(4, 120, 2))
    x0, y0 = int(rng.integers(0, 160 - width)), int(rng.integers(0, 140 - height))
    return InstanceMask(np.ones((height, width), dtype=np.bool_), x0, y0)


def moved(mask: InstanceMask, rng: np.random.Generator) -> InstanceMask:
    height, width = mask.bits.shape
    x0 = int(np.clip(mask.x0 + rng.integers(-6, 7), 0, 160 - width))
    y0 = int(np.clip(mask.y0 + rng.integers(-6, 7), 0, 140 - height))
    return InstanceMask(mask.bits, x0, y0)


def detections(found: list[Instance], scores: np.ndarray) -> Detections:
    boxes = [(m.x0, m.y0, m.x0 + m.bits.shape[1], m.y0 + m.bits.shape[0]) for _, m in found]
    return Detections(
        SIZE_WH,
        np.array(boxes, dtype=np.float32).reshape(-1, 4),
        scores.astype(np.float32),
        np.array([index for index, _ in found], dtype=np.int64),
        tuple(mask for _, mask in found),
    )


def image(rng: np.random.Generator, ties: bool) -> Image:
    """Up to 8 instances; each found 0 to 2 times, a little off, some in a wrong class; noise."""
    true = [(int(rng.integers(CLASSES)), rectangle(rng)) for _ in range(rng.integers(0, 8))]
    crowd = [(int(rng.integers(CLASSES)), rectangle(rng)) for _ in range(rng.integers(0, 2))]
    found = [
        (index if rng.random() < 0.8 else int(rng.integers(CLASSES)), moved(mask, rng))
        for index, mask in [*true, *crowd]
        for _ in range(rng.integers(0, 3))
    ]
    found += [(int(rng.integers(CLASSES)), rectangle(rng)) for _ in range(rng.integers(0, 5))]
    scores = rng.random(len(found))
    return detections(found, np.round(scores, 1) if ties else scores), true, crowd


def coco_precision(images: list[Image], kind: str, most: int) -> np.ndarray:
    """COCO's table: (IoU levels, recalls, classes, sizes)."""
    annotations, results = [], []
    for number, (found, true, crowd) in enumerate(images, start=1):
        for place, (index, mask) in enumerate([*true, *crowd]):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": index + 1,
                    "area": mask.area_px,
                    "iscrowd": int(place >= len(true)),
                    "bbox": [mask.x0, mask.y0, mask.bits.shape[1], mask.bits.shape[0]],
                    "segmentation": rle.encode(mask, SIZE_WH),
                }
            )
        for place, mask in enumerate(found.masks):
            one = {
                "image_id": number,
                "category_id": int(found.class_ids[place]) + 1,
                "score": float(found.scores[place]),
            }
            box = [mask.x0, mask.y0, mask.bits.shape[1], mask.bits.shape[0]]
            own = {"segmentation": rle.encode(mask, SIZE_WH)} if kind == "segm" else {"bbox": box}
            results.append(one | own)
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [{"id": n + 1, "width": 160, "height": 140} for n in range(len(images))],
            "annotations": annotations,
            "categories": [{"id": n + 1, "name": str(n)} for n in range(CLASSES)],
        }
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(results), kind)
        evaluation.params.maxDets = [most]
        evaluation.evaluate()
        evaluation.accumulate()
    return np.asarray(evaluation.eval["precision"][..., 0])


def matches(images: list[Image], most: int = 100) -> tuple[list, list]:
    pairs = [match_image(found, Truth.of(true, crowd), most) for found, true, crowd in images]
    return [masks for masks, _ in pairs], [boxes for _, boxes in pairs]


@pytest.mark.parametrize("most", [100, 3])
@pytest.mark.parametrize("ties", [False, True])
def test_precision_is_that_of_pycocotools_to_the_last_digit(most: int, ties: bool) -> None:
    rng = np.random.default_rng(7)
    images = [image(rng, ties) for _ in range(25)]
    for kind, own in zip(("segm", "bbox"), matches(images, most), strict=True):
        expected = coco_precision(images, kind, most)
        for index in range(CLASSES):
            for place, size in enumerate(SIZES):
                table = precision_at_recalls(rank(own, index, size))
                if table is None:
                    assert (expected[:, :, index, place] == -1).all()
                else:
                    assert np.abs(table - expected[:, :, index, place]).max() < 1e-12


def test_an_image_of_weight_two_counts_as_if_it_were_there_twice() -> None:
    rng = np.random.default_rng(3)
    images = [image(rng, ties=False) for _ in range(20)]
    times = rng.multinomial(20, np.full(20, 0.05))
    assert times.max() > 1
    assert times.min() == 0
    resampled = [images[place] for place in np.repeat(np.arange(20), times)]
    expected = coco_precision(resampled, "segm", 100)
    own, _ = matches(images)
    for index in range(CLASSES):
        table = precision_at_recalls(rank(own, index), times.astype(float))
        assert table is not None
        assert np.abs(table - expected[:, :, index, 0]).max() < 1e-12


def test_a_perfect_answer_is_one_and_a_shifted_one_is_less() -> None:
    rng = np.random.default_rng(1)
    true = [(n % CLASSES, rectangle(rng)) for n in range(6)]
    perfect = detections(true, np.linspace(0.9, 0.4, 6))
    shifted = detections([(n, moved(mask, rng)) for n, mask in true], np.linspace(0.9, 0.4, 6))
    values = []
    for found in (perfect, shifted):
        own, _ = matches([(found, true, [])])
        values.append(average_precision([rank(own, index) for index in range(CLASSES)]))
    assert values[0].ap == pytest.approx(1)
    assert values[1].ap is not None
    assert values[1].ap < 0.95


def test_without_any_instance_there_is_no_precision() -> None:
    own, _ = matches([(Detections.empty(SIZE_WH), [], [])])
    assert average_precision([rank(own, 0)]).ap is None
