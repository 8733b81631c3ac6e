"""What a network begins with: fresh weights, published ones, or those of a file."""

from __future__ import annotations

import contextlib
import socket
import urllib.error
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlparse

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from workers.networks.errors import NetworkError

PUBLISHED = ("coco", "imagenet")
# Tensors whose shape depends on the number of classes.
OF_CLASSES = (
    "backbone.semantic.",
    "roi_heads.box_predictor.",
    "roi_heads.mask_predictor.",
    "roi_heads.mask_head.fuse.0.",
    "body.segmentation_head.",
    "body.head.",
    "body.classifier.",
)


def start(
    fresh: Callable[[], nn.Module], published: Callable[[str], nn.Module], init: str
) -> tuple[nn.Module, str]:
    """The network to train, and one line that says what it begins with.

    Args:
        fresh: builds it with fresh weights.
        published: builds it with those that its library publishes for `coco` or `imagenet`.
        init: `none`, `coco`, `imagenet`, or a safetensors file.

    Raises:
        FileNotFoundError: init is a file that does not exist.
        NetworkError: a file that holds no tensors of this kind.
    """
    if init == "none":
        return fresh(), "starting from fresh weights"
    if init not in PUBLISHED:
        network = fresh()
        return network, take_over(network, Path(init))
    try:
        with no_long_wait():
            return published(init), f"starting from {init} weights"
    except (OSError, urllib.error.URLError) as error:
        reason = str(getattr(error, "reason", error)).splitlines()[0][:120]
        line = f"{init} weights cannot be fetched ({reason}): starting from fresh weights"
        return fresh(), line
    except NetworkError as error:
        return fresh(), f"{error}: starting from fresh weights"


@torch.no_grad()
def take_over(network: nn.Module, path: Path) -> str:
    """Take over the tensors of a file that fit by name and shape, and say how many did.

    Where the classes differ in number, the first ones of both are taken for the same: a class
    that is added after those of a starter model costs them nothing.

    Raises:
        FileNotFoundError: there is no such file.
        NetworkError: the file is no safetensors file, or none of its tensors fits.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"--init {path}: no such file; expected coco, imagenet, none or one"
        )
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise NetworkError(f"--init {path} is no safetensors file: {error}") from error
    own = network.state_dict()
    fitting, widened = 0, 0
    for name, value in tensors.items():
        if name not in own:
            continue
        if own[name].shape == value.shape:
            own[name].copy_(value)
            fitting += 1
        elif name.startswith(OF_CLASSES) and own[name].ndim == value.ndim:
            _copy_common(own[name], value)
            widened += 1
    if not fitting:
        raise NetworkError(f"--init {path}: none of its {len(tensors)} tensors fits this network")
    line = f"starting from {path}: {fitting} of {len(own)} tensors fit"
    return line + (f", {widened} for the classes that both have" if widened else "")


def copy_fitting(network: nn.Module, given: dict[str, Tensor]) -> int:
    """Copy the tensors that fit by name and shape; gives how many did."""
    own = network.state_dict()
    fitting = {n: v for n, v in given.items() if n in own and own[n].shape == v.shape}
    network.load_state_dict(fitting, strict=False)
    return len(fitting)


def _copy_common(own: Tensor, value: Tensor) -> None:
    common = tuple(slice(min(pair)) for pair in zip(own.shape, value.shape, strict=True))
    own[common].copy_(value[common])


@contextlib.contextmanager
def no_long_wait() -> Iterator[None]:
    """Where Hugging Face's host is unknown, its client uses what it has and does not try for long.

    It would try five times with growing pauses, half a minute an encoder.
    """
    try:
        from huggingface_hub import constants
    except ImportError:
        yield
        return
    before = constants.HF_HUB_OFFLINE
    try:
        socket.getaddrinfo(urlparse(constants.ENDPOINT).hostname, 443)
    except OSError:
        constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
