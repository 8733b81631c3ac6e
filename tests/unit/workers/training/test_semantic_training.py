"""Semantic networks: what they are shown, how they are scored, and small runs from end to end."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402

from inspection.datasets import open_dataset  # noqa: E402
from inspection.detections import InstanceMask  # noqa: E402
from inspection.model_folder import ModelFolder  # noqa: E402
from tests.unit.workers.training.small_runs import (  # noqa: E402
    no_report,
    small_options,
    small_plan,
)
from workers import engines  # noqa: E402
from workers.training.data_sources import (  # noqa: E402
    SourceOptions,
    TrainingDataError,
    class_names,
    hold_out,
    tell_apart,
)
from workers.training.memory import memory_line  # noqa: E402
from workers.training.pasting import paste_instances, paste_planes  # noqa: E402
from workers.training.pixel_curve import PixelCurve  # noqa: E402
from workers.training.run import TrainingOptions, run_training  # noqa: E402
from workers.training.semantic_sampling import Sampler, ViewPlan  # noqa: E402
from workers.training.semantic_task import pixel_losses  # noqa: E402
from workers.training.semantic_thresholds import Regions, strictest  # noqa: E402
from workers.training.semantic_views import ViewRange, class_planes, view  # noqa: E402


def stained(rng: np.random.Generator, size_wh: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A grainy light surface with a dark stain, and where the stain is."""
    width, height = size_wh
    surface = np.clip(rng.normal(180, 12, (height, width, 3)), 0, 255).astype(np.uint8)
    mask = np.zeros((height, width), dtype=np.uint8)
    centre = (int(rng.integers(20, width - 20)), int(rng.integers(20, height - 20)))
    axes = (int(rng.integers(6, 16)), int(rng.integers(6, 16)))
    cv2.ellipse(mask, centre, axes, float(rng.uniform(0, 180)), 0, 360, 255, -1)
    surface[mask > 0] //= 3
    return surface, mask


@pytest.fixture(scope="module")
def stains(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stains")
    for part in ("images", "masks"):
        (folder / part).mkdir()
    for number in range(8):
        picture, mask = stained(np.random.default_rng(number), (96, 80))
        cv2.imwrite(str(folder / "images" / f"{number}.png"), picture)
        cv2.imwrite(str(folder / "masks" / f"{number}.png"), mask)
    return folder


def options(data: Path, out: Path, steps: int, **more: object) -> TrainingOptions:
    plan = small_plan(steps, crop_px=64, crop_batch=4, peak_rate=4e-3, chunk_steps=4)
    source = SourceOptions(str(data), instances=False)
    return small_options(data, out, "fpn", plan, source=source, encoder="light", **more)


def test_a_short_run_learns_and_both_engines_find_the_same(stains: Path, tmp_path: Path) -> None:
    said: list[str] = []
    given = options(stains, tmp_path / "stains", 30)
    folder = run_training(given, no_report, said.append)
    assert folder is not None
    log = (tmp_path / "stains-run" / "log.jsonl").read_text().splitlines()
    totals = [line["total"] for line in map(json.loads, log) if "total" in line]
    assert np.mean(totals[-5:]) < 0.7 * np.mean(totals[:5])
    assert any(line.startswith("will need about") for line in said)

    manifest = folder.manifest
    assert manifest.task == "semantic-segmentation"
    assert manifest.input_px is None
    assert manifest.metrics["validation"]["pixel"]["f1"] > 0.5
    assert manifest.metrics["validation"]["per_class"]["defect"]["f1"] > 0.5
    assert "fpn" in (folder.path / "README.md").read_text()
    assert "<svg" in (tmp_path / "stains-run" / "report.html").read_text()
    assert not list(folder.path.glob("graph-*"))
    agree(folder)


def agree(folder: ModelFolder) -> None:
    """Both engines give the same findings, of an image whose sides no stride divides."""
    picture = stained(np.random.default_rng(5), (131, 117))[0]
    openvino, same = (
        engines.load(folder, engine=name, threads=1) for name in ("openvino", "torch")
    )
    (one,), (other,) = openvino.detect([picture]), same.detect([picture])
    assert len(one) == len(other) > 0
    assert one.scores == pytest.approx(other.scores, abs=0.02)
    assert one.boxes_xyxy == pytest.approx(other.boxes_xyxy, abs=2)
    streamed = list(openvino.detect_stream([picture] * 3))
    assert [len(found) for found in streamed] == [len(one)] * 3


def test_a_resumed_run_ends_with_the_weights_of_one_that_was_not_interrupted(
    stains: Path, tmp_path: Path
) -> None:
    class Interrupted(Exception):
        pass

    reported: list[int] = []

    def interrupt(stage: str, done: int, total: int) -> None:
        if stage == "training":
            reported.append(done)
        if len(reported) == 6:
            raise Interrupted

    whole = options(stains, tmp_path / "whole", 8)
    run_training(whole, no_report, lambda _: None)
    halved = options(stains, tmp_path / "halved", 8)
    with pytest.raises(Interrupted):
        run_training(halved, interrupt, lambda _: None)
    # Stopped in the sixth step, it goes on from the fourth, where a chunk ended.
    run_training(replace(halved, resume=True), no_report, lambda _: None)
    one, other = (
        load_file(tmp_path / f"{name}-run" / "checkpoint.safetensors")
        for name in ("whole", "halved")
    )
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


def test_two_processes_train_as_one(stains: Path, tmp_path: Path) -> None:
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"),
        *("--master-port", "0", "--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0"),
        *("-m", "lineside", "train", "--data", str(stains), "--network", "segnet"),
        *("--encoder", "light", "--steps", "2", "--crop", "64", "--batch", "2", "--no-int8"),
        *("--threads", "1", "--loaders", "0", "--out", str(tmp_path / "pair")),
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=250)
    assert ended.returncode == 0, ended.stderr[-3000:]
    # One of them speaks and writes; both have seen their share of the images.
    assert ended.stdout.count("pair ") == 1
    manifest = json.loads((tmp_path / "pair" / "model.json").read_text())
    assert manifest["training"]["images_seen"] == 2 * 2 * 2


