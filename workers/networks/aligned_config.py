"""What shapes a Mask R-CNN of Detectron2's kind, as model.json holds it. Imports no torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

Weights = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class AlignedConfig:
    """Everything that `aligned_maskrcnn` needs besides the weights.

    Attributes:
        classes: names, in the order of the box predictor's rows; the background comes last there.
        colour_order: `BGR` or `RGB`, of the three values below and of the first convolution.
        depth, groups, group_width, stem_channels, res2_channels, norm, stride_in_1x1: the ResNet;
            the last says which convolution of a bottleneck halves the map.
        fuse: `sum` or `avg`, how a pyramid level takes in the one above.
        anchor_sizes_px, anchor_ratios: of each pyramid level, or one entry for all.
        anchor_offset: where in a cell the anchors' centre lies, 0 for its corner.
        rpn_channels: of the convolutions before the proposals; -1 for the pyramid's.
        before_nms, after_nms: proposals of a level and of an image.
        least_side_px: smaller proposals are dropped.
        box_side, mask_side: cells of what is pooled, before the mask head doubles them.
        box_samples, mask_samples: per cell and axis; 0 takes as many as the cell has map px.
        box_aligned, mask_aligned: half a map px is taken off before sampling (ROIAlignV2).
        box_weights, rpn_weights: box deltas are divided by them.
        box_agnostic, mask_agnostic: one box or mask for all classes.
    """

    classes: tuple[str, ...]
    colour_order: str = "BGR"
    pixel_mean: tuple[float, ...] = (103.53, 116.28, 123.675)
    pixel_deviation: tuple[float, ...] = (1.0, 1.0, 1.0)
    depth: int = 50
    groups: int = 1
    group_width: int = 64
    stem_channels: int = 64
    res2_channels: int = 256
    norm: str = "FrozenBN"
    stride_in_1x1: bool = True
    pyramid_channels: int = 256
    pyramid_norm: str = ""
    fuse: str = "sum"
    anchor_sizes_px: tuple[tuple[float, ...], ...] = ((32,), (64,), (128,), (256,), (512,))
    anchor_ratios: tuple[tuple[float, ...], ...] = ((0.5, 1.0, 2.0),)
    anchor_offset: float = 0.0
    rpn_channels: tuple[int, ...] = (-1,)
    rpn_weights: Weights = (1.0, 1.0, 1.0, 1.0)
    before_nms: int = 1000
    after_nms: int = 1000
    rpn_nms_iou: float = 0.7
    least_side_px: float = 0.0
    least_score: float = 0.05
    box_nms_iou: float = 0.5
    detections: int = 100
    box_side: int = 7
    box_samples: int = 0
    box_aligned: bool = True
    box_convs: int = 0
    box_conv_channels: int = 256
    box_norm: str = ""
    box_layers: int = 2
    box_features: int = 1024
    box_weights: Weights = (10.0, 10.0, 5.0, 5.0)
    box_agnostic: bool = False
    mask_side: int = 14
    mask_samples: int = 0
    mask_aligned: bool = True
    mask_convs: int = 4
    mask_channels: int = 256
    mask_norm: str = ""
    mask_agnostic: bool = False

    def to_json(self) -> dict[str, Any]:
        """For model.json."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> AlignedConfig:
        """Back from model.json; unknown keys raise TypeError, missing classes KeyError."""
        return cls(**({"classes": values["classes"]} | {n: frozen(v) for n, v in values.items()}))


def frozen(value: Any) -> Any:
    """Lists of JSON as the tuples that they were."""
    return tuple(frozen(one) for one in value) if isinstance(value, list | tuple) else value


def _plain(value: Any) -> Any:
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
