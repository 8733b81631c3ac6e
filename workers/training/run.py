"""One training run from data to model folder: what `lineside train` does."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from inspection.model_folder import ModelFolder
from inspection.model_manifest import SemanticOutput, Training
from workers.networks.catalogue import ALIGNED, Network, choose_encoder
from workers.networks.creating import Created, create_instance, create_semantic
from workers.networks.detectron2_starting import create_detectron2
from workers.networks.resnet_maskrcnn import ResnetConfig
from workers.training.augment import Augmentation
from workers.training.checkpoint import Progress, read_progress
from workers.training.curves import draw_curves
from workers.training.data_sources import Report, Source, SourceOptions, open_source
from workers.training.instance_task import InstanceData, InstanceTask, one_class_a_thing
from workers.training.loop import Plan, Task, train
from workers.training.memory import estimate_bytes, free_bytes, memory_line
from workers.training.network import NetworkConfig
from workers.training.package import Package
from workers.training.packing import pack
from workers.training.semantic_task import SemanticData, SemanticTask, classes_overlap
from workers.training.semantic_views import ViewRange
from workers.training.team import Team, join_team, leave_team

CHECKED_IMAGES = 120
# Scenes with more instances than this get more proposals and detections.
CROWDED = 20
# Semantic networks see images at full size up to this longer side, else reduced to it.
LONGEST_PX = 1024
PRETRAINED_RATE = 0.5

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """What the command line gives.

    Attributes:
        source: the data.
        out: the model folder; the run's state lies beside it, in `<out>-run`.
        network: an entry of the catalogue.
        plan: how long, and in what steps; its crop and rate are those of the network where the
            command line says nothing else (`network_plan`).
        encoder: of a semantic network; None for its default.
        init: `none`, `coco`, `imagenet`, or a safetensors file whose fitting tensors are taken.
        input_px: side of the letterboxed input of a network for instances.
        scale: px of a semantic network's input to one image px; None chooses by the images.
        paste: share of the views that get instances of another image.
        zoom: least and greatest magnification of a view; None for the task's own range.
        command: the command line, for the model card.
    """

    source: SourceOptions
    out: Path
    network: Network
    plan: Plan
    encoder: str | None = None
    init: str = "none"
    input_px: int = 512
    scale: float | None = None
    paste: float = 0.25
    zoom: tuple[float, float] | None = None
    device: str = "cpu"
    threads: int | None = None
    resume: bool = False
    try_int8: bool = True
    command: str = ""


def network_plan(network: Network, plan: Plan, init: str) -> Plan:
    """The plan with the crop, batch and rate that suit a network; less for trained weights."""
    if network.name == "mask-rcnn-light":
        return plan
    rate = network.peak_rate * (1.0 if init == "none" else PRETRAINED_RATE)
    semantic = network.task == "semantic-segmentation"
    full = max(1, network.crop_batch // 2)
    return replace(
        plan,
        peak_rate=rate,
        warm_up_steps=100 if semantic else plan.warm_up_steps,
        crop_px=network.crop_px,
        crop_batch=network.crop_batch,
        full_batch=full,
        chunk_steps=50,
    )


def run_training(options: TrainingOptions, report: Report, say: Say) -> ModelFolder | None:
    """Draw or read the data, train, export, choose thresholds, write the model folder.

    Gives None in the processes of a team that do not lead it.

    Raises:
        TrainingDataError: the data cannot be trained on.
        DatasetError: the data cannot be read as they are.
        NetworkError: the network cannot be had as asked for.
        FileNotFoundError: `init` names no file, or there is nothing to resume.
        FloatingPointError: the loss is no longer a number.
    """
    encoder = choose_encoder(options.network, options.encoder)
    torch.set_num_threads(options.threads or len(os.sched_getaffinity(0)))
    team = join_team(options.device)
    tell = say if team.leads else _say_nothing
    try:
        return _run(options, encoder, team, report if team.leads else _report_nothing, tell)
    finally:
        leave_team(team)


def _run(
    options: TrainingOptions, encoder: str, team: Team, report: Report, say: Say
) -> ModelFolder | None:
    work = options.out.with_name(options.out.name + "-run")
    # One process draws; the others find the images there.
    source: Source | None = None
    if team.leads:
        source = open_source(options.source, work / "data", options.plan.seed, report)
        say(f"{len(source.training)} images to train on, {len(source.validation)} to validate on")
    team.agree(0.0)
    if source is None:
        source = open_source(options.source, work / "data", options.plan.seed, report)
    torch.manual_seed(options.plan.seed)
    semantic = options.network.task == "semantic-segmentation"
    prepare = _semantic if semantic else _instances
    created, task, output = prepare(options, encoder, source, team, say)
    say(created.line)
    needed = estimate_bytes(created.network, task, options.plan.loader_processes)
    say(memory_line(needed, free_bytes(team.device)))

    def tell(progress: Progress, share: float) -> None:
        report("training", round(share * 10_000), 10_000)

    best = train(
        created.network,
        task,
        options.plan,
        work,
        report=tell,
        team=team,
        resume=options.resume,
    )
    if not team.leads:
        return None
    progress = read_progress(work / "checkpoint.safetensors")
    package = Package(
        name=options.out.name,
        network=options.network.name,
        config=created.config,
        classes=source.classes,
        input_px=None if semantic else options.input_px,
        semantic=output,
        instances=source.instances,
        exclusive=not semantic and len(source.classes) > 1 and one_class_a_thing(source.training),
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
        files=created.files,
    )
    folder = pack(created.ship(best.cpu()), package, options.out, say)
    say(draw_curves(work, folder))
    return folder


Prepared = tuple[Created, Task, SemanticOutput | None]


def _instances(
    options: TrainingOptions, encoder: str, source: Source, team: Team, say: Say
) -> Prepared:
    created = _create_instances(options, encoder, source)
    created.network.to(team.device)
    how = Augmentation(
        input_px=options.input_px,
        upright=source.upright,
        tilt_deg=0.0 if source.upright else 15.0,
        paste=options.paste,
    )
    if options.zoom is not None:
        how = replace(how, zoom=options.zoom)
    data = InstanceData(source.classes, source.training, source.validation[:CHECKED_IMAGES])
    plan = replace(options.plan, full_px=options.input_px)
    task = InstanceTask(data, plan, how, options.input_px, team.device, say)
    return created, task, None


def _create_instances(options: TrainingOptions, encoder: str, source: Source) -> Created:
    name = options.network.name
    if name == ALIGNED:
        return create_detectron2(options.network, source.classes, options.init)
    crowded = max(len(file.annotations) for file in source.training) > CROWDED
    config: dict[str, Any] = {}
    if name == "mask-rcnn-light":
        light = NetworkConfig(source.classes, encoder=encoder)
        if crowded:
            light = replace(light, proposals=200, detections=60)
        config = light.to_json()
    else:
        wide = ResnetConfig(name, source.classes)
        if crowded:
            wide = ResnetConfig(name, source.classes, proposals=400, detections=200)
        config = wide.to_json()
    return create_instance(options.network, config, options.init)


def _semantic(
    options: TrainingOptions, encoder: str, source: Source, team: Team, say: Say
) -> Prepared:
    created = create_semantic(options.network, source.classes, encoder, options.init)
    created.network.to(team.device)
    scale = options.scale or working_scale(source)
    output = SemanticOutput(
        scale=scale,
        stride=options.network.stride,
        exclusive=not classes_overlap(source.training, source.classes),
    )
    how = ViewRange(
        scale=scale,
        tilt_deg=5.0 if source.upright else 20.0,
        upright=source.upright,
        paste=options.paste,
    )
    if options.zoom is not None:
        how = replace(how, zoom=options.zoom)
    data = SemanticData(source.classes, source.training, source.validation[:CHECKED_IMAGES])
    task = SemanticTask(data, options.plan, how, output.stride, team.device, say)
    return created, task, output


def working_scale(source: Source) -> float:
    """1 for images up to `LONGEST_PX`, less for larger ones, by the median of the set."""
    longest = float(np.median([max(file.size_wh) for file in source.training]))
    return round(min(1.0, LONGEST_PX / longest), 4)


def _say_nothing(line: str) -> None:
    """For processes that do not lead."""


def _report_nothing(stage: str, done: int, total: int) -> None:
    """For processes that do not lead."""
