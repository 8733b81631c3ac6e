"""The exported graph against torch, and the shipped starters on drawn images."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from inspection.drawing.shelves import draw_shelf
from inspection.drawing.surfaces import draw_surface
from inspection.model_folder import ModelFolder, find_model, load_model_folder
from workers import engines
from workers.engines.detector import Detector, RgbImage

STARTERS = ("surface-starter", "shelf-starter")


def images(name: str, count: int) -> list[RgbImage]:
    rngs = (np.random.default_rng([99, number]) for number in range(count))
    if name == "shelf-starter":
        return [draw_shelf(rng).image_rgb for rng in rngs]
    return [draw_surface(rng, (640, 480), ["crack", "pit"]).image_rgb for rng in rngs]


@pytest.fixture(scope="module", params=STARTERS)
def starter(request: pytest.FixtureRequest) -> ModelFolder:
    return load_model_folder(find_model(request.param))


def share_found_again(sure: Detector, open_minded: Detector, pictures: list[RgbImage]) -> float:
    """Share of one engine's findings that the other has too: same class, box IoU over 0.6.

    The other may score them lower, or a score on the threshold would count as disagreement.
    """
    again = total = 0
    for mine, theirs in zip(sure.detect(pictures), open_minded.detect(pictures), strict=True):
        total += len(mine)
        for place in range(len(mine)):
            same = theirs.select(theirs.class_ids == mine.class_ids[place])
            overlap = box_iou(mine.boxes_xyxy[place], same.boxes_xyxy)
            again += bool(overlap.max(initial=0) > 0.6)
    assert total > 0
    return again / total


def box_iou(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    inner = np.prod(np.clip(high - low, 0, None), axis=1)
    sizes = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) + np.prod(box[2:] - box[:2])
    return np.asarray(inner / (sizes - inner))


def test_the_exported_graph_does_what_torch_does(starter: ModelFolder, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    import openvino

    from workers.mask_pasting import letterbox
    from workers.networks.loading import load_network
    from workers.training.export import export

    network = load_network(starter).eval()
    assert starter.manifest.input_px is not None
    export(network, tmp_path / "graph.onnx", starter.manifest.input_px)
    compiled = openvino.Core().compile_model(
        str(tmp_path / "graph.onnx"),
        "CPU",
        {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": "1"},
    )
    import torch

    for picture in images(starter.name, 2):
        square = letterbox(picture, starter.manifest.input_px)[0]
        boxes, scores, _, masks = compiled(square[None]).values()
        with torch.inference_mode():
            image = torch.from_numpy(square.transpose(2, 0, 1).copy()).float()
            (expected,) = network([image])
        real = scores > 0
        assert real.sum() == len(expected["scores"]) > 0
        order, wanted = np.argsort(-scores[real]), np.argsort(-expected["scores"].numpy())
        assert scores[real][order] == pytest.approx(expected["scores"].numpy()[wanted], abs=1e-3)
        assert boxes[real][order] == pytest.approx(expected["boxes"].numpy()[wanted], abs=0.1)
        assert masks[real][order] == pytest.approx(
            expected["masks"][:, 0].numpy()[wanted], abs=0.02
        )


def test_images_may_differ_in_their_proposals(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    import openvino

    from workers.training.export import export
    from workers.training.network import NetworkConfig, build

    # More proposals allowed than suppression ever leaves: a count that export had fixed would
    # not fit the next image.
    torch.manual_seed(0)
    config = NetworkConfig(
        ("a", "b"), (8, 8, 8, 8, 8), 8, box_features=16, proposals=5000, least_score=0.2
    )
    network = build(config).eval()
    counts: list[int] = []
    network.rpn.register_forward_hook(lambda _, __, out: counts.append(len(out[0][0])))
    export(network, tmp_path / "graph.onnx", 128)
    compiled = openvino.Core().compile_model(str(tmp_path / "graph.onnx"), "CPU")
    counts.clear()
    for number in range(4):
        image = draw_surface(np.random.default_rng(number), (128, 128)).image_rgb
        scores = compiled(image[None])[1]
        with torch.inference_mode():
            (expected,) = network([torch.from_numpy(image.transpose(2, 0, 1).copy()).float()])
        assert np.count_nonzero(scores > 0) == len(expected["scores"])
    assert len(set(counts)) > 1


def test_the_shipped_graph_and_the_shipped_weights_agree(starter: ModelFolder) -> None:
    pytest.importorskip("torch")
    pictures = images(starter.name, 4)
    for one, other in (("openvino", "torch"), ("torch", "openvino")):
        sure = engines.load(starter, engine=one, threads=1)
        open_minded = engines.load(starter, engine=other, threads=1, least_score=0.15)
        assert share_found_again(sure, open_minded, pictures) > 0.85


def test_nothing_of_the_last_image_comes_back_with_a_blank_one(starter: ModelFolder) -> None:
    detector = engines.load(starter, engine="openvino", threads=1, least_score=0.0)
    full = images(starter.name, 1)[0]
    blank = np.full((512, 512, 3), 114, dtype=np.uint8)
    detector.detect([full])
    first = detector.detect([blank, blank, blank])
    fresh = engines.load(starter, engine="openvino", threads=1, least_score=0.0)
    for found, reference in zip(first, fresh.detect([blank, blank, blank]), strict=True):
        assert found.scores == pytest.approx(reference.scores)


def test_a_signal_is_survived_after_models_have_come_and_gone(starter: ModelFolder) -> None:
    # In a process of its own: what went wrong here was a segmentation fault.
    program = f"""
import pathlib, signal
from inspection.model_folder import load_model_folder
from workers import engines
folder = load_model_folder(pathlib.Path({str(starter.path)!r}))
first, second = (engines.load(folder, engine="openvino", threads=1) for _ in range(2))
first.close(); del first
second.close(); del second
signal.signal(signal.SIGTERM, lambda *_: print("heard"))
signal.raise_signal(signal.SIGTERM)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout.strip()) == (0, "heard"), ended.stderr


def test_a_stream_keeps_the_order_and_may_be_left_early(starter: ModelFolder) -> None:
    detector = engines.load(starter, engine="openvino", threads=2, streams=2)
    pictures = images(starter.name, 5)
    whole = list(detector.detect_stream(iter(pictures)))
    assert [found.size_wh for found in whole] == [(p.shape[1], p.shape[0]) for p in pictures]
    for picture, found in zip(pictures, whole, strict=True):
        (alone,) = detector.detect([picture])
        assert alone.scores == pytest.approx(found.scores, abs=1e-5)
    stream = detector.detect_stream(iter(pictures))
    early = next(stream)
    stream.close()
    assert early.scores == pytest.approx(whole[0].scores, abs=1e-5)
    again = detector.detect(pictures)
    assert [len(found) for found in again] == [len(found) for found in whole]


def test_starters_see_what_was_drawn() -> None:
    surface = engines.load(find_model("surface-starter"), engine="openvino", threads=1)
    seen = total = 0
    for number in range(6):
        rng = np.random.default_rng([7, number])
        drawn = draw_surface(rng, (512, 512), ["crack", "stain"], "ceramic")
        (found,) = surface.detect([drawn.image_rgb])
        names = {surface.classes[class_id] for class_id in found.class_ids}
        seen += len(names & {"crack", "stain"})
        total += len({name for name, _ in drawn.instances})
    assert seen >= 0.75 * total
