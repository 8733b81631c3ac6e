"""Which keys of a Detectron2 configuration shape the network, and which values are supported."""

from __future__ import annotations

from typing import Any

_LEVELS = ("res2", "res3", "res4", "res5")
_MAPS = ("p2", "p3", "p4", "p5", "p6")
NORMS = ("", "FrozenBN", "BN", "SyncBN", "GN")
POOLERS = ("ROIAlignV2", "ROIAlign")

# Key: the field of AlignedConfig that takes its value, and Detectron2's default.
READ: dict[str, tuple[str, Any]] = {
    "INPUT.FORMAT": ("colour_order", "BGR"),
    "TEST.DETECTIONS_PER_IMAGE": ("detections", 100),
    **{
        f"MODEL.{key}": value
        for key, value in {
            "PIXEL_MEAN": ("pixel_mean", (103.53, 116.28, 123.675)),
            "PIXEL_STD": ("pixel_deviation", (1.0, 1.0, 1.0)),
            "RESNETS.DEPTH": ("depth", 50),
            "RESNETS.NUM_GROUPS": ("groups", 1),
            "RESNETS.WIDTH_PER_GROUP": ("group_width", 64),
            "RESNETS.STEM_OUT_CHANNELS": ("stem_channels", 64),
            "RESNETS.RES2_OUT_CHANNELS": ("res2_channels", 256),
            "RESNETS.NORM": ("norm", "FrozenBN"),
            "RESNETS.STRIDE_IN_1X1": ("stride_in_1x1", True),
            "FPN.OUT_CHANNELS": ("pyramid_channels", 256),
            "FPN.NORM": ("pyramid_norm", ""),
            "FPN.FUSE_TYPE": ("fuse", "sum"),
            "ANCHOR_GENERATOR.SIZES": ("anchor_sizes_px", ((32, 64, 128, 256, 512),)),
            "ANCHOR_GENERATOR.ASPECT_RATIOS": ("anchor_ratios", ((0.5, 1.0, 2.0),)),
            "ANCHOR_GENERATOR.OFFSET": ("anchor_offset", 0.0),
            "PROPOSAL_GENERATOR.MIN_SIZE": ("least_side_px", 0),
            "RPN.CONV_DIMS": ("rpn_channels", (-1,)),
            "RPN.BBOX_REG_WEIGHTS": ("rpn_weights", (1.0, 1.0, 1.0, 1.0)),
            "RPN.PRE_NMS_TOPK_TEST": ("before_nms", 6000),
            "RPN.POST_NMS_TOPK_TEST": ("after_nms", 1000),
            "RPN.NMS_THRESH": ("rpn_nms_iou", 0.7),
            "ROI_HEADS.SCORE_THRESH_TEST": ("least_score", 0.05),
            "ROI_HEADS.NMS_THRESH_TEST": ("box_nms_iou", 0.5),
            "ROI_BOX_HEAD.POOLER_RESOLUTION": ("box_side", 14),
            "ROI_BOX_HEAD.POOLER_SAMPLING_RATIO": ("box_samples", 0),
            "ROI_BOX_HEAD.POOLER_TYPE": ("box_aligned", "ROIAlignV2"),
            "ROI_BOX_HEAD.NUM_CONV": ("box_convs", 0),
            "ROI_BOX_HEAD.CONV_DIM": ("box_conv_channels", 256),
            "ROI_BOX_HEAD.NORM": ("box_norm", ""),
            "ROI_BOX_HEAD.NUM_FC": ("box_layers", 0),
            "ROI_BOX_HEAD.FC_DIM": ("box_features", 1024),
            "ROI_BOX_HEAD.BBOX_REG_WEIGHTS": ("box_weights", (10.0, 10.0, 5.0, 5.0)),
            "ROI_BOX_HEAD.CLS_AGNOSTIC_BBOX_REG": ("box_agnostic", False),
            "ROI_MASK_HEAD.POOLER_RESOLUTION": ("mask_side", 14),
            "ROI_MASK_HEAD.POOLER_SAMPLING_RATIO": ("mask_samples", 0),
            "ROI_MASK_HEAD.POOLER_TYPE": ("mask_aligned", "ROIAlignV2"),
            "ROI_MASK_HEAD.NUM_CONV": ("mask_convs", 0),
            "ROI_MASK_HEAD.CONV_DIM": ("mask_channels", 256),
            "ROI_MASK_HEAD.NORM": ("mask_norm", ""),
            "ROI_MASK_HEAD.CLS_AGNOSTIC_MASK": ("mask_agnostic", False),
        }.items()
    },
}

