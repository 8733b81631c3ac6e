"""A hybrid of drawn answers, and one of real parts in a folder."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from inspection.detections import Detections, InstanceMask
from inspection.hybrid_folder import write_hybrid
from inspection.inference import Inference, Tiling
from inspection.model_folder import (
    ModelFolder,
    ModelFolderError,
    find_model,
    load_model_folder,
    sha256_of,
)
from inspection.model_manifest import Manifest
from tests.dark_graph import write_dark_graph
from workers import engines
from workers.engines.detector import RgbImage
from workers.engines.hybrid import HybridDetector


def manifest(name: str, **changes: object) -> dict[str, object]:
    return {
        "name": name,
        "classes": ["crack"],
        "engines": {"classical": {}},
        "thresholds": {"crack": {"score": 0.5, "area_px": 20}},
        "licence": "Apache-2.0",
    } | changes


def hybrid_of(without_instance: str) -> ModelFolder:
    semantic = {"task": "semantic-segmentation", "semantic": {}}
    engine = {
        "instances": manifest("boxes"),
        "pixels": manifest("pixels", **semantic),
        "without_instance": without_instance,
    }
    whole = manifest("both", engines={"hybrid": engine})
    return ModelFolder(Path(), Manifest.model_validate(whole), "0" * 12)


class RedBoxes:
    """One coarse finding around all red pixels."""

    classes = ("crack",)
    closed = False

    def __init__(self, score: float = 0.8) -> None:
        self.score = score

    def detect(self, images_rgb: Sequence[RgbImage]) -> list[Detections]:
        return list(self.detect_stream(images_rgb))

    def detect_stream(self, images_rgb: Iterable[RgbImage]) -> Iterator[Detections]:
        for image in list(images_rgb):  # as far ahead as an engine may ever draw
            size_wh = (image.shape[1], image.shape[0])
            red = InstanceMask.from_frame(image[..., 0] > 200)
            if not red.bits.size:
                yield Detections.empty(size_wh)
                continue
            height, width = red.bits.shape
            coarse = InstanceMask(np.ones((height, width), np.bool_), red.x0, red.y0)
            box = [red.x0, red.y0, red.x0 + width, red.y0 + height]
            yield Detections(
                size_wh,
                np.array([box], np.float32),
                np.array([self.score], np.float32),
                np.zeros(1, np.int64),
                (coarse,),
            )

    def close(self) -> None:
        self.closed = True


class BrightPixels:
    """Green is the probability."""

    asked = 0
    closed = False

    def probabilities(self, image_rgb: RgbImage) -> np.ndarray:
        self.asked += 1
        return (image_rgb[None, ..., 1] / 255).astype(np.float32)

    def close(self) -> None:
        self.closed = True


def picture() -> RgbImage:
    """A diagonal of red and green, and a green square that is not red."""
    image = np.zeros((80, 120, 3), dtype=np.uint8)
    for place in range(40):
        image[10 + place, 20 + place : 23 + place] = (255, 230, 0)
    image[60:70, 90:100] = (0, 230, 0)
    return image


@pytest.mark.parametrize(("without", "count"), [("drop", 1), ("keep", 2)])
def test_instances_have_the_pixels_of_the_semantic_model(without: str, count: int) -> None:
    boxes, pixels = RedBoxes(), BrightPixels()
    detector = HybridDetector(hybrid_of(without), boxes, pixels)
    good = np.zeros((50, 60, 3), dtype=np.uint8)
    first, second, third = detector.detect([picture(), good, picture()])
    for found in (first, third):
        assert len(found) == count
        finest = min(found.masks, key=lambda mask: mask.y0)
        assert np.array_equal(finest.to_frame((120, 80)), picture()[..., 0] > 200)
    assert (len(second), second.size_wh) == (0, (60, 50))
    # Where there is no instance, and none is wanted without one, nobody asks for pixels.
    assert pixels.asked == (3 if without == "keep" else 2)
    detector.close()
    assert boxes.closed
    assert pixels.closed


def test_an_unsure_instance_takes_no_region_from_those_without_one() -> None:
    # As an evaluation asks for it: below the threshold of 0.5.
    detector = HybridDetector(hybrid_of("keep"), RedBoxes(0.3), BrightPixels())
    (found,) = detector.detect([picture()])
    diagonal = picture()[..., 0] > 200
    same = [m for m in found.masks if np.array_equal(m.to_frame((120, 80)), diagonal)]
    assert len(found) == 3
    assert len(same) == 2
    assert found.scores == pytest.approx([0.902, 0.902, 0.3], abs=0.01)


def semantic_folder(folder: Path, classes: list[str]) -> ModelFolder:
    """A folder that says it is semantic; its graph is never run here."""
    folder.mkdir()
    (folder / "graph.onnx").write_bytes(b"graph")
    document = manifest(
        folder.name,
        classes=classes,
        task="semantic-segmentation",
        semantic={},
        engines={"openvino": {"graph": "graph.onnx", "precision": "fp32"}},
        thresholds={name: {"score": 0.5} for name in classes},
        files={"graph.onnx": sha256_of(folder / "graph.onnx")},
    )
    (folder / "model.json").write_text(json.dumps(document))
    return load_model_folder(folder)


def test_a_folder_holds_both_models_under_one_manifest(tmp_path: Path) -> None:
    starter = load_model_folder(find_model("surface-starter"))
    pixels = semantic_folder(tmp_path / "pixels", ["crack", "pit"])
    hybrid = write_hybrid(starter, pixels, tmp_path / "both", without_instance="keep")
    assert hybrid.classes == starter.classes
    assert set(hybrid.manifest.files) == {
        "instances-graph.onnx",
        "instances-weights.safetensors",
        "pixels-graph.onnx",
    }
    engine = hybrid.manifest.engines.hybrid
    assert engine is not None
    assert engine.instances.thresholds == starter.manifest.thresholds
    assert engine.pixels.engines.openvino is not None
    assert engine.pixels.engines.openvino.graph == "pixels-graph.onnx"
    assert hybrid.decode_px is None
    (hybrid.path / "pixels-graph.onnx").write_bytes(b"other")
    with pytest.raises(ModelFolderError, match=r"pixels-graph\.onnx has SHA-256"):
        load_model_folder(hybrid.path)
    with pytest.raises(ModelFolderError, match=r"holds a model\.json already"):
        write_hybrid(starter, pixels, hybrid.path)


def test_models_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    starter = load_model_folder(find_model("surface-starter"))
    other = semantic_folder(tmp_path / "other", ["crack", "dent"])
    with pytest.raises(ModelFolderError, match=r"\['dent'\] are none of the instance model's"):
        write_hybrid(starter, other, tmp_path / "a")
    with pytest.raises(ModelFolderError, match="expected a semantic model"):
        write_hybrid(starter, starter, tmp_path / "b")
    fine = write_hybrid(starter, semantic_folder(tmp_path / "px", ["crack"]), tmp_path / "c")
    with pytest.raises(ModelFolderError, match="a hybrid itself"):
        write_hybrid(fine, semantic_folder(tmp_path / "qx", ["crack"]), tmp_path / "d")
    assert not (tmp_path / "a").exists()


def test_a_file_that_the_parts_and_the_whole_disagree_on_is_refused(tmp_path: Path) -> None:
    starter = load_model_folder(find_model("surface-starter"))
    hybrid = write_hybrid(starter, semantic_folder(tmp_path / "px", ["crack"]), tmp_path / "c")
    path = hybrid.path / "model.json"
    document = json.loads(path.read_text())
    document["files"]["pixels-graph.onnx"] = "0" * 64
    path.write_text(json.dumps(document))
    with pytest.raises(ModelFolderError, match="another SHA-256 in px"):
        load_model_folder(hybrid.path)


def test_a_folder_of_two_models_runs_alone_and_in_tiles(tmp_path: Path) -> None:
    pixels = semantic_folder(tmp_path / "px", ["defect"])
    write_dark_graph(pixels.path / "graph.onnx")
    document = json.loads((pixels.path / "model.json").read_text())
    document["files"]["graph.onnx"] = sha256_of(pixels.path / "graph.onnx")
    (pixels.path / "model.json").write_text(json.dumps(document))
    # The threshold takes the darkest core alone for the instance; the network knows its rim.
    folder = write_hybrid(
        load_model_folder(find_model("classical-threshold")),
        load_model_folder(pixels.path),
        tmp_path / "both",
    )
    image = np.full((300, 700, 3), 100, dtype=np.uint8)
    image[140:150, 40:660] = 80
    image[143:147, 40:660] = 20
    for inference in (Inference(), Inference(tiling=Tiling(tile_px=256, overlap_px=64))):
        detector = engines.load(folder.run_by(inference), threads=1)
        (found,) = detector.detect([image])
        detector.close()
        assert len(found) == 1
        assert np.array_equal(found.masks[0].to_frame((700, 300)), image[..., 0] <= 80)
