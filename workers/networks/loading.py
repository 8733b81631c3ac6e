"""Networks by their name and configuration, and with the weights of a model folder."""

from __future__ import annotations

from typing import Any

from safetensors.torch import load_file
from torch import nn

from inspection.model_folder import ModelFolder, ModelFolderError
from workers.networks.aligned_config import AlignedConfig
from workers.networks.aligned_maskrcnn import build_aligned
from workers.networks.catalogue import ALIGNED, NETWORKS, find_network
from workers.networks.errors import NetworkError
from workers.networks.resnet_maskrcnn import R18, R50, ResnetConfig, build_resnet
from workers.networks.semantic import SemanticConfig, build_semantic
from workers.training.network import NetworkConfig, build


def build_network(name: str, config: dict[str, Any]) -> nn.Module:
    """The network of a name and of what model.json says of it, with fresh weights.

    Raises:
        NetworkError: an unknown name, or a configuration that it cannot have.
    """
    try:
        if name == ALIGNED:
            return build_aligned(AlignedConfig.from_json(config))
        network = find_network(name)
        if network.task == "semantic-segmentation":
            return build_semantic(SemanticConfig.from_json(name, config))
        if name in (R18, R50):
            wide: nn.Module = build_resnet(ResnetConfig.from_json(name, config))
            return wide
        light: nn.Module = build(NetworkConfig.from_json(config))
        return light
    except (KeyError, TypeError) as error:
        raise NetworkError(f"{name}: configuration {config} does not fit: {error}") from error


def load_network(model: ModelFolder) -> nn.Module:
    """The network of a folder with its weights, fp32.

    Raises:
        ModelFolderError: no torch engine in it, an unknown network, or weights that do not fit.
    """
    engine = model.manifest.engines.torch
    if engine is None or engine.network not in (*NETWORKS, ALIGNED):
        known = engine.network if engine else None
        raise ModelFolderError(
            model.name, f"network {known!r}; this one knows {', '.join(NETWORKS)}"
        )
    try:
        network = build_network(engine.network, engine.config)
    except NetworkError as error:
        raise ModelFolderError(model.name, str(error)) from error
    tensors = load_file(model.path / engine.weights)
    try:
        network.load_state_dict(dict(tensors.items()))
    except RuntimeError as error:
        raise ModelFolderError(model.name, f"weights do not fit the network: {error}") from error
    return network
