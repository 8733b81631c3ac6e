"""Every figure of a pass, by hand, on images of a few squares."""

import tracemalloc
import weakref
from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from inspection.detections import Detections, InstanceMask
from inspection.recipe import Recipe
from tests.unit.workers.evaluation.painted import (
    CLASSES,
    HALVES,
    HEIGHT,
    WIDTH,
    Painted,
    detections_of,
    picture,
    square,
)
from workers.engines.detector import EngineImage
from workers.evaluation import Evaluation, LabelledImage, Options, UnfitError, run
from workers.evaluation.running import GivesProbabilities
from workers.evaluation.summary import summarise

LEFT, MIDDLE, RIGHT = square(0), square(20), square(40)
PIXELS = WIDTH * HEIGHT


def labelled(
    image: np.ndarray, *instances: tuple[str, InstanceMask], **more: object
) -> LabelledImage:
    return LabelledImage(image, tuple(instances), **more)  # type: ignore[arg-type]


def measured(images: list[LabelledImage], **options: object) -> tuple[Evaluation, dict]:
    done = run(Painted(), images, Options(HALVES, **options))  # type: ignore[arg-type]
    return done, summarise(done)


def mixed() -> list[LabelledImage]:
    """A right one, a missed one, one taken for the other class, a false call, a clean pass."""
    return [
        labelled(picture((0, 90, LEFT)), ("crack", LEFT)),
        labelled(picture((0, 40, LEFT)), ("crack", LEFT)),
        labelled(picture((0, 80, RIGHT)), ("pit", RIGHT)),
        labelled(picture((1, 70, MIDDLE))),
        labelled(picture()),
    ]


def test_instances_counts_and_confusion() -> None:
    _, report = measured(mixed())
    assert report["instances"]["confusion"] == [[1, 0, 1], [1, 0, 0], [0, 1, 0]]
    assert report["instances"]["precision"] == pytest.approx(1 / 3)
    assert report["instances"]["recall"] == pytest.approx(1 / 3)
    # Found minus true: 0, -1, 0, +1, 0.
    assert report["count"] == pytest.approx({"mae": 0.4, "rmse": 0.4**0.5, "bias": 0})
    assert report["per_class"]["pit"]["count_mae"] == pytest.approx(0.4)
    assert report["per_class"]["pit"]["count_rmse"] == pytest.approx(0.4**0.5)
    assert report["per_class"]["crack"]["instances"] == 2


def test_pixels_of_classes_and_of_the_union_differ() -> None:
    _, report = measured(mixed())
    pixel = report["pixel"]
    # Any class: 200 px right (the pit taken for a crack is one), 100 wrong, 100 missed.
    assert (pixel["precision"], pixel["recall"]) == pytest.approx((2 / 3, 2 / 3))
    assert pixel["iou"] == pytest.approx(0.5)
    assert pixel["accuracy"] == pytest.approx(1 - 200 / (5 * PIXELS))
    # Crack: 100 right, 100 wrong, 100 missed; pit: none right.
    assert report["per_class"]["crack"]["iou"] == pytest.approx(1 / 3)
    assert report["per_class"]["pit"]["iou"] == 0
    assert pixel["miou"] == pytest.approx(1 / 6)
    assert pixel["dice"] == pytest.approx(0.25)
    # At 0.40 the missed crack is found: 300 right, 100 wrong.
    assert (pixel["best_f1"], pixel["best_threshold"]) == pytest.approx((6 / 7, 0.4))
    assert (pixel["best_precision"], pixel["best_recall"]) == pytest.approx((0.75, 1))
    assert pixel["best_iou"] == pytest.approx(0.75)
    background = (5 * PIXELS - 400) / (5 * PIXELS - 300)
    assert pixel["best_miou_with_background"] == pytest.approx((0.75 + background) / 2)


def test_escapes_and_false_calls_are_of_images() -> None:
    _, report = measured(mixed())
    image = report["image"]
    assert (image["escapes"], image["defective"], image["escape_rate"]) == (1, 3, 1 / 3)
    assert (image["false_calls"], image["clean"], image["false_call_rate"]) == (1, 2, 0.5)
    assert image["escape_ci95"] == pytest.approx([0.0084, 0.9057], abs=1e-4)
    assert report["pixel"]["clean_images_with_findings"] == 1