def test_a_view_shows_its_focus_and_moves_image_and_classes_together() -> None:
    image = np.full((300, 400, 3), 200, dtype=np.uint8)
    image[200:204, 300:304] = 0
    mask = InstanceMask(np.ones((4, 4), dtype=np.bool_), 300, 200)
    planes = class_planes([(1, mask)], 2, (400, 300))
    shown = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        picture, classes = view(rng, image, planes, 64, ViewRange(), (302.0, 202.0))
        assert picture.shape == (64, 64, 3)
        assert classes.shape == (2, 64, 64)
        assert not classes[0].any()
        shown += bool(classes[1].any())
        if classes[1].sum() > 8:
            assert picture[classes[1] > 0].mean() < picture[classes[1] == 0].mean() - 50
    assert shown >= 29


def test_classes_are_drawn_in_turn_and_hard_images_more_often(stains: Path) -> None:
    files = list(open_dataset(stains).files)
    empty = [replace(file, annotations=()) for file in files]
    sampler = Sampler([*files, *empty], 1)
    rng = np.random.default_rng(0)
    plans = sampler.draw(rng, 400, 0.25)
    focused = [plan for plan in plans if plan.focus >= 0]
    assert 0.5 < len(focused) / 400 < 0.7
    assert all(plan.image < len(files) and plan.focus == 0 for plan in focused)
    # Unfocused views show images without a defect too.
    assert any(plan.image >= len(files) for plan in plans)
    pasted = [plan for plan in plans if plan.pasted >= 0]
    assert 0.15 < len(pasted) / 400 < 0.35
    sampler.hardness.zero_()
    sampler.hardness[9] = 1.0
    unfocused = [plan.image for plan in sampler.draw(rng, 400, 0.0) if plan.focus < 0]
    assert unfocused.count(9) > 3 * max(unfocused.count(other) for other in (8, 10, 11))
    before = sampler.hardness.clone()
    sampler.note(torch.tensor([-1, 9]), torch.tensor([1.0, 0.0]))
    assert torch.equal(before[:9], sampler.hardness[:9])
    assert sampler.hardness[9] == pytest.approx(0.7)
    assert ViewPlan(0, -1).pasted == -1


def test_what_is_pasted_takes_its_label_along_and_hides_what_lay_there() -> None:
    light, dark = (np.full((40, 40, 3), level, dtype=np.uint8) for level in (220, 120))
    dark[10:20, 10:30] = 20
    bits = np.zeros((40, 40), dtype=np.bool_)
    bits[10:20, 10:30] = True
    hidden = np.zeros((40, 40), dtype=np.bool_)
    hidden[12:18, 12:28] = True
    picture, classes = paste_planes(
        light, np.stack([hidden, ~hidden & False]).astype(np.uint8), dark,
        np.stack([~bits & False, bits]).astype(np.uint8),
    )  # fmt: skip
    assert not classes[0].any()
    assert np.array_equal(classes[1] > 0, bits)
    # 100 darker than its surroundings there, 100 darker than its surroundings here.
    assert picture[14, 20].tolist() == pytest.approx([120] * 3, abs=3)
    assert picture[35, 35].tolist() == [220] * 3
    _, instances = paste_instances(light, [(0, hidden)], dark, [(1, bits)])
    assert [(index, int(mask.sum())) for index, mask in instances] == [(1, 200)]


