"""Detectron2's Mask R-CNN without Detectron2: what it gives was recorded from Detectron2 itself."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import Tensor  # noqa: E402

from tests.unit.workers.networks.aligned_drawn import (  # noqa: E402
    CLASSES,
    GOLDEN,
    KEPT,
    TINY,
    draw_images,
    draw_weights,
    tiny_values,
)
from workers import engines  # noqa: E402
from workers.networks.aligned_config import AlignedConfig  # noqa: E402
from workers.networks.aligned_heads import pool  # noqa: E402
from workers.networks.aligned_maskrcnn import AlignedMaskRcnn, build_aligned  # noqa: E402
from workers.networks.aligned_proposals import Proposals, apply_deltas, cell_anchors  # noqa: E402
from workers.networks.detectron2_config import to_aligned  # noqa: E402
from workers.networks.detectron2_import import import_detectron2  # noqa: E402
from workers.training.export import fold_batch_norms  # noqa: E402


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def drawn_network() -> AlignedMaskRcnn:
    network = build_aligned(to_aligned(tiny_values(), CLASSES)).eval()
    draw_weights(network)
    return network


def assert_golden(found: list[dict[str, Tensor]]) -> None:
    for one, known in zip(found, json.loads(GOLDEN.read_text()), strict=True):
        assert one["labels"].tolist() == known["labels"]
        np.testing.assert_allclose(one["boxes"], known["boxes"], atol=0.01)
        np.testing.assert_allclose(one["scores"], known["scores"], atol=2e-4)
        masks = one["masks"][:, 0, KEPT, KEPT].flatten(1)
        np.testing.assert_allclose(masks, known["masks"], atol=1e-3)


@torch.inference_mode()
def test_boxes_scores_and_masks_are_those_that_detectron2_gave() -> None:
    network = drawn_network()
    assert_golden(network(draw_images()))
    # What engines do to it first changes nothing.
    assert_golden(fold_batch_norms(network)(draw_images()))


@torch.inference_mode()
def test_an_image_alone_gives_what_it_gives_among_others() -> None:
    network, image = drawn_network(), draw_images()[0]
    (alone,), together = network([image]), network([image, image.flip(2), image])
    for place in (0, 2):
        for name, value in alone.items():
            torch.testing.assert_close(together[place][name], value, atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    "change", ["box_aligned", "mask_aligned", "anchor_offset", "stride_in_1x1"]
)
def test_the_golden_file_would_tell_another_network(change: str) -> None:
    config = to_aligned(tiny_values(), CLASSES)
    other = 0.5 if change == "anchor_offset" else not getattr(config, change)
    network = build_aligned(replace(config, **{change: other})).eval()
    draw_weights(network)
    with torch.inference_mode(), pytest.raises(AssertionError):
        assert_golden(network(draw_images()))


def test_anchors_are_neither_rounded_nor_moved() -> None:
    # Area 32 × 32 at height / width 0.5: 45.25 wide and 22.63 high; torchvision has 46 × 22.
    (x0, y0, x1, y1), square = cell_anchors((32,), (0.5, 1.0)).tolist()
    assert (x1 - x0, y1 - y0) == pytest.approx((32 * math.sqrt(2), 32 / math.sqrt(2)))
    assert square == [-16, -16, 16, 16]
    maps = Proposals(AlignedConfig(("a",), pyramid_channels=8, anchor_offset=0.5))
    grid = maps._anchors(1, torch.zeros(1, 8, 2, 3))
    # Three anchors a cell of 8 px, whose centres are half a cell inside it.
    assert grid.shape == (2 * 3 * 3, 4)
    centres = (grid[:, :2] + grid[:, 2:]) / 2
    expected = [[4, 4], [12, 4], [20, 4], [4, 12], [12, 12], [20, 12]]
    torch.testing.assert_close(centres[::3], torch.tensor(expected).float())


def test_aligned_pooling_reads_where_the_box_is() -> None:
    # A map of stride 4 whose values are the image's x of each cell's centre.
    ramp = (4 * torch.arange(32.0) + 2).expand(1, 1, 32, 32)
    maps = [ramp, *(torch.zeros(1, 1, 32 >> n, 32 >> n) for n in (1, 2, 3))]
    box = [torch.tensor([[24.0, 16.0, 80.0, 72.0]])]
    (row,) = pool(maps, box, 7, 2, True)[0, 0, :1].tolist()
    assert row == pytest.approx([28 + 8 * cell for cell in range(7)])
    # Without it, what is read lies half a cell of the map to the right.
    (row,) = pool(maps, box, 7, 2, False)[0, 0, :1].tolist()
    assert row == pytest.approx([30 + 8 * cell for cell in range(7)])


def test_a_box_is_read_from_the_level_of_its_size() -> None:
    maps = [torch.full((1, 1, 64 >> n, 64 >> n), float(n)) for n in range(4)]
    sides = torch.tensor([20.0, 111.0, 112.0, 223.0, 225.0, 450.0, 2000.0])
    boxes = torch.stack([torch.zeros(7), torch.zeros(7), sides, sides], dim=1)
    levels = pool(maps, [boxes[:3], boxes[3:]], 1, 1, True)
    # Of 224 px is level 4, and the images' boxes stay in their order (here all of one value).
    assert levels[:3, 0, 0, 0].tolist() == [0, 0, 1]


def test_deltas_move_and_scale_boxes_and_growth_is_bounded() -> None:
    boxes = torch.tensor([[10.0, 20.0, 30.0, 60.0]])
    deltas = torch.tensor([[[1.0, -0.5, 5 * math.log(2), 0.0], [0.0, 0.0, 500.0, 0.0]]])
    moved, grown = apply_deltas(deltas, boxes, (10.0, 10.0, 5.0, 5.0))[0].tolist()
    # Centre (20, 40) by a tenth of 20 px and minus a twentieth of 40; twice as wide.
    assert moved == pytest.approx([2, 18, 42, 58])
    assert grown[2] - grown[0] == pytest.approx(20 * 62.5)


def test_a_checkpoint_becomes_a_folder_that_openvino_and_torch_run_alike(tmp_path: Path) -> None:
    network = drawn_network()
    state = {"model": network.state_dict(), "optimizer": {"state": {}}, "iteration": 3}
    torch.save(state, tmp_path / "model_final.pth")
    folder = import_detectron2(
        str(TINY),
        tmp_path / "model_final.pth",
        CLASSES,
        tmp_path / "tiny",
        input_px=128,
        say=lambda line: None,
    )
    assert sorted(folder.manifest.files) == ["detectron2.yaml", "graph.onnx", "weights.safetensors"]
    square = draw_images()[2]
    image = square.permute(1, 2, 0).to(torch.uint8).numpy()
    with torch.inference_mode():
        (expected,) = network([square])
    for engine in ("torch", "openvino"):
        detector = engines.load(folder, engine=engine, threads=1, least_score=0.05)
        (found,) = detector.detect([image])
        detector.close()
        # One whose mask reaches a half nowhere between two cells is no finding.
        places = np.abs(expected["scores"].numpy()[None] - found.scores[:, None]).argmin(axis=1)
        assert len(set(places)) == len(found.scores) >= 6
        np.testing.assert_allclose(found.scores, expected["scores"][places], atol=1e-4)
        np.testing.assert_allclose(found.boxes_xyxy, expected["boxes"][places], atol=0.02)
        assert (found.class_ids + 1).tolist() == expected["labels"][places].tolist()