def test_the_threshold_that_lets_one_in_twenty_pass() -> None:
    bad = [labelled(picture((0, 30 + n, LEFT)), ("crack", LEFT)) for n in range(20)]
    good = [labelled(picture((0, score, LEFT))) for score in (20, 29, 31, 60)]
    _, report = measured([*bad, *good])
    # From 0.32 on two of the twenty (0.30 and 0.31) pass.
    assert report["image"]["at_5_percent_escapes"] == pytest.approx(
        {"threshold": 0.31, "escape_rate": 0.05, "false_call_rate": 0.5}
    )
    assert measured(bad)[1]["image"]["at_5_percent_escapes"] is None


@pytest.mark.parametrize(("fail_on", "escapes"), [("warn", 0), ("fail", 1)])
def test_a_recipe_gives_the_verdicts(fail_on: str, escapes: int) -> None:
    recipe = Recipe.model_validate(
        {
            "name": "squares",
            "model": "painted",
            "classes": {"crack": {"limits": {"area_px": {"warn": 50, "fail": 200}}}},
        }
    )
    images = [
        labelled(picture((0, 90, LEFT)), ("crack", LEFT)),  # 100 px: warn
        labelled(picture((0, 90, square(0, 0, 20))), ("crack", square(0, 0, 20))),  # 400 px: fail
        labelled(picture((1, 90, LEFT))),  # a class that the recipe does not name
    ]
    _, report = measured(images, recipe=recipe, fail_on=fail_on)
    assert report["image"]["escapes"] == escapes
    assert report["image"]["false_calls"] == 0
    defective = report["image"]["verdicts"]["defective"]
    assert (defective["warn"], defective["fail"]) == (1, 1)


def test_a_recipe_in_mm_needs_a_scale() -> None:
    recipe = Recipe.model_validate(
        {
            "name": "squares",
            "model": "painted",
            "classes": {"crack": {"limits": {"length_mm": {"fail": 2}}}},
        }
    )
    with pytest.raises(UnfitError, match="mm per px"):
        measured(mixed(), recipe=recipe)
    _, report = measured(mixed(), recipe=recipe, mm_per_px=0.1)
    assert report["image"]["not_inspected"] == 0
    assert report["detection"]["unit"] == "mm"


def test_areas_without_instances_are_compared_by_class_or_as_a_union() -> None:
    images = [
        LabelledImage(picture((0, 90, LEFT)), None, group="crack", areas=(("crack", LEFT),)),
        LabelledImage(picture((0, 90, LEFT)), None, group="pit", areas=(("pit", LEFT),)),
        LabelledImage(picture((1, 90, RIGHT)), None),
    ]
    _, by_class = measured(images, by_class=True)
    assert by_class["compared"] == "by class"
    # Crack: 100 right, 100 wrong. Pit: none right, and 100 false in the clean image.
    assert by_class["per_class"]["crack"]["iou"] == pytest.approx(0.5)
    assert by_class["per_class"]["pit"]["iou"] == 0
    assert by_class["pixel"]["miou"] == pytest.approx(0.25)
    _, union = measured(images, by_class=False)
    assert union["compared"] == "union"
    assert union["pixel"]["miou"] == 1
    assert union["mask_ap"] is None
    assert union["count"] is None
    assert union["image"]["false_calls"] == 1


def test_what_is_left_out_counts_neither_way() -> None:
    crowd = (("", MIDDLE),)
    image = picture((0, 90, LEFT), (0, 80, MIDDLE))
    _, with_crowd = measured([labelled(image, ("crack", LEFT), left_out=crowd)])
    _, without = measured([labelled(image, ("crack", LEFT))])
    assert with_crowd["pixel"]["precision"] == 1
    assert with_crowd["instances"]["precision"] == 1
    assert without["pixel"]["precision"] == 0.5
    assert without["instances"]["precision"] == 0.5
    assert with_crowd["reliability"]["findings"][8:] == [0, 1]
    assert without["reliability"]["findings"][8:] == [1, 1]
    assert with_crowd["pixel"]["accuracy"] == 1


