"""Configurations and checkpoints that are given: read without running anything, or refused."""

import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402

from lineside.cli import group  # noqa: E402
from tests.unit.workers.networks.aligned_drawn import CLASSES, TINY, tiny_values  # noqa: E402
from workers.networks.aligned_config import AlignedConfig  # noqa: E402
from workers.networks.aligned_maskrcnn import build_aligned  # noqa: E402
from workers.networks.catalogue import find_network  # noqa: E402
from workers.networks.detectron2_config import (  # noqa: E402
    find_config,
    read_config,
    to_aligned,
    to_yaml,
    with_keys,
)
from workers.networks.detectron2_weights import read_checkpoint  # noqa: E402
from workers.networks.errors import NetworkError  # noqa: E402


class Trap:
    """Runs when it is unpickled, and leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


@pytest.fixture
def without_detectron2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "detectron2", None)


def checkpoint(folder: Path) -> Path:
    network = build_aligned(to_aligned(tiny_values(), CLASSES))
    save_file(network.state_dict(), folder / "tiny.safetensors")
    return folder / "tiny.safetensors"


def import_command(*arguments: object) -> Any:
    given = ["models", "import-detectron2", *map(str, arguments)]
    return CliRunner().invoke(group, given)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("MODEL.BACKBONE.NAME", "build_resnet_backbone"),
        ("MODEL.ROI_HEADS.NAME", "CascadeROIHeads"),
        ("MODEL.ROI_HEADS.NAME", "Res5ROIHeads"),
        ("MODEL.RESNETS.RES5_DILATION", 2),
        ("MODEL.RESNETS.DEFORM_ON_PER_STAGE", [False, True, True, True]),
        ("MODEL.RESNETS.DEPTH", 26),
        ("MODEL.PROPOSAL_GENERATOR.NAME", "RRPN"),
        ("MODEL.ANCHOR_GENERATOR.NAME", "RotatedAnchorGenerator"),
        ("MODEL.ANCHOR_GENERATOR.SIZES", [[32], [64]]),
        ("MODEL.ROI_BOX_HEAD.POOLER_TYPE", "ROIPool"),
        ("MODEL.ROI_MASK_HEAD.NAME", "PointRendMaskHead"),
        ("MODEL.KEYPOINT_ON", True),
        ("MODEL.MASK_ON", False),
        ("MODEL.META_ARCHITECTURE", "PanopticFPN"),
        ("MODEL.DENSEPOSE_ON", True),
        ("VERSION", 1),
    ],
)
def test_what_is_not_supported_is_named_by_its_key_and_value(
    tmp_path: Path, key: str, value: Any
) -> None:
    path = tmp_path / "other.yaml"
    path.write_text(to_yaml(with_keys(tiny_values(), **{key.replace(".", "__"): value})))
    with pytest.raises(NetworkError) as refused:
        read_config(path)
    message = str(refused.value)
    assert key in message
    assert str(path) in message
    assert "supported" in message


def test_a_configuration_stands_on_its_base_and_on_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(TINY.read_text())
    path = tmp_path / "more" / "mine.yaml"
    path.parent.mkdir()
    # A tuple is text to yaml.
    path.write_text(
        "_BASE_: ../base.yaml\nMODEL:\n  RESNETS: {DEPTH: 101}\n"
        "  RPN: {BBOX_REG_WEIGHTS: '(2.0, 2.0, 1.0, 1.0)'}\n"
    )
    shape = to_aligned(read_config(path), ("a",))
    assert (shape.depth, shape.stem_channels) == (101, 8)
    assert shape.rpn_weights == (2.0, 2.0, 1.0, 1.0)
    assert (shape.box_nms_iou, shape.least_score, shape.box_aligned) == (0.5, 0.05, True)
    assert AlignedConfig.from_json(yaml.safe_load(yaml.safe_dump(shape.to_json()))) == shape


def test_a_configuration_runs_nothing(tmp_path: Path) -> None:
    path, left = tmp_path / "evil.yaml", tmp_path / "left"
    path.write_text(f"MODEL: !!python/object/apply:os.system ['touch {left}']\n")
    with pytest.raises(NetworkError, match="no Detectron2 configuration: could not determine"):
        read_config(path)
    assert not left.exists()
    with pytest.raises(NetworkError, match="LazyConfig, which is a program"):
        find_config("new_baselines/mask_rcnn_R_50_FPN_100ep_LSJ.py")
    with pytest.raises(NetworkError, match="no such Detectron2 configuration"):
        find_config("mask_rcnn_R_5000.yaml")
    (tmp_path / "round.yaml").write_text("_BASE_: round.yaml\n")
    with pytest.raises(NetworkError, match="more than 20 files"):
        read_config(tmp_path / "round.yaml")


@pytest.mark.parametrize("ending", [".pth", ".pkl"])
def test_a_checkpoint_runs_nothing(tmp_path: Path, ending: str) -> None:
    left, path = tmp_path / "left", tmp_path / f"evil{ending}"
    content = {"model": {"a": Trap(left)}, "__author__": "nobody"}
    if ending == ".pth":
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content))
    with pytest.raises(NetworkError, match="holds more than tensors") as refused:
        read_checkpoint(path)
    assert not left.exists()
    assert "weights_only" not in str(refused.value)
    # The trap does close where it is trusted.
    pickle.loads(pickle.dumps(Trap(left)))
    assert left.exists()


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_pickle_of_the_model_zoo_is_arrays_by_name(tmp_path: Path, protocol: int) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    content = {"model": {"x.weight": array, "pixel_mean": array}, "__author__": "somebody"}
    (tmp_path / "zoo.pkl").write_bytes(pickle.dumps(content, protocol=protocol))
    read = read_checkpoint(tmp_path / "zoo.pkl")
    assert list(read.tensors) == ["x.weight"]
    assert torch.equal(read.tensors["x.weight"], torch.from_numpy(array))
    assert not read.matched
    # A backbone of Caffe2 has no author, and names that Detectron2 must match.
    (tmp_path / "R-50.pkl").write_bytes(pickle.dumps({"blobs": {"conv1_w": array}}, protocol=2))
    assert read_checkpoint(tmp_path / "R-50.pkl").matched


def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path) -> None:
    for name, content in (
        ("a.pth", b"text"),
        ("b.pkl", b""),
        ("c.safetensors", b"x"),
        ("d.h5", b""),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(NetworkError, match=name):
            read_checkpoint(tmp_path / name)
    with pytest.raises(FileNotFoundError, match=r"\.safetensors, \.pth, \.pkl"):
        read_checkpoint(tmp_path / "none.pth")


def test_without_detectron2_training_says_what_to_install(without_detectron2: None) -> None:
    with pytest.raises(
        NetworkError, match="needs Detectron2, which is not installed here"
    ) as error:
        find_network("detectron2:COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x.yaml")
    assert "docs/training.md" in str(error.value)
    given = ["train", "--data", "drawn:surfaces", "--network", f"detectron2:{TINY}", "--out", "x"]
    result = CliRunner().invoke(group, given)
    assert result.exit_code == 2
    assert "import-detectron2" in result.output


def test_the_wrong_number_of_classes_is_refused(tmp_path: Path, without_detectron2: None) -> None:
    result = import_command(
        TINY, checkpoint(tmp_path), "--classes", "crack,pit", "--out", tmp_path / "m"
    )
    assert result.exit_code == 2
    assert "has 3 classes; --classes names 2: crack, pit" in result.output
    assert not (tmp_path / "m").exists()


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    weights = checkpoint(tmp_path)
    for key, value, said in (
        ("MODEL__RESNETS__DEPTH", 101, "they lack backbone.bottom_up.res4.6.conv1.weight"),
        ("MODEL__FPN__OUT_CHANNELS", 8, "they differ in backbone.fpn_lateral2.weight"),
        (
            "MODEL__ROI_MASK_HEAD__NUM_CONV",
            3,
            "they have no place for roi_heads.mask_head.mask_fcn4",
        ),
        ("MODEL__FPN__NORM", "GN", "no network can be built of it: num_channels"),
        ("MODEL__ROI_BOX_HEAD__FC_DIM", "many", "no network can be built of it"),
    ):
        path = tmp_path / "other.yaml"
        path.write_text(to_yaml(with_keys(tiny_values(), **{key: value})))
        result = import_command(
            path, weights, "--classes", ",".join(CLASSES), "--out", tmp_path / "m"
        )
        assert result.exit_code == 2
        assert said in result.output
    result = import_command(TINY, weights, "--classes", "Crack!,b,c", "--out", tmp_path / "m")
    assert result.exit_code == 2
    assert "classes.0" in result.output
