"""One training run from data to model folder: what `lineside train` does."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from inspection.detections import Detections
from inspection.model_folder import ModelFolder, Training
from workers.coco_metrics import mask_precision
from workers.labelled_images import coco_mask
from workers.mask_pasting import letterbox, to_detections
from workers.training.augment import Augmentation
from workers.training.checkpoint import Progress, read_progress
from workers.training.data_sources import Report, Source, open_source
from workers.training.dataset import Record
from workers.training.loop import Plan, train
from workers.training.network import NetworkConfig, build
from workers.training.packing import Package, labelled, pack

CHECKED_IMAGES = 120
# Scenes with more instances than this get more proposals and detections.
CROWDED = 20
# The tensors whose shape depends on the number of classes.
_OF_CLASSES = (
    "backbone.semantic.",
    "roi_heads.box_predictor.",
    "roi_heads.mask_predictor.",
    "roi_heads.mask_head.fuse.0.",
)


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """What the command line gives.

    Attributes:
        data: `drawn:surfaces`, `drawn:shelves` or a COCO folder.
        out: the model folder; the run's state lies beside it, in `<out>-run`.
        init: `none` or a safetensors file whose fitting tensors are taken over.
        images: how many to draw, for drawn data.
        command: the command line, for the model card.
    """

    data: str
    out: Path
    plan: Plan
    init: str = "none"
    images: int = 5000
    input_px: int = 512
    device: str = "cpu"
    threads: int | None = None
    resume: bool = False
    try_int8: bool = True
    command: str = ""


def run_training(
    options: TrainingOptions, report: Report, say: Callable[[str], None]
) -> ModelFolder:
    """Draw or read the data, train, export, choose thresholds, write the model folder.

    Raises:
        TrainingDataError: the data cannot be trained on.
        FileNotFoundError: `init` names no file, or there is nothing to resume.
    """
    torch.set_num_threads(options.threads or len(os.sched_getaffinity(0)))
    work = options.out.with_name(options.out.name + "-run")
    source = open_source(options.data, work / "data", options.images, options.plan.seed, report)
    torch.manual_seed(options.plan.seed)
    config = configure(source)
    network = build(config).to(options.device)
    say(start_from(network, options.init))
    checked = source.validation[:CHECKED_IMAGES]

    def tell(progress: Progress, share: float) -> None:
        report("training", round(share * 10_000), 10_000)

    best = train(
        network,
        source.training,
        options.plan,
        Augmentation(upright=source.upright),
        work,
        validate=lambda model: validate(
            model, checked, config, options.input_px, options.device, say
        ),
        report=tell,
        device=options.device,
        resume=options.resume,
    )
    progress = read_progress(work / "checkpoint.safetensors")
    package = Package(
        name=options.out.name,
        config=config,
        input_px=options.input_px,
        training=Training(
            command=options.command,
            data=source.data,
            steps=progress.step,
            images_seen=progress.items,
            training_s=round(progress.spent_s, 1),
        ),
        licence="Apache-2.0",
        calibration=source.training,
        validation=source.validation,
        try_int8=options.try_int8,
    )
    return pack(best.cpu(), package, options.out, say)


def configure(source: Source) -> NetworkConfig:
    """A network with room for as many instances as the data have."""
    most = max(len(record.annotations) for record in source.training)
    if most > CROWDED:
        return NetworkConfig(source.classes, proposals=200, detections=60)
    return NetworkConfig(source.classes)


def start_from(network: nn.Module, init: str) -> str:
    """Take over the tensors of a file that fit by name and shape, and say how many did.

    Where the classes differ in number, the first ones of both are taken for the same: a class
    that is added after those of a starter model costs them nothing.
    """
    if init == "none":
        return "starting from fresh weights"
    own = network.state_dict()
    fitting, widened = 0, 0
    for name, value in load_file(init).items():
        if name not in own:
            continue
        if own[name].shape == value.shape:
            own[name].copy_(value)
            fitting += 1
        elif name.startswith(_OF_CLASSES) and own[name].ndim == value.ndim:
            shapes = zip(own[name].shape, value.shape, strict=True)
            common = tuple(slice(min(pair)) for pair in shapes)
            own[name][common].copy_(value[common])
            widened += 1
    line = f"starting from {init}: {fitting} of {len(own)} tensors fit"
    return line + (f", {widened} for the classes that both have" if widened else "")


@torch.inference_mode()
def validate(
    network: nn.Module,
    records: list[Record],
    config: NetworkConfig,
    input_px: int,
    device: str,
    say: Callable[[str], None],
) -> float:
    """Mask AP50 of the network on records, with one mask threshold for all classes."""
    network.eval()
    found: list[Detections] = []
    levels = np.full(len(config.classes), 0.45, dtype=np.float32)
    for image in labelled(records):
        square, fit = letterbox(image.image_rgb, input_px)
        tensor = torch.from_numpy(square.transpose(2, 0, 1).copy()).float().to(device)
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            result = network([tensor])[0]
        boxes, scores, masks = (
            result[name].float().cpu().numpy() for name in ("boxes", "scores", "masks")
        )
        class_ids = result["labels"].cpu().numpy() - 1
        found.append(to_detections(boxes, scores, class_ids, masks[:, 0], fit, levels))
    truth = [
        [(index, coco_mask(given, record.size_wh)) for index, given in record.annotations]
        for record in records
    ]
    figures = mask_precision(found, truth, config.classes)
    each = ", ".join(
        f"{name} {values['mask_ap50'] or 0:.3f}" for name, values in figures.per_class.items()
    )
    say(f"validation: mask AP50 {figures.mask_ap50:.3f} ({each}), AP {figures.mask_ap:.3f}")
    return figures.mask_ap50
