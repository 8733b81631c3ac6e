"""Detectron2's own network in the form that our loop, validation and engines know.

The only module that imports Detectron2, and only when one of its functions is called.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from workers.networks.detectron2_config import INSTALL, is_installed, to_yaml
from workers.networks.errors import NetworkError

# Modules whose outputs boxes, classes and masks are read from: fp32 under autocast too.
EXACT = (
    "backbone",
    "proposal_generator.rpn_head",
    "roi_heads.box_predictor",
    "roi_heads.mask_head.predictor",
)


class Detectron2Network(nn.Module):
    """A Detectron2 model: letterboxed RGB images in, losses or findings out.

    Images are float (3, H, W) of 0 to 255. Trained with targets as `training.dataset` makes
    them, it gives Detectron2's losses; else, of each image, boxes (N, 4) xyxy in input px, scores
    (N,), labels int64 (N,) from 1, and masks (N, 1, M, M), probabilities over each box.

    Attributes:
        body: Detectron2's module; its tensors have the names of Detectron2's checkpoints.
        values: the configuration that it was built from.
    """

    def __init__(self, body: nn.Module, values: dict[str, Any]) -> None:
        super().__init__()
        self.body, self.values = body, values
        self._bgr = values.get("INPUT", {}).get("FORMAT", "BGR") == "BGR"
        for name in EXACT:
            body.get_submodule(name).register_forward_hook(_to_float)

    def forward(self, images: list[Tensor], targets: list[dict[str, Tensor]] | None = None) -> Any:
        ordered = [image[[2, 1, 0]] if self._bgr else image for image in images]
        if not self.training:
            found = self.body.inference(  # type: ignore[operator]
                [{"image": image} for image in ordered], do_postprocess=False
            )
            return [_plain(one) for one in found]
        from detectron2.utils.events import EventStorage

        assert targets is not None
        given = [
            {"image": image, "instances": _instances(image, target)}
            for image, target in zip(ordered, targets, strict=True)
        ]
        # Its heads write figures of their own there, which nobody reads.
        with EventStorage():
            return self.body(given)


def build_detectron2(values: dict[str, Any], class_count: int) -> Detectron2Network:
    """Detectron2's network of a configuration that has been checked, with fresh weights.

    Raises:
        NetworkError: Detectron2 is not installed, or refuses the configuration.
    """
    if not is_installed():
        raise NetworkError(f"this needs Detectron2, which is not installed here: {INSTALL}")
    with _quiet():
        from detectron2.config import CfgNode, get_cfg
        from detectron2.modeling import build_model

        config = get_cfg()
        try:
            # Keys, not a file: Detectron2 would obey the tags in one.
            config.merge_from_other_cfg(CfgNode(CfgNode.load_cfg(to_yaml(values))))
            config.MODEL.ROI_HEADS.NUM_CLASSES = class_count
            config.MODEL.DEVICE, config.MODEL.WEIGHTS = "cpu", ""
            body = build_model(config)
        except (KeyError, ValueError, TypeError, AssertionError) as error:
            raise NetworkError(f"Detectron2 refuses the configuration: {error}") from error
    whole: dict[str, Any] = _read_back(config)
    return Detectron2Network(body, whole)


def _read_back(config: Any) -> dict[str, Any]:
    import yaml

    values: dict[str, Any] = yaml.safe_load(config.dump())
    return values


def _instances(image: Tensor, target: dict[str, Tensor]) -> Any:
    """One image's truth as Detectron2 holds it; its classes count from 0."""
    from detectron2.structures import BitMasks, Boxes, Instances

    instances = Instances((image.shape[-2], image.shape[-1]))
    instances.gt_boxes = Boxes(target["boxes"])
    instances.gt_classes = target["labels"] - 1
    instances.gt_masks = BitMasks(target["masks"] > 0)
    return instances


def _plain(found: Any) -> dict[str, Tensor]:
    return {
        "boxes": found.pred_boxes.tensor,
        "scores": found.scores,
        "labels": found.pred_classes + 1,
        "masks": found.pred_masks,
    }


def _to_float(module: nn.Module, given: Any, output: Any) -> Any:
    return _float(output)


def _float(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.float()
    if isinstance(value, dict):
        return {name: _float(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_float(inner) for inner in value)
    return value


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Detectron2 compiles some functions by a way that this torch calls outdated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield
