"""The catalogue with what each network weighs and how long it takes here."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from workers.networks.catalogue import NETWORKS, Network
from workers.networks.loading import build_network
from workers.training.loop import mixed_precision

# What is measured: a step of so many views of this side, and one image of this size.
VIEWS, VIEW_PX = 8, 256
IMAGE_WH = (544, 384)


@dataclass(frozen=True, slots=True)
class Listed:
    """One network with one encoder.

    Attributes:
        parameters: how many values are learnt.
        step_s: CPU time of a training step of `VIEWS` views, s; None where not measured.
        image_s: CPU time of one image of `IMAGE_WH` in torch, s; None where not measured.
    """

    network: Network
    encoder: str
    parameters: int
    step_s: float | None = None
    image_s: float | None = None


def list_networks(measure: bool = False) -> Iterator[Listed]:
    """Every network with its default encoder, and with the light one where it has it.

    Times are measured for semantic networks alone: what one for instances takes depends on how
    much there is to see.
    """
    if measure:
        torch.set_num_threads(1)
    for network in NETWORKS.values():
        chosen = [network.encoders[0]] if network.encoders else [""]
        for encoder in [*chosen, *[e for e in network.encoders[1:] if e == "light"]]:
            config: dict[str, Any] = {"classes": ("a",)}
            semantic = network.task == "semantic-segmentation"
            if semantic:
                config["encoder"] = encoder
            model = build_network(network.name, config)
            count = sum(p.numel() for p in model.parameters())
            times = _measure(model) if measure and semantic else (None, None)
            yield Listed(network, encoder, count, *times)


def _measure(model: nn.Module) -> tuple[float, float]:
    views = torch.rand(VIEWS, 3, VIEW_PX, VIEW_PX) * 255
    image = torch.rand(1, 3, IMAGE_WH[1], IMAGE_WH[0]) * 255

    def step() -> None:
        model.train()
        with mixed_precision(torch.device("cpu")):
            logits = model(views)
        logits.float().sigmoid().mean().backward()

    @torch.inference_mode()
    def look() -> None:
        model.eval()(image)

    return _best_of_two(step), _best_of_two(look)


def _best_of_two(work: Any) -> float:
    """CPU time of the faster of two runs, s: others on the host do not count into it."""
    taken = []
    for _ in range(2):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return min(taken)
