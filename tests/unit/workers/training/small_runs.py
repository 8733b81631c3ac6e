"""Runs of seconds: a few steps on a few small images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from inspection.drawing.dataset import write_coco
from inspection.drawing.surfaces import CLASSES, draw_surface
from workers.networks.catalogue import find_network
from workers.training.data_sources import SourceOptions
from workers.training.loop import Plan
from workers.training.run import TrainingOptions

SIDE_PX = 128


def small_plan(steps: int, **other: Any) -> Plan:
    """Views of 128 px two by two, loaded in this process, and checkpoints within the run."""
    plan = Plan(
        steps=steps,
        crop_px=SIDE_PX,
        full_px=SIDE_PX,
        crop_batch=2,
        full_batch=2,
        warm_up_steps=2,
        chunk_steps=5,
        validate_every=0.5,
        loader_processes=0,
    )
    return replace(plan, **other)


def small_options(data: Path, out: Path, network: str, plan: Plan, **other: Any) -> TrainingOptions:
    """One thread, and no int8, which takes longer than all the rest."""
    options = TrainingOptions(
        source=SourceOptions(str(data)),
        out=out,
        network=find_network(network),
        plan=plan,
        threads=1,
        try_int8=False,
        command="lineside train",
    )
    return replace(options, **other)


def small_surfaces(folder: Path) -> Path:
    """Six drawn surfaces with stains and pits, in COCO's form."""
    size_wh = (SIDE_PX, SIDE_PX)
    write_coco(folder, lambda rng: draw_surface(rng, size_wh, ["stain", "pit"]), CLASSES, 6, seed=3)
    return folder


def no_report(stage: str, done: int, total: int) -> None:
    """Nobody is watching."""
