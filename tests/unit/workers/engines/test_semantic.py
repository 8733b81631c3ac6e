"""From probabilities of pixels to findings, and the graph of a semantic network against torch."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest

from inspection.detections import Detections
from inspection.inference import Inference
from inspection.model_folder import ModelFolder, ModelFolderError, find_model, load_model_folder
from inspection.model_manifest import Manifest
from tests.unit.workers.engines.test_hybrid import semantic_folder, write_dark_graph
from workers.engines.detector import RgbImage
from workers.engines.semantic import (
    FOUR_MIRRORS,
    SemanticDetector,
    find_components,
    fit_image,
    mean_of_mirrors,
    restore,
)
from workers.engines.semantic_openvino import SemanticOpenVinoDetector
from workers.engines.thresholds import Thresholds

Planes = npt.NDArray[np.float32]


def levels(scores: list[float], masks: list[float], areas: list[int] | None = None) -> Thresholds:
    return Thresholds(
        np.array(scores, dtype=np.float32),
        np.array(masks, dtype=np.float32),
        None if areas is None else np.array(areas, dtype=np.int64),
    )


def drawn() -> Planes:
    """Two classes on 40×30: a bar of 0.9 and a dot of 0.6 of the first, a block of the second."""
    planes = np.full((2, 30, 40), 0.05, dtype=np.float32)
    planes[0, 4:6, 2:22] = 0.9
    planes[0, 20, 30] = 0.6
    planes[1, 10:20, 25:35] = 0.7
    return planes


def classes_and_areas(found: Detections) -> list[tuple[int, int]]:
    return [
        (int(index), mask.area_px) for index, mask in zip(found.class_ids, found.masks, strict=True)
    ]


def test_connected_pixels_above_their_class_threshold_are_a_finding() -> None:
    found = find_components(drawn(), levels([0, 0], [0.5, 0.5]))
    assert classes_and_areas(found) == [(0, 40), (1, 100), (0, 1)]
    assert found.scores == pytest.approx([0.9, 0.7, 0.6], abs=1e-6)
    assert found.boxes_xyxy[0].tolist() == [2, 4, 22, 6]
    assert found.size_wh == (40, 30)
    assert np.array_equal(found.masks[1].to_frame((40, 30)), drawn()[1] >= 0.5)
    # Pixels that touch at a corner belong together.
    corner = np.zeros((1, 4, 4), dtype=np.float32)
    corner[0, [0, 1, 2], [0, 1, 2]] = 1
    assert classes_and_areas(find_components(corner, levels([0], [0.5]))) == [(0, 3)]


def test_small_and_unsure_regions_are_dropped_and_each_class_has_its_own_threshold() -> None:
    assert classes_and_areas(find_components(drawn(), levels([0, 0], [0.5, 0.8]))) == [
        (0, 40),
        (0, 1),
    ]
    assert classes_and_areas(find_components(drawn(), levels([0, 0.75], [0.5, 0.5]))) == [
        (0, 40),
        (0, 1),
    ]
    assert classes_and_areas(find_components(drawn(), levels([0, 0], [0.5, 0.5], [2, 0]))) == [
        (0, 40),
        (1, 100),
    ]
    assert len(find_components(drawn(), levels([0, 0], [0.5, 0.5]), most_findings=1)) == 1
    assert len(find_components(drawn(), levels([0, 0], [0.95, 0.95]))) == 0


def test_a_pixel_belongs_to_one_class_unless_classes_overlap() -> None:
    planes = np.zeros((2, 8, 8), dtype=np.float32)
    planes[0, 2:6, 2:6], planes[1, 2:6, 2:6] = 0.6, 0.8
    both = levels([0, 0], [0.5, 0.5])
    assert classes_and_areas(find_components(planes, both)) == [(1, 16)]
    assert classes_and_areas(find_components(planes, both, exclusive=False)) == [(1, 16), (0, 16)]
    # 0.6 is three times its threshold, 0.8 only one and a half of its own.
    assert classes_and_areas(find_components(planes, levels([0, 0], [0.2, 0.55]))) == [(0, 16)]


@pytest.mark.parametrize(
    ("size_wh", "scale"),
    [((64, 32), 1.0), ((50, 37), 1.0), ((50, 37), 2.0), ((131, 90), 0.5)],
)
def test_an_image_of_any_size_fits_and_what_is_found_lies_where_it_was(
    size_wh: tuple[int, int], scale: float
) -> None:
    image = np.full((size_wh[1], size_wh[0], 3), 200, dtype=np.uint8)
    image[8:24, 12:40] = 0
    fitted, fit = fit_image(image, scale, 32)
    assert fitted.shape[0] % 32 == fitted.shape[1] % 32 == 0
    back = restore((255 - fitted[None, :, :, 0].astype(np.float32)) / 255, fit)
    assert back.shape == (1, size_wh[1], size_wh[0])
    (found,) = [find_components(back, levels([0.5], [0.6]))]
    assert found.boxes_xyxy[0] == pytest.approx([12, 8, 40, 24], abs=1)


def test_the_mean_of_four_mirror_images_comes_back_upright() -> None:
    image = np.random.default_rng(0).random((1, 32, 64), dtype=np.float32)
    seen = (np.flip(image, tuple(axis + 1 for axis in axes)) for axes in FOUR_MIRRORS)
    assert mean_of_mirrors(seen, FOUR_MIRRORS) == pytest.approx(image, abs=1e-6)
    # A network that only ever sees the left edge is asked from four sides.
    left = np.zeros((1, 32, 64), dtype=np.float32)
    left[0, 0, 0] = 1
    mean = mean_of_mirrors(iter([left] * 4), FOUR_MIRRORS)
    assert mean is not None
    assert mean[0, [0, 0, -1, -1], [0, -1, 0, -1]] == pytest.approx([0.25] * 4)
    assert mean_of_mirrors(iter([]), FOUR_MIRRORS) is None


@pytest.mark.parametrize(("name", "encoder"), [("pspnet", "light"), ("segnet", "light")])
def test_the_graph_does_what_torch_does_at_any_size(
    name: str, encoder: str, tmp_path: Path
) -> None:
    torch = pytest.importorskip("torch")
    from workers.engines.openvino import compile_graph
    from workers.networks.semantic import SemanticConfig, build_semantic
    from workers.training.packing import half_precision
    from workers.training.semantic_export import export_semantic, store_half

    torch.manual_seed(0)
    network = build_semantic(SemanticConfig(name, ("a", "b"), encoder)).eval()
    half_precision(network)
    graph = tmp_path / "graph.onnx"
    export_semantic(network, graph, 32)
    whole = graph.stat().st_size
    store_half(graph)
    assert graph.stat().st_size < 0.6 * whole
    compiled = compile_graph(graph, threads=1, streams=1)
    for height, width in ((64, 96), (160, 128)):
        rng = np.random.default_rng(height)
        image = rng.integers(0, 255, (1, height, width, 3), dtype=np.uint8)
        with torch.inference_mode():
            logits = network(torch.from_numpy(image).permute(0, 3, 1, 2).float())
        expected = logits.sigmoid().numpy()
        assert np.ptp(expected) > 1e-4
        assert compiled(image)[0] == pytest.approx(expected, abs=5e-3)


class Leaning(SemanticDetector):
    """Sees the left column of whatever it is shown."""

    asked = 0

    def run_stream(self, fitted: Iterable[RgbImage]) -> Iterator[Planes]:
        for image in fitted:
            self.asked += 1
            plane = np.zeros((1, *image.shape[:2]), dtype=np.float32)
            plane[0, :, 0] = 1
            yield plane

    def close(self) -> None:
        pass


def folder(**changes: object) -> ModelFolder:
    content = {
        "name": "leaning",
        "task": "semantic-segmentation",
        "semantic": {},
        "classes": ["crack"],
        "engines": {"openvino": {"graph": "graph.onnx", "precision": "fp32"}},
        "thresholds": {"crack": {"score": 0.5}},
        "licence": "Apache-2.0",
        "files": {"graph.onnx": "0" * 64},
    }
    return ModelFolder(Path(), Manifest.model_validate(content | changes), "0" * 12)


@pytest.mark.parametrize(
    ("own", "asked_for", "flipped"),
    [(False, None, False), (True, None, True), (False, "four", True), (True, "none", False)],
)
def test_a_recipe_may_ask_for_mirror_images_or_do_without(
    own: bool, asked_for: Literal["four", "none"] | None, flipped: bool
) -> None:
    model = folder(semantic={"flips": own}).run_by(Inference(flips=asked_for))
    detector = Leaning(model, None)
    images = [np.zeros((32, width, 3), dtype=np.uint8) for width in (32, 64, 96)]
    planes = list(detector.probabilities_stream(iter(images)))
    assert [plane.shape for plane in planes] == [(1, 32, 32), (1, 32, 64), (1, 32, 96)]
    assert detector.asked == (12 if flipped else 3)
    for plane in planes:
        expected = [0.5, 0.5] if flipped else [1, 0]
        assert plane[0, 3, [0, -1]] == pytest.approx(expected)


def test_mirror_images_are_for_semantic_networks() -> None:
    model = load_model_folder(find_model("classical-threshold"))
    assert model.run_by(Inference(flips="none")).classes == model.classes
    with pytest.raises(ModelFolderError, match="flips are for semantic models"):
        model.run_by(Inference(flips="four"))


def test_a_stream_of_images_gives_each_its_own_probabilities(tmp_path: Path) -> None:
    model = semantic_folder(tmp_path / "px", ["crack"])
    write_dark_graph(model.path / "graph.onnx")
    rng = np.random.default_rng(1)
    sizes = [(40, 70), (64, 64), (33, 31), (40, 70), (64, 32), (90, 20)]
    images = [rng.integers(0, 255, (*size, 3), dtype=np.uint8) for size in sizes]
    detector = SemanticOpenVinoDetector(model, threads=1, streams=2)
    streamed = list(detector.probabilities_stream(iter(images)))
    for image, planes in zip(images, streamed, strict=True):
        # The graph is the sigmoid of 90 minus a pixel's grey.
        grey = image.mean(axis=2, dtype=np.float32)
        assert planes[0] == pytest.approx(1 / (1 + np.exp(np.clip(grey - 90, -80, 80))), abs=1e-5)
        assert np.array_equal(planes, detector.probabilities(image))
    detector.close()
