"""`lineside models export`: a graph of another precision from a folder's weights."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402

from inspection.drawing.surfaces import draw_surface  # noqa: E402
from inspection.model_folder import ModelFolder, load_model_folder, sha256_of  # noqa: E402
from lineside.commands import models  # noqa: E402
from workers import engines  # noqa: E402
from workers.engines.semantic import SemanticDetector  # noqa: E402
from workers.networks.semantic import SemanticConfig, build_semantic  # noqa: E402
from workers.training.network import NetworkConfig, build  # noqa: E402
from workers.training.packing import half_precision  # noqa: E402


def exported(*arguments: object) -> Result:
    return CliRunner().invoke(models.command, ["export", *(str(word) for word in arguments)])


def folder_of(path: Path, network: torch.nn.Module, **manifest: object) -> Path:
    """A model folder of weights alone."""
    path.mkdir()
    save_file(half_precision(network), path / "weights.safetensors")
    document = {
        "name": path.name,
        "classes": ["a", "b"],
        "thresholds": {"a": {"score": 0.2, "mask": 0.3}, "b": {"score": 0.2}},
        "licence": "Apache-2.0",
        "metrics": {"validation": {"mask_ap": 0.5}},
        "files": {"weights.safetensors": sha256_of(path / "weights.safetensors")},
    }
    (path / "model.json").write_text(json.dumps(document | manifest))
    return path


@pytest.fixture
def pixels(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    config = SemanticConfig("pspnet", ("a", "b"), "light")
    engine = {"weights": "weights.safetensors", "network": "pspnet", "config": config.to_json()}
    return folder_of(
        tmp_path / "pixels",
        build_semantic(config),
        task="semantic-segmentation",
        semantic={"stride": 32},
        engines={"torch": engine},
    )


@pytest.fixture
def instances(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    config = NetworkConfig(("a", "b"), (8, 8, 8, 8, 8), 8, box_features=16, proposals=20)
    engine = {
        "weights": "weights.safetensors",
        "network": "mask-rcnn-light",
        "config": config.to_json(),
    }
    return folder_of(tmp_path / "instances", build(config), input_px=128, engines={"torch": engine})


def agree(folder: ModelFolder, image: np.ndarray, tolerance: float) -> None:
    graph, weights = (
        engines.load(folder, engine=name, threads=1, least_score=0.0)
        for name in ("openvino", "torch")
    )
    if isinstance(graph, SemanticDetector):
        assert isinstance(weights, SemanticDetector)
        planes = [each.probabilities(image).ravel() for each in (graph, weights)]
        assert np.corrcoef(planes)[0, 1] > 1 - 4 * tolerance
        return
    for found, expected in zip(graph.detect([image]), weights.detect([image]), strict=True):
        # Of fresh weights all boxes lie near each other: which of two is suppressed may change in
        # int8, and more so on a processor without VNNI, whose sums saturate.
        fewer = min(len(found), len(expected))
        assert fewer > 0
        assert max(len(found), len(expected)) - fewer <= (0 if tolerance < 0.01 else 3)
        best = [np.sort(each.scores)[::-1][:fewer] for each in (found, expected)]
        assert best[0] == pytest.approx(best[1], abs=tolerance)


@pytest.mark.parametrize("kind", ["pixels", "instances"])
def test_a_graph_of_either_precision_is_made_of_the_weights(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    source = request.getfixturevalue(kind)
    image = draw_surface(np.random.default_rng(3), (128, 96)).image_rgb
    for precision, tolerance in (("fp32", 2e-3), ("int8", 0.1)):
        out = tmp_path / f"{kind}-{precision}"
        words = [source, "--precision", precision, "--out", out]
        result = exported(*words, "--data", "drawn:surfaces", "--limit", 2)
        assert result.exit_code == 0, result.output
        folder = load_model_folder(out)
        assert folder.manifest.engines.openvino is not None
        assert folder.manifest.engines.openvino.precision == precision
        assert folder.manifest.thresholds == load_model_folder(source).manifest.thresholds
        assert folder.manifest.metrics == {}
        assert sorted(path.name for path in out.iterdir()) == [
            "README.md",
            "graph.onnx",
            "model.json",
            "weights.safetensors",
        ]
        agree(folder, image, tolerance)


def test_what_cannot_be_exported_is_said(pixels: Path, tmp_path: Path) -> None:
    refused = [
        exported(pixels, "--precision", "int8", "--out", tmp_path / "a"),
        exported(pixels, "--precision", "fp32", "--out", pixels),
        exported(pixels, "--precision", "fp32", "--out", tmp_path / "My Model"),
        exported("classical-threshold", "--precision", "fp32", "--out", tmp_path / "b"),
        exported("nothing", "--precision", "fp32", "--out", tmp_path / "c"),
    ]
    reasons = ["needs --data", "holds a model.json already", "name: ", "no weights", "unknown"]
    for result, reason in zip(refused, reasons, strict=True):
        assert result.exit_code == 2
        assert reason in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["pixels"]


def test_without_its_packages_it_says_what_to_install(tmp_path: Path) -> None:
    # In a process of its own, since this one has loaded them all.
    words = ["models", "export", "surface-starter", "--precision", "fp32", "--out", tmp_path / "a"]
    program = (
        "import sys; sys.modules['onnxruntime'] = None\n"
        "from lineside.cli import group\n"
        f"group({[str(word) for word in words]!r})"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.returncode == 2, ended.stderr
    assert "needs onnxruntime for this: pip install 'lineside[train]'" in ended.stderr
    assert "Traceback" not in ended.stderr
