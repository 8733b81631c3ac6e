"""Export a semantic network to ONNX for images of any size that its stride divides."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from workers.training.export import OPSET, fold_batch_norms
from workers.training.graph_shapes import shapes_from_image

# Weights with fewer values than this are scales and shapes, not worth a cast.
SMALLEST_TENSOR = 64


class ExportedSemantic(nn.Module):
    """One image, uint8 (1, H, W, 3) RGB, to probabilities, float32 (1, C, H, W)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.network(image.permute(0, 3, 1, 2).float())
        return logits.sigmoid()


class ShapedPool(nn.Module):
    """`nn.AdaptiveAvgPool2d(size)` as two products with averaging matrices.

    ONNX has no adaptive pooling, so torch's exporter can only write one whose windows are those
    of one input size; the matrices are made from the size at hand.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        rows, columns = self._averaging(x.shape[2]), self._averaging(x.shape[3])
        return torch.matmul(torch.matmul(rows, x), columns.transpose(0, 1))

    def _averaging(self, length: int) -> Tensor:
        """(size, length): row i is 1/n over the n cells from floor(i·length/size) on."""
        windows = torch.arange(self.size).view(-1, 1)
        begin = torch.div(windows * length, self.size, rounding_mode="floor")
        end = torch.div((windows + 1) * length + self.size - 1, self.size, rounding_mode="floor")
        cells = torch.arange(length).view(1, -1)
        inside = ((cells >= begin) & (cells < end)).float()
        return inside / inside.sum(dim=1, keepdim=True)


def export_semantic(network: nn.Module, path: Path, stride: int) -> None:
    """Write the network as ONNX: batch norms folded, weights stored in half precision.

    A cast stands behind every stored weight, so that engines calculate in fp32.
    """
    folded = fold_batch_norms(copy.deepcopy(network).cpu().float().eval())
    _shape_pools(folded)
    side = max(64, 4 * stride)
    example = torch.full((1, side, side + stride, 3), 114, dtype=torch.uint8)
    with warnings.catch_warnings():
        # Its warnings are about sizes that it takes for fixed; the graph is checked below.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            ExportedSemantic(folded),
            (example,),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=["image"],
            output_names=["probabilities"],
            dynamic_axes={
                "image": {1: "height", 2: "width"},
                "probabilities": {2: "height", 3: "width"},
            },
            do_constant_folding=True,
        )
    model = onnx.load(str(path))
    shapes_from_image(model, stride)
    onnx.save(model, str(path))


def store_half(path: Path) -> None:
    """Store the large weights of a graph in fp16, each with a cast to fp32 behind it."""
    model = onnx.load(str(path))
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < SMALLEST_TENSOR:
            continue
        values, name = numpy_helper.to_array(tensor), tensor.name
        half = values.astype(np.float16)
        if not np.isfinite(half).all():
            continue
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    for place, node in enumerate(casts):
        model.graph.node.insert(place, node)
    onnx.save(model, str(path))


class ShapedPyramidLevel(nn.Module):
    """A level of PSPNet's pyramid (Zhao et al., CVPR 2017) as the library has it, any size."""

    def __init__(self, size: int, convolution: nn.Module) -> None:
        super().__init__()
        self.pool, self.convolution = ShapedPool(size), convolution

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(
            self.convolution(self.pool(x)), size=x.shape[2:], mode="bilinear", align_corners=True
        )


def _shape_pools(network: nn.Module) -> None:
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            # The library's own way of exporting it fixes the input's size.
            if type(child).__name__ == "PSPBlock":
                pool, convolution = child.pool  # type: ignore[misc]
                module._modules[name] = ShapedPyramidLevel(pool.output_size[0], convolution)
