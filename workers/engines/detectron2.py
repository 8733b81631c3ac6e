"""A model of Detectron2's kind through Detectron2 itself, where it is installed.

Nobody needs it: the folder's own network gives the same. It is there to check that.
"""

from __future__ import annotations

from safetensors.torch import load_file
from torch import nn

from inspection.model_folder import ModelFolder, ModelFolderError
from workers.engines.torch_maskrcnn import TorchDetector
from workers.networks.catalogue import ALIGNED
from workers.networks.detectron2_config import read_config
from workers.networks.detectron2_network import build_detectron2
from workers.networks.detectron2_starting import CONFIG_FILE
from workers.networks.errors import NetworkError


class Detectron2Detector(TorchDetector):
    """Runs a folder's safetensors in Detectron2's network; fitting and pasting are ours."""

    def _build(self, model: ModelFolder) -> nn.Module:
        engine = model.manifest.engines.torch
        if engine is None or engine.network != ALIGNED or CONFIG_FILE not in model.manifest.files:
            raise ModelFolderError(model.name, f"no Detectron2 model: it has no {CONFIG_FILE}")
        try:
            values = read_config(model.path / CONFIG_FILE)
            network = build_detectron2(values, len(model.classes))
            network.body.load_state_dict(load_file(model.path / engine.weights))
        except (NetworkError, RuntimeError) as error:
            raise ModelFolderError(model.name, str(error)) from error
        return network.eval()