def test_the_best_threshold_is_found_without_keeping_pixels() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random((2, 50, 50)) < 0.1
    truth[1] = False
    probabilities = np.where(truth, 0.62, 0.35).astype(np.float32)
    probabilities[:, :5] = 0.62
    curve = PixelCurve(2)
    curve.add(probabilities, truth)
    level, f1, iou = curve.best(0)
    assert 0.35 < level <= 0.62
    found = probabilities[0] >= level
    both = np.count_nonzero(found & truth[0])
    assert f1 == pytest.approx(2 * both / (found.sum() + truth[0].sum()))
    assert iou == pytest.approx(both / np.count_nonzero(found | truth[0]))
    assert (curve.occurs(0), curve.occurs(1)) == (True, False)
    assert curve.best(1) == (0.5, 0.0, 0.0)
    with pytest.raises(ValueError, match="truth"):
        curve.add(probabilities, truth[:1])


def test_the_loss_is_least_where_every_pixel_is_right() -> None:
    truth = torch.zeros(1, 2, 16, 16)
    truth[:, 0, 4:8, 4:8] = 1
    sure = (truth * 2 - 1) * 8
    blind = torch.full_like(truth, -8.0)
    right, missed = (
        sum(float(v) for v in pixel_losses(logits, truth).values()) for logits in (sure, blind)
    )
    assert right < 0.01
    # A class of one pixel in 32 weighs as much as one that fills the image.
    assert pixel_losses(blind, truth)["dice"] > 0.9
    assert missed > 1


def test_validation_is_by_group_and_by_the_sets_own_word(stains: Path) -> None:
    dataset = open_dataset(stains)
    training, validation = hold_out(dataset, None, 0, no_report)
    assert len(training) + len(validation) == len(dataset.files)
    assert validation
    assert not {file.path for file in training} & {file.path for file in validation}
    assert hold_out(dataset, None, 0, no_report) == (training, validation)
    groups = tuple(replace(file, group=str(place // 2)) for place, file in enumerate(dataset.files))
    training, validation = hold_out(
        replace(dataset, files=groups, instances=True), None, 0, no_report
    )
    assert not {file.group for file in training} & {file.group for file in validation}
    with pytest.raises(TrainingDataError, match="no-group"):
        hold_out(dataset, "sequence-([0-9]+)", 0, no_report)
    parts = tuple(
        replace(file, part=part)
        for file, part in zip(
            dataset.files, ["train"] * 5 + ["valid", "valid", "test"], strict=True
        )
    )
    training, validation = hold_out(replace(dataset, files=parts), None, 0, no_report)
    assert (len(training), len(validation)) == (5, 2)


def test_regions_of_a_mask_become_instances_and_names_fit_recipes(stains: Path) -> None:
    file = open_dataset(stains).files[0]
    assert len(tell_apart(file).annotations) >= len(file.annotations)
    assert class_names(["MT_Blowhole", "Pitting 2"]) == ("mt_blowhole", "pitting-2")
    with pytest.raises(TrainingDataError, match="rename"):
        class_names(["Crack", "crack"])


def test_too_little_memory_is_said_beforehand() -> None:
    assert memory_line(3_000_000_000, 8_000_000_000) == (
        "will need about 3.0 GB of memory; 8.0 GB are free"
    )
    assert "too little" in memory_line(9_000_000_000, 8_000_000_000)


def test_thresholds_are_strict_where_that_costs_nothing_and_lets_nothing_escape() -> None:
    regions = Regions()
    plane, truth = np.zeros((64, 64), dtype=np.float32), np.zeros((64, 64), dtype=np.bool_)
    truth[10:40, 10:40] = True
    plane[10:40, 10:40] = 0.9
    # Beside a large defect that is found, a speck that is none.
    plane[50, 50] = 0.6
    regions.add(plane, 0.5, truth)
    threshold = strictest(regions, 0.5)
    assert (threshold.mask, threshold.area_px) == (0.5, 128)
    assert 0.85 <= threshold.score <= 0.9
    # A small defect is all there is in another image: it costs next to no F1 and must stay.
    plane, truth = np.zeros((64, 64), dtype=np.float32), np.zeros((64, 64), dtype=np.bool_)
    plane[5:7, 5:10], truth[5:7, 5:10] = 0.7, True
    whole = np.ones((64, 64), dtype=np.bool_)
    for _ in range(40):
        regions.add(whole * np.float32(0.9), 0.5, whole)
    regions.add(plane, 0.5, truth)
    threshold = strictest(regions, 0.5)
    assert threshold.area_px <= 10
    assert threshold.score <= 0.7
