"""What needs Detectron2 itself: that ours equals it, and that it trains in our loop."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from inspection.model_folder import ModelFolder  # noqa: E402
from tests.unit.workers.networks.aligned_drawn import (  # noqa: E402
    CLASSES,
    GOLDEN,
    TINY,
    as_numbers,
    draw_images,
    draw_weights,
    tiny_values,
)
from tests.unit.workers.training.small_runs import (  # noqa: E402
    SIDE_PX,
    no_report,
    small_options,
    small_plan,
    small_surfaces,
)
from workers import engines  # noqa: E402
from workers.networks.aligned_maskrcnn import build_aligned  # noqa: E402
from workers.networks.catalogue import find_network  # noqa: E402
from workers.networks.detectron2_config import read_config, to_aligned, with_keys  # noqa: E402
from workers.networks.detectron2_keys import ONLY, READ  # noqa: E402
from workers.networks.detectron2_network import build_detectron2  # noqa: E402
from workers.networks.detectron2_starting import create_detectron2  # noqa: E402
from workers.networks.errors import NetworkError  # noqa: E402
from workers.training.run import run_training  # noqa: E402

pytestmark = [
    pytest.mark.detectron2,
    pytest.mark.skipif(
        importlib.util.find_spec("detectron2") is None,
        reason="Detectron2, which is optional, is not installed (docs/training.md says how)",
    ),
]
ENTRY = f"detectron2:{TINY}"


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


VARIANTS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "r18": {"MODEL__RESNETS__DEPTH": 18, "MODEL__RESNETS__RES2_OUT_CHANNELS": 64},
    "r101, rgb": {
        "MODEL__RESNETS__DEPTH": 101,
        "INPUT__FORMAT": "RGB",
        "MODEL__PIXEL_STD": [57.0, 58.0, 59.0],
    },
    "x50, stride in 3x3": {
        "MODEL__RESNETS__STRIDE_IN_1X1": False,
        "MODEL__RESNETS__NUM_GROUPS": 2,
    },
    "group norm": {
        "MODEL__RESNETS__NORM": "BN",
        "MODEL__FPN__NORM": "GN",
        "MODEL__FPN__OUT_CHANNELS": 32,
        "MODEL__ROI_BOX_HEAD__NUM_CONV": 2,
        "MODEL__ROI_BOX_HEAD__NUM_FC": 1,
        "MODEL__ROI_BOX_HEAD__CONV_DIM": 32,
        "MODEL__ROI_BOX_HEAD__NORM": "GN",
        "MODEL__ROI_MASK_HEAD__NORM": "GN",
        "MODEL__ROI_MASK_HEAD__CONV_DIM": 32,
    },
    "agnostic": {
        "MODEL__FPN__FUSE_TYPE": "avg",
        "MODEL__ROI_BOX_HEAD__CLS_AGNOSTIC_BBOX_REG": True,
        "MODEL__ROI_MASK_HEAD__CLS_AGNOSTIC_MASK": True,
    },
    "proposals": {
        "MODEL__ANCHOR_GENERATOR__OFFSET": 0.5,
        "MODEL__PROPOSAL_GENERATOR__MIN_SIZE": 9,
        "MODEL__RPN__CONV_DIMS": [16, -1],
        "MODEL__RPN__BBOX_REG_WEIGHTS": "(2.0, 2.0, 1.0, 1.0)",
    },
    "not aligned": {
        "MODEL__ROI_BOX_HEAD__POOLER_TYPE": "ROIAlign",
        "MODEL__ROI_BOX_HEAD__POOLER_SAMPLING_RATIO": 2,
        "MODEL__ROI_MASK_HEAD__POOLER_TYPE": "ROIAlign",
    },
}


def assert_equal(values: dict[str, Any], images: list[torch.Tensor], found: int) -> None:
    theirs = build_detectron2(values, len(CLASSES)).eval()
    draw_weights(theirs.body)
    ours = build_aligned(to_aligned(theirs.values, CLASSES)).eval()
    ours.load_state_dict(theirs.body.state_dict())
    # The file as it was given means the same as Detectron2's whole configuration.
    assert to_aligned(values, CLASSES) == to_aligned(theirs.values, CLASSES)
    with torch.inference_mode():
        for expected, own in zip(theirs(images), ours(images), strict=True):
            assert len(expected["scores"]) == found
            assert torch.equal(own["labels"], expected["labels"])
            for name in ("boxes", "scores", "masks"):
                torch.testing.assert_close(own[name], expected[name], atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_our_network_gives_what_detectron2_gives(variant: str) -> None:
    assert_equal(with_keys(tiny_values(), **VARIANTS[variant]), draw_images(), 8)


def test_so_it_does_for_the_unreduced_r50() -> None:
    entry = find_network("detectron2:COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x.yaml")
    assert entry.config is not None
    assert_equal(read_config(entry.config), draw_images()[:1], 100)


@torch.inference_mode()
def test_the_golden_file_is_what_detectron2_gives() -> None:
    network = build_detectron2(tiny_values(), len(CLASSES)).eval()
    draw_weights(network.body)
    for found, known in zip(network(draw_images()), json.loads(GOLDEN.read_text()), strict=True):
        given = as_numbers(found)
        assert given["labels"] == known["labels"]
        for name, tolerance in (("boxes", 0.01), ("scores", 2e-4), ("masks", 1e-3)):
            np.testing.assert_allclose(given[name], known[name], atol=tolerance)


def test_defaults_are_detectron2s_own() -> None:
    from detectron2.config import get_cfg

    def of(key: str) -> Any:
        value = get_cfg()
        for part in key.split("."):
            value = value[part]
        return json.loads(json.dumps(value))

    for key, (_, default) in READ.items():
        assert of(key) == json.loads(json.dumps(default)), key
    for key, (default, _, _) in ONLY.items():
        assert of(key) == json.loads(json.dumps(default)), key


def test_detectron2s_own_configurations_are_taken_or_refused_by_key() -> None:
    entry = find_network("detectron2:COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x.yaml")
    assert entry.config is not None
    shape = to_aligned(read_config(entry.config), CLASSES)
    assert (shape.depth, shape.norm, shape.before_nms, shape.box_side) == (50, "FrozenBN", 1000, 7)
    for name, key in (
        ("COCO-InstanceSegmentation/mask_rcnn_R_50_C4_3x", "MODEL.BACKBONE.NAME"),
        ("Misc/cascade_mask_rcnn_R_50_FPN_3x", "MODEL.ROI_HEADS.NAME"),
        ("Misc/mask_rcnn_R_50_FPN_3x_dconv_c3-c5", "MODEL.RESNETS.DEFORM_ON_PER_STAGE"),
        ("COCO-PanopticSegmentation/panoptic_fpn_R_50_3x", "MODEL.META_ARCHITECTURE"),
    ):
        with pytest.raises(NetworkError, match=key):
            find_network(f"detectron2:{name}.yaml")


def test_what_a_network_begins_with_is_said(tmp_path: Path) -> None:
    entry = find_network(ENTRY)
    fresh = create_detectron2(entry, ("a", "b"), "none")
    assert fresh.line == (
        "starting from fresh weights, with batch norms that learn and no stage frozen"
    )
    assert fresh.config["norm"] == "BN"
    three = build_detectron2(tiny_values(), 3).body.state_dict()
    torch.save({"model": three}, tmp_path / "three.pth")
    begun = create_detectron2(entry, ("a", "b"), str(tmp_path / "three.pth"))
    assert begun.line.endswith("tensors fit, those of the classes begin anew")
    assert begun.config["norm"] == "FrozenBN"
    own = begun.network.state_dict()
    assert torch.equal(
        own["body.backbone.fpn_output2.weight"], three["backbone.fpn_output2.weight"]
    )
    # The configuration names no weights that could be fetched.
    named = create_detectron2(entry, ("a", "b"), "imagenet")
    assert "names no ImageNet weights" in named.line
    assert "starting from fresh weights" in named.line


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    """Ten steps on six drawn images, through Detectron2."""
    place = tmp_path_factory.mktemp("detectron2")
    options = small_options(
        small_surfaces(place / "data"),
        place / "mine",
        ENTRY,
        small_plan(10, peak_rate=2e-3, validate_every=1.0),
        input_px=SIDE_PX,
    )
    folder = run_training(options, no_report, lambda line: None)
    assert folder is not None
    return folder


def test_a_run_lowers_the_loss_and_leaves_weights_and_configuration(trained: ModelFolder) -> None:
    log = (trained.path.with_name("mine-run") / "log.jsonl").read_text().splitlines()
    totals = [line["total"] for line in map(json.loads, log) if "total" in line]
    assert np.mean(totals[-3:]) < np.mean(totals[:3])
    assert {"loss_cls", "loss_box_reg", "loss_mask", "loss_rpn_cls"} <= set(json.loads(log[0]))
    assert sorted(trained.manifest.files) == [
        "detectron2.yaml",
        "graph.onnx",
        "weights.safetensors",
    ]
    assert not list(trained.path.glob("*.p*"))


def test_every_engine_finds_the_same_in_a_trained_folder(trained: ModelFolder) -> None:
    image = draw_images()[0].permute(1, 2, 0).to(torch.uint8).numpy()
    found = {}
    for engine in ("detectron2", "torch", "openvino"):
        detector = engines.load(trained, engine=engine, threads=1, least_score=0.0)
        (found[engine],) = detector.detect([image])
        detector.close()
    for engine in ("torch", "openvino"):
        # At few steps scores lie close together: what is at the end of the list may change.
        assert abs(len(found[engine].scores) - len(found["detectron2"].scores)) <= 1
        np.testing.assert_allclose(
            found[engine].scores[:4], found["detectron2"].scores[:4], atol=1e-3
        )
