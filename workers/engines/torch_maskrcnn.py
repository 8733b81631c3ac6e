"""Mask R-CNN in torch: the engine of a GPU, and on a CPU the reference of the exported graph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
import torch
from torch import nn

from inspection.detections import Detections
from inspection.model_folder import ModelFolder
from workers.engines.detector import EngineImage
from workers.engines.thresholds import Thresholds
from workers.mask_pasting import letterbox, to_detections
from workers.networks.loading import load_network
from workers.training.export import fold_batch_norms

# Batches pay on a GPU; on a CPU they only make the first image wait.
GPU_BATCH = 8


class TorchDetector:
    """Runs a folder's safetensors on a device; bf16 on a GPU, fp32 on a CPU."""

    def __init__(
        self,
        model: ModelFolder,
        *,
        device: str = "cpu",
        threads: int | None = None,
        least_score: float | None = None,
    ) -> None:
        side = model.manifest.input_px
        assert side is not None
        if threads is not None and device == "cpu":
            torch.set_num_threads(threads)
        self._classes = model.classes
        self._side = side
        self._device = torch.device(device)
        self._thresholds = Thresholds.of(model, least_score)
        network = self._build(model)
        self._network = network.to(self._device).to(memory_format=torch.channels_last)
        self._batch = 1 if self._device.type == "cpu" else GPU_BATCH

    def _build(self, model: ModelFolder) -> nn.Module:
        """The network with the folder's weights, for inference."""
        return fold_batch_norms(load_network(model).eval())

    @property
    def classes(self) -> tuple[str, ...]:
        return self._classes

    def detect(self, images_rgb: Sequence[EngineImage]) -> list[Detections]:
        return list(self.detect_stream(images_rgb))

    def detect_stream(self, images_rgb: Iterable[EngineImage]) -> Iterator[Detections]:
        source = iter(images_rgb)
        while batch := list(islice(source, self._batch)):
            yield from self._detect_batch(batch)

    def close(self) -> None:
        self._network = nn.Identity()

    @torch.inference_mode()
    def _detect_batch(self, images_rgb: list[EngineImage]) -> Iterator[Detections]:
        squares, fits = zip(*(letterbox(image, self._side) for image in images_rgb), strict=True)
        stacked = torch.from_numpy(np.stack(squares)).to(self._device)
        inputs = list(stacked.permute(0, 3, 1, 2).float())
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._device.type != "cpu"):
            results = self._network(inputs)
        for found, fit in zip(results, fits, strict=True):
            scores = found["scores"].float().cpu().numpy()
            class_ids = found["labels"].cpu().numpy() - 1
            keep = scores >= self._thresholds.scores[class_ids]
            yield to_detections(
                found["boxes"].float().cpu().numpy()[keep],
                scores[keep],
                class_ids[keep],
                found["masks"][:, 0].float().cpu().numpy()[keep],
                fit,
                self._thresholds.masks,
            )