# Key: Detectron2's default, what is supported, and what another value most likely means.
ONLY: dict[str, tuple[Any, tuple[Any, ...], str]] = {
    "INPUT.FORMAT": ("BGR", ("BGR", "RGB"), ""),
    **{
        f"MODEL.{key}": value
        for key, value in {
            "META_ARCHITECTURE": ("GeneralizedRCNN", ("GeneralizedRCNN",), ""),
            "MASK_ON": (False, (True,), " (a network without masks)"),
            "KEYPOINT_ON": (False, (False,), " (keypoints)"),
            "LOAD_PROPOSALS": (False, (False,), " (proposals from files)"),
            "BACKBONE.NAME": (
                "build_resnet_backbone",
                ("build_resnet_fpn_backbone",),
                " (no feature pyramid: C4, DC5 or another backbone)",
            ),
            "RESNETS.OUT_FEATURES": (("res4",), (_LEVELS,), ""),
            "RESNETS.NORM": ("FrozenBN", NORMS, ""),
            "RESNETS.RES5_DILATION": (1, (1,), " (DC5)"),
            "RESNETS.DEFORM_ON_PER_STAGE": (
                (False,) * 4,
                ((False,) * 4,),
                " (deformable convolutions)",
            ),
            "FPN.IN_FEATURES": ((), (_LEVELS,), ""),
            "FPN.NORM": ("", NORMS, ""),
            "FPN.FUSE_TYPE": ("sum", ("sum", "avg"), ""),
            "PROPOSAL_GENERATOR.NAME": ("RPN", ("RPN",), " (rotated or other proposals)"),
            "ANCHOR_GENERATOR.NAME": (
                "DefaultAnchorGenerator",
                ("DefaultAnchorGenerator",),
                " (rotated or other anchors)",
            ),
            "RPN.HEAD_NAME": ("StandardRPNHead", ("StandardRPNHead",), ""),
            "RPN.IN_FEATURES": (("res4",), (_MAPS,), ""),
            "ROI_HEADS.NAME": (
                "Res5ROIHeads",
                ("StandardROIHeads",),
                " (C4, cascade, rotated or other heads)",
            ),
            "ROI_HEADS.IN_FEATURES": (("res4",), (_MAPS[:4],), ""),
            "ROI_BOX_HEAD.NAME": ("", ("FastRCNNConvFCHead",), ""),
            "ROI_BOX_HEAD.NORM": ("", NORMS, ""),
            "ROI_BOX_HEAD.POOLER_TYPE": ("ROIAlignV2", POOLERS, ""),
            "ROI_BOX_HEAD.USE_SIGMOID_CE": (False, (False,), ""),
            "ROI_BOX_HEAD.USE_FED_LOSS": (False, (False,), ""),
            "ROI_MASK_HEAD.NAME": (
                "MaskRCNNConvUpsampleHead",
                ("MaskRCNNConvUpsampleHead",),
                " (PointRend or another mask head)",
            ),
            "ROI_MASK_HEAD.NORM": ("", NORMS, ""),
            "ROI_MASK_HEAD.POOLER_TYPE": ("ROIAlignV2", POOLERS, ""),
        }.items()
    },
}

# Beginnings of keys that do not change what a trained network finds: those of training, of data,
# and of parts that what stands above leaves out.
FREE: tuple[str, ...] = (
    "VERSION",
    "SOLVER.",
    "DATASETS.",
    "DATALOADER.",
    "TEST.",
    "INPUT.",
    "OUTPUT_DIR",
    "SEED",
    "CUDNN_BENCHMARK",
    "FLOAT32_PRECISION",
    "VIS_PERIOD",
    "GLOBAL.",
    *(
        f"MODEL.{key}"
        for key in (
            "DEVICE",
            "WEIGHTS",
            "BACKBONE.FREEZE_AT",
            "RESNETS.DEFORM_MODULATED",
            "RESNETS.DEFORM_NUM_GROUPS",
            "ANCHOR_GENERATOR.ANGLES",
            "RPN.BOUNDARY_THRESH",
            "RPN.IOU_",
            "RPN.BATCH_SIZE_PER_IMAGE",
            "RPN.POSITIVE_FRACTION",
            "RPN.BBOX_REG_LOSS_",
            "RPN.SMOOTH_L1_BETA",
            "RPN.LOSS_WEIGHT",
            "RPN.PRE_NMS_TOPK_TRAIN",
            "RPN.POST_NMS_TOPK_TRAIN",
            "ROI_HEADS.NUM_CLASSES",
            "ROI_HEADS.IOU_",
            "ROI_HEADS.BATCH_SIZE_PER_IMAGE",
            "ROI_HEADS.POSITIVE_FRACTION",
            "ROI_HEADS.PROPOSAL_APPEND_GT",
            "ROI_BOX_HEAD.BBOX_REG_LOSS_",
            "ROI_BOX_HEAD.SMOOTH_L1_BETA",
            "ROI_BOX_HEAD.TRAIN_ON_PRED_BOXES",
            "ROI_BOX_HEAD.FED_LOSS_",
            "ROI_BOX_CASCADE_HEAD.",
            "ROI_KEYPOINT_HEAD.",
            "SEM_SEG_HEAD.",
            "PANOPTIC_FPN.",
            "RETINANET.",
        )
    ),
)
