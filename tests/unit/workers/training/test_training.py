"""A very small run from drawing to evaluation, and the pieces it is made of."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402

from inspection.datasets import DatasetError  # noqa: E402
from inspection.detections import InstanceMask  # noqa: E402
from inspection.drawing.surfaces import CLASSES  # noqa: E402
from inspection.model_folder import load_model_folder  # noqa: E402
from tests.unit.workers.training.small_runs import (  # noqa: E402
    SIDE_PX,
    no_report,
    small_options,
    small_plan,
    small_surfaces,
)
from workers import engines, labelled_images  # noqa: E402
from workers.engines.thresholds import Thresholds  # noqa: E402
from workers.evaluation import LEAST_SCORE, evaluate  # noqa: E402
from workers.networks.starting import take_over  # noqa: E402
from workers.training import checkpoint  # noqa: E402
from workers.training.augment import Augmentation, augment  # noqa: E402
from workers.training.data_sources import (  # noqa: E402
    SourceOptions,
    TrainingDataError,
    open_source,
)
from workers.training.loop import learning_share  # noqa: E402
from workers.training.network import NetworkConfig, build  # noqa: E402
from workers.training.run import run_training  # noqa: E402


def test_a_short_run_lowers_the_loss_and_what_it_writes_can_be_evaluated(tmp_path: Path) -> None:
    data = small_surfaces(tmp_path / "data")
    options = small_options(
        data, tmp_path / "small-model", "mask-rcnn-light", small_plan(10), input_px=SIDE_PX
    )
    said: list[str] = []
    run_training(options, no_report, said.append)
    log = (tmp_path / "small-model-run" / "log.jsonl").read_text().splitlines()
    totals = [line["total"] for line in map(json.loads, log) if "total" in line]
    assert len(totals) == 10
    assert np.mean(totals[-3:]) < np.mean(totals[:3])

    folder = load_model_folder(tmp_path / "small-model")
    assert folder.manifest.training is not None
    assert folder.manifest.training.steps == 10
    assert "lineside train" in (folder.path / "README.md").read_text()
    assert not list(folder.path.glob("graph-*"))
    for engine in ("openvino", "torch"):
        detector = engines.load(folder, engine=engine, least_score=LEAST_SCORE)
        report = evaluate(detector, Thresholds.of(folder, None), labelled_images.coco(data))
        assert report["images"] == 6
        assert set(report["per_class"]) == set(CLASSES)

    # Resumed with more steps, it goes on from the tenth and does not begin again.
    longer = replace(options, plan=small_plan(12), resume=True)
    run_training(longer, no_report, said.append)
    log = (tmp_path / "small-model-run" / "log.jsonl").read_text().splitlines()
    assert max(json.loads(line)["step"] for line in log) == 12
    assert len([line for line in log if "total" in line]) == 12


def test_a_checkpoint_brings_everything_back(tmp_path: Path) -> None:
    config = NetworkConfig(("a",), widths=(8, 8, 8, 8, 8), pyramid_channels=8, box_features=16)
    model, average = build(config), build(config)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    progress = checkpoint.Progress(step=7, items=56, spent_s=1.5, history=[{"step": 7}])
    checkpoint.save(
        tmp_path, progress, model, average, optimizer, {"hardness": torch.tensor([0.25, 0.5])}
    )
    fresh, other = build(config), build(config)
    again = torch.optim.AdamW(fresh.parameters(), 1e-3)
    task = {"hardness": torch.zeros(2)}
    assert checkpoint.resume(tmp_path, fresh, other, again, task) == progress
    assert task["hardness"].tolist() == [0.25, 0.5]
    for one, two in zip(model.state_dict().values(), fresh.state_dict().values(), strict=True):
        assert torch.equal(one, two)
    before, after = optimizer.state_dict()["state"], again.state_dict()["state"]
    assert before.keys() == after.keys()
    assert torch.equal(before[0]["exp_avg"], after[0]["exp_avg"])


def test_fitting_tensors_of_a_file_are_taken_over(tmp_path: Path) -> None:
    four = build(NetworkConfig(("a", "b", "c", "d")))
    contiguous = {name: value.contiguous() for name, value in four.state_dict().items()}
    save_file(contiguous, tmp_path / "four.safetensors")
    one = build(NetworkConfig(("item",)))
    line = take_over(one, tmp_path / "four.safetensors")
    taken, whole = (int(word) for word in line.split(": ")[1].split(" tensors")[0].split(" of "))
    assert 0 < whole - taken < 15
    name = "backbone.stage3.0.0.weight"
    assert torch.equal(one.state_dict()[name], four.state_dict()[name])


def test_a_class_added_after_those_of_a_starter_costs_them_nothing(tmp_path: Path) -> None:
    one, two = build(NetworkConfig(("item",))), build(NetworkConfig(("item", "hand")))
    contiguous = {name: value.contiguous() for name, value in one.state_dict().items()}
    save_file(contiguous, tmp_path / "one.safetensors")
    take_over(two, tmp_path / "one.safetensors")
    given, taken = one.state_dict(), two.state_dict()
    # Background and item: their rows of the classifier, and all they take from the fine map.
    name = "roi_heads.box_predictor.cls_score.weight"
    assert torch.equal(taken[name][:2], given[name])
    name = "roi_heads.mask_head.fuse.0.0.weight"
    assert taken[name].shape[1] == given[name].shape[1] + 1
    assert torch.equal(taken[name][:, : given[name].shape[1]], given[name])


@pytest.mark.parametrize("side", [160, 640])
def test_a_crop_has_the_scale_of_the_input_that_the_network_will_see(side: int) -> None:
    image = np.zeros((500, 1000, 3), dtype=np.uint8)
    bits = np.zeros((500, 1000), dtype=np.bool_)
    bits[240:260, 490:510] = True
    how = Augmentation(input_px=640, zoom=(1.0, 1.0))
    areas = []
    for seed in range(40):
        masks = [InstanceMask.from_frame(bits)]
        _, kept = augment(np.random.default_rng(seed), image, masks, side, how)
        areas += [int(np.count_nonzero(mask)) for _, mask in kept]
    # 20 px of 1000 in an input of 640; parts at the border of a crop are smaller.
    assert areas
    assert max(areas) == pytest.approx((20 * 0.64) ** 2, rel=0.1)


def test_augmentation_moves_image_and_mask_together() -> None:
    image = np.full((200, 300, 3), 200, dtype=np.uint8)
    image[60:140, 100:200] = 20
    bits = np.zeros((200, 300), dtype=np.bool_)
    bits[60:140, 100:200] = True
    for seed in range(20):
        view, kept = augment(
            np.random.default_rng(seed),
            image,
            [InstanceMask.from_frame(bits)],
            160,
            Augmentation(zoom=(0.8, 1.2)),
        )
        assert view.shape == (160, 160, 3)
        for _, warped in kept:
            inner = np.zeros_like(warped)
            inner[4:-4, 4:-4] = True
            assert view[warped & inner].mean() + 30 < 200


def test_upright_scenes_are_never_turned() -> None:
    image = np.zeros((128, 128, 3), dtype=np.uint8)
    image[:64] = 220
    upper = InstanceMask(np.ones((64, 128), dtype=np.bool_), 0, 0)
    for seed in range(20):
        _, kept = augment(
            np.random.default_rng(seed), image, [upper], 512, Augmentation(upright=True)
        )
        for _, warped in kept:
            # The upper half is wider than high; turned by a quarter it would stand on end.
            assert warped.any(axis=1).sum() < warped.any(axis=0).sum()


def test_the_rate_falls_from_one_to_a_hundredth() -> None:
    shares = [learning_share(done) for done in (0, 0.25, 0.5, 0.75, 1)]
    assert shares[0] == 1
    assert shares[-1] == pytest.approx(0.01)
    assert shares == sorted(shares, reverse=True)


def test_data_that_cannot_be_trained_on_say_why(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no-dataset"):
        open_source(SourceOptions(str(tmp_path)), tmp_path, 0, no_report)
    with pytest.raises(TrainingDataError, match="'walls'"):
        open_source(SourceOptions("drawn:walls", images=10), tmp_path, 0, no_report)


def test_drawn_data_are_drawn_once(tmp_path: Path) -> None:
    drawn: list[str] = []
    for _ in range(2):
        source = open_source(
            SourceOptions("drawn:shelves", images=20),
            tmp_path,
            0,
            lambda stage, done, total: drawn.append(stage),
        )
    assert drawn == ["drawing training images"] * 20 + ["drawing validation images"] * 2
    assert len(source.training) == 20
    assert source.upright
    assert source.data[0].images == 20
