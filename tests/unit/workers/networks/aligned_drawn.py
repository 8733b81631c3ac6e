"""A tiny network of Detectron2's kind with drawn weights, and drawn images; the same everywhere."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workers.networks.detectron2_config import read_config

TINY = Path(__file__).with_name("detectron2_tiny.yaml")
GOLDEN = Path(__file__).with_name("aligned_golden.json")
CLASSES = ("crack", "pit", "stain")
SIZES_HW = ((96, 160), (130, 90), (128, 128))
# Of each mask every sixth cell is kept.
KEPT = slice(2, None, 6)


def tiny_values() -> dict[str, Any]:
    return read_config(TINY)


@torch.no_grad()
def draw_weights(network: nn.Module, seed: int = 2) -> None:
    """Weights that spread scores and boxes; by the frozen generator of numpy, name by name."""
    for name, value in sorted(network.state_dict().items()):
        if not value.is_floating_point():
            continue
        rng = np.random.RandomState([seed, *name.encode()])
        drawn = rng.standard_normal(tuple(value.shape))
        if name.endswith("running_var"):
            drawn = 1 + 0.2 * np.tanh(drawn)
        elif name.endswith("norm.weight"):
            drawn = 0.3 + 0.1 * np.tanh(drawn)
        elif value.ndim == 1:
            drawn = 0.1 * drawn
        else:
            fan_in = value[0].numel() if value.ndim > 1 else 1
            gain = next((g for part, g in GAINS.items() if part in name), 2**0.5)
            if name.endswith("cls_score.weight"):
                # What is common to all boxes would make them all of one class.
                drawn -= drawn.mean(axis=1, keepdims=True)
            drawn = drawn * gain / np.sqrt(fan_in)
        value.copy_(torch.from_numpy(drawn))


# Deltas stay small beside scores, and no level outshines the others.
GAINS = {
    "stem.conv1": 0.05,
    "fpn_output2": 0.3,
    "fpn_output3": 0.8,
    "anchor_deltas": 0.05,
    "bbox_pred": 0.3,
    "cls_score": 5.0,
    "mask_head.predictor": 2.0,
}


def draw_images(seed: int = 0) -> list[Tensor]:
    """Blocks of colour, float (3, H, W) of whole levels 0 to 255, of several sizes."""
    rng, images = np.random.RandomState(seed), []
    for height, width in SIZES_HW:
        blocks = rng.randint(0, 256, (3, height // 8 + 1, width // 8 + 1))
        grown = np.kron(blocks, np.ones((8, 8)))[:, :height, :width]
        images.append(torch.from_numpy(grown).float())
    return images


def as_numbers(found: dict[str, Tensor]) -> dict[str, Any]:
    """One image's findings for the golden file."""
    masks = found["masks"][:, 0, KEPT, KEPT]
    return {
        "boxes": _rounded(found["boxes"], 3),
        "scores": _rounded(found["scores"], 5),
        "labels": found["labels"].tolist(),
        "masks": _rounded(masks.flatten(1), 4),
    }


def _rounded(value: Tensor, digits: int) -> Any:
    return np.round(value.double().numpy(), digits).tolist()
