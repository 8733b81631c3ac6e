import numpy as np
import pytest

from tests.unit.workers.evaluation.painted import HALVES, Painted, picture, square
from workers.evaluation import Evaluation, LabelledImage, Options, run
from workers.evaluation.comparison import compare, mcnemar
from workers.evaluation.resampling import differences, figures_of
from workers.evaluation.summary import summarise

RNG = np.random.default_rng(11)
TRUE = [
    [square(int(x), int(y)) for x, y in zip(RNG.integers(0, 50, n), (0, 15, 30), strict=False)]
    for n in RNG.integers(0, 3, 40)
]


def passed(quality: float, seed: int, images: int = 40) -> Evaluation:
    """A model that finds each square with a chance of `quality`, and seldom one too many."""
    rng = np.random.default_rng(seed)

    def one(number: int) -> LabelledImage:
        true = TRUE[number % 40]
        painted = [(0, int(rng.integers(50, 99)), m) for m in true if rng.random() < quality]
        if rng.random() < 0.2:
            painted.append((0, int(rng.integers(50, 90)), square(int(rng.integers(50)), 30)))
        return LabelledImage(
            picture(*painted), tuple(("crack", mask) for mask in true), name=str(number)
        )

    return run(Painted(), [one(number) for number in range(images)], Options(HALVES))


def test_figures_of_the_images_as_they_are_are_those_of_the_report() -> None:
    evaluation = passed(0.7, 1)
    report = summarise(evaluation)
    figures = figures_of(evaluation)(np.ones(40))
    assert figures == pytest.approx(
        {
            "mask_ap": report["mask_ap"],
            "mask_ap50": report["mask_ap50"],
            "count.mae": report["count"]["mae"],
            "pixel.f1": report["pixel"]["f1"],
            "pixel.miou": report["pixel"]["miou"],
            "image.escape_rate": report["image"]["escape_rate"],
            "image.false_call_rate": report["image"]["false_call_rate"],
        }
    )


def test_a_clear_difference_is_seen_and_none_is_not_invented() -> None:
    good, bad = passed(0.95, 1), passed(0.4, 2)
    report = compare(bad, good, resamples=300)
    for name in ("mask_ap50", "pixel.f1"):
        each = report["differences"][name]
        assert each["ci95"][0] > 0
        assert each["p"] < 0.02
    assert report["differences"]["image.escape_rate"]["ci95"][1] < 0
    assert report["verdicts"]["defective"]["only_b_right"] > 5
    same = compare(good, good, resamples=100)
    assert same["flips"] == []
    assert all(each["p"] == 1 for each in same["differences"].values())
    assert all(each["ci95"] == [0, 0] for each in same["differences"].values())


def test_the_same_seed_gives_the_same_answer() -> None:
    a, b = passed(0.6, 1), passed(0.7, 2)
    one, same, other = (compare(a, b, resamples=100, seed=seed) for seed in (1, 1, 2))
    assert one == same
    assert one["differences"] != other["differences"]


def test_flips_are_named_with_both_verdicts() -> None:
    a, b = passed(1.0, 1), passed(0.0, 1)
    report = compare(a, b, resamples=100)
    assert report["flips"]
    for flip in report["flips"]:
        assert flip["a"] != flip["b"]
        assert flip["defective"] == bool(TRUE[int(flip["image"])])


def test_other_images_are_refused() -> None:
    with pytest.raises(ValueError, match="not over the same images"):
        compare(passed(1, 1), passed(1, 1, images=39))


def test_intervals_cover_the_true_difference() -> None:
    # Two models measured on the same 60 images; b is better by 0.3, and both depend on the image.
    covered, false_alarms = 0, 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        image = rng.normal(0, 2, 60)
        a, b = image + rng.normal(0, 1, 60), image + 0.3 + rng.normal(0, 1, 60)
        found = differences(
            lambda w, a=a: {"better": float(w @ a / 60), "same": float(w @ a / 60)},
            lambda w, b=b: {"better": float(w @ b / 60), "same": float(w @ (b - 0.3) / 60)},
            60,
            resamples=200,
            seed=seed,
        )
        covered += found["better"].low <= 0.3 <= found["better"].high
        false_alarms += found["same"].p < 0.05
    # 200 sets: a standard deviation of 1.5 points around 95 % and around 5 %.
    assert covered / 200 > 0.9
    assert false_alarms / 200 < 0.1


def test_what_a_resample_cannot_tell_is_left_out() -> None:
    def figures(weights: np.ndarray) -> dict[str, float]:
        return {"rate": 0.5 if weights[0] else float("nan")}

    (each,) = differences(figures, figures, 10, resamples=400).values()
    # Image 0 is not drawn in (1 - 1/10)^10 = 35 % of the resamples.
    assert 0.55 < each.resamples / 400 < 0.75
    assert (each.low, each.high, each.p) == (0, 0, 1)


def test_mcnemar_is_a_sign_test_on_what_only_one_judged_rightly() -> None:
    assert mcnemar(0, 0)["p"] == 1
    assert mcnemar(1, 9)["p"] == pytest.approx(2 * 11 / 1024)
