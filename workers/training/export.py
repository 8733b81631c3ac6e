"""Export a trained network to ONNX, without mask pasting: OpenVINO reads what comes out."""

from __future__ import annotations

import copy
import warnings
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from workers.networks.aligned_backbone import ConvNorm

OPSET = 17
OUTPUTS = ("boxes", "scores", "labels", "masks")


class ExportedDetector(nn.Module):
    """One letterboxed image, uint8 (1, S, S, 3) RGB, to what was found in it.

    Gives boxes float32 (N, 4) xyxy in input px, scores float32 (N,), labels int64 (N,) from 1,
    masks float32 (N, M, M), probabilities over each box.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        found = self.model([image[0].permute(2, 0, 1).float()])
        # While tracing, torchvision's networks may give (losses, detections).
        detections = found[1] if isinstance(found, tuple) else found
        one = detections[0]
        return one["boxes"], one["scores"], one["labels"], one["masks"][:, 0]


def export(model: nn.Module, path: Path, input_px: int) -> None:
    """Write the network as ONNX in fp32, batch norms folded into their convolutions.

    The exporter is the older one (`dynamo=False`): the newer fails in `batched_nms`.
    """
    folded = fold_batch_norms(copy.deepcopy(model).cpu().float().eval())
    example = torch.full((1, input_px, input_px, 3), 114, dtype=torch.uint8)
    with warnings.catch_warnings():
        # Its warnings are about shapes that are fixed here.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            ExportedDetector(folded),
            (example,),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=["image"],
            output_names=list(OUTPUTS),
            dynamic_axes={name: {0: "found"} for name in OUTPUTS},
            do_constant_folding=True,
        )


def fold_batch_norms(model: nn.Module) -> nn.Module:
    """Fold each batch norm into the convolution before it, in place, and return the model."""
    for module in list(model.modules()):
        if isinstance(module, ConvNorm):
            module.fold()
        children = list(module._modules.items())
        for (_, conv), (after, norm) in pairwise(children):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                before = next(name for name, child in children if child is conv)
                module._modules[before] = fuse_conv_bn_eval(conv, norm)
                module._modules[after] = nn.Identity()
    return model
