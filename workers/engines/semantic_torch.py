"""A semantic network in torch: the engine of a GPU, and on a CPU the graph's reference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import nn

from inspection.model_folder import ModelFolder
from workers.engines.detector import RgbImage
from workers.engines.semantic import Probabilities, SemanticDetector
from workers.networks.loading import load_network
from workers.training.export import fold_batch_norms


class SemanticTorchDetector(SemanticDetector):
    """Runs a folder's safetensors on a device; half precision on a GPU, fp32 on a CPU."""

    def __init__(
        self,
        model: ModelFolder,
        *,
        device: str = "cpu",
        threads: int | None = None,
        least_score: float | None = None,
    ) -> None:
        super().__init__(model, least_score)
        if threads is not None and device == "cpu":
            torch.set_num_threads(threads)
        self._device = torch.device(device)
        network = fold_batch_norms(load_network(model).eval())
        self._network = network.to(self._device).to(memory_format=torch.channels_last)

    def run_stream(self, fitted: Iterable[RgbImage]) -> Iterator[Probabilities]:
        return map(self._run, fitted)

    @torch.inference_mode()
    def _run(self, fitted: RgbImage) -> Probabilities:
        image = torch.from_numpy(np.ascontiguousarray(fitted)).to(self._device)
        gpu = self._device.type != "cpu"
        with torch.autocast(self._device.type, torch.bfloat16, enabled=gpu):
            logits = self._network(image.permute(2, 0, 1).float()[None])
        probabilities = logits[0].float().sigmoid().cpu().numpy()
        return np.asarray(probabilities, dtype=np.float32)

    def close(self) -> None:
        self._network = nn.Identity()
