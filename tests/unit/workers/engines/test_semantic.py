"""From probabilities of pixels to findings, and the graph of a semantic network against torch."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from inspection.detections import Detections
from workers.engines.semantic import find_components, fit_image, mean_of_flips, restore
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
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (32, 64, 3), dtype=np.uint8)

    def brightness(fitted: npt.NDArray[np.uint8]) -> Planes:
        return (fitted[None, :, :, 0] / 255).astype(np.float32)

    assert mean_of_flips(brightness, image) == pytest.approx(brightness(image), abs=1e-6)
    # A network that only ever sees the left edge is asked from four sides.
    left = np.zeros((1, 32, 64), dtype=np.float32)
    left[0, 0, 0] = 1
    assert mean_of_flips(lambda _: left, image)[0, [0, 0, -1, -1], [0, -1, 0, -1]] == (
        pytest.approx([0.25] * 4)
    )


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