def test_defects_are_hit_from_a_fifth_of_their_area_on() -> None:
    long = InstanceMask(np.ones((2, 50), dtype=np.bool_), 0, 0)
    fifth = InstanceMask(np.ones((2, 10), dtype=np.bool_), 0, 0)
    less = InstanceMask(np.ones((2, 9), dtype=np.bool_), 0, 0)
    done, _ = measured(
        [labelled(picture((0, 90, part)), ("crack", long)) for part in (fifth, less)]
    )
    hits = [each.defects.tolist() for each in done.results]
    assert hits == [[[50.0, 1.0]], [[50.0, 0.0]]]


def test_sizes_are_those_of_coco() -> None:
    large = InstanceMask(np.ones((40, 40), dtype=np.bool_), 0, 0)
    _, report = measured(
        [
            labelled(picture((0, 90, LEFT)), ("crack", LEFT)),
            labelled(picture((0, 90, square(0, 0, 20))), ("crack", large)),
        ]
    )
    assert report["per_size"]["small"]["mask_ap"] == pytest.approx(1)
    assert report["per_size"]["medium"]["mask_ap"] == 0
    assert report["per_size"]["large"]["mask_ap"] is None
    assert report["per_size"]["medium"]["instances"] == 1


class Probable(Painted):
    """A semantic engine: what is painted is a probability, half of it a finding."""

    def probabilities_stream(self, images_rgb: Iterable[EngineImage]) -> Iterator[np.ndarray]:
        for image in images_rgb:
            assert isinstance(image, np.ndarray)
            yield image[..., :2].transpose(2, 0, 1).astype(np.float32) / 100

    def findings(self, probabilities: np.ndarray) -> Detections:
        masks = [
            (i, InstanceMask.from_frame(plane >= 0.5)) for i, plane in enumerate(probabilities)
        ]
        return detections_of([(i, 0.9, mask) for i, mask in masks if mask.bits.any()])


def test_a_semantic_engine_is_swept_by_the_probability_of_pixels() -> None:
    assert isinstance(Probable(), GivesProbabilities)
    assert not isinstance(Painted(), GivesProbabilities)
    image = picture((0, 60, LEFT), (0, 30, MIDDLE), (1, 20, RIGHT))
    both = InstanceMask.from_frame(LEFT.to_frame((60, 40)) | MIDDLE.to_frame((60, 40)))
    done = run(Probable(), [labelled(image, ("crack", both))], Options(HALVES))
    pixel = summarise(done)["pixel"]
    assert pixel["recall"] == 0.5
    # From 0.21 to 0.30 both squares are in and the third is not.
    assert (pixel["best_f1"], pixel["best_threshold"]) == pytest.approx((1, 0.3))


@pytest.mark.parametrize("detector", [Painted(), Probable()])
def test_images_are_let_go_and_little_is_kept_of_each(detector: Painted) -> None:
    alive: list[weakref.ref[np.ndarray]] = []
    most = 0

    def images(count: int) -> Iterator[LabelledImage]:
        nonlocal most
        for _ in range(count):
            image = picture((0, 90, LEFT), (1, 70, RIGHT))
            alive.append(weakref.ref(image))
            most = max(most, sum(each() is not None for each in alive))
            yield LabelledImage(image, (("crack", LEFT), ("pit", MIDDLE)), name="x")

    run(detector, images(5), Options(HALVES))  # what is made once is made
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    done = run(detector, images(50), Options(HALVES))
    kept = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert len(done.results) == 50
    assert most <= 3
    # 10 000 images of two findings and two instances: under 150 MB.
    assert kept / 50 < 15_000


def test_the_classes_of_a_report_are_those_asked_for() -> None:
    done = run(Painted(), mixed(), Options(HALVES, classes=("pit",)))
    report = summarise(done)
    assert report["classes"] == ["pit"]
    assert report["image"]["defective"] == 1
    with pytest.raises(UnfitError, match=r"no class \['dent'\]"):
        run(Painted(), [], Options(HALVES, classes=("dent",)))
    assert CLASSES == ("crack", "pit")
