"""The training loop: seeded, resumable, ended by a number of steps or by a time budget."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from workers.training import checkpoint
from workers.training.augment import Augmentation
from workers.training.checkpoint import Progress
from workers.training.dataset import Record, TrainingSet, collate


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does.

    Attributes:
        steps: optimizer steps; None with a time budget.
        time_budget_s: training time after which the run ends; None with steps.
        crop_px, crop_batch: side and batch of the first phase, on crops at full scale.
        full_px, full_batch: the same of the second phase, on whole images.
        crop_share: share of the run that the first phase takes.
        validate_every: share of the run between two validations.
    """

    steps: int | None = None
    time_budget_s: float | None = None
    seed: int = 0
    peak_rate: float = 1.5e-3
    weight_decay: float = 0.02
    warm_up_steps: int = 200
    crop_px: int = 320
    crop_batch: int = 16
    full_px: int = 512
    full_batch: int = 8
    crop_share: float = 0.7
    validate_every: float = 0.1
    average_decay: float = 0.998
    chunk_steps: int = 100
    loader_processes: int = 1

    def share_done(self, progress: Progress) -> float:
        """0 at the start, 1 at the end."""
        if self.time_budget_s is not None:
            return min(1.0, progress.spent_s / self.time_budget_s)
        assert self.steps is not None
        return min(1.0, progress.step / self.steps)


def train(
    model: nn.Module,
    records: list[Record],
    plan: Plan,
    how: Augmentation,
    run: Path,
    *,
    validate: Callable[[nn.Module], float],
    report: Callable[[Progress, float], None],
    device: str = "cpu",
    resume: bool = False,
) -> nn.Module:
    """Train and return the averaged weights that did best on validation.

    Args:
        model: a torchvision detection network; changed in place.
        records: the training images.
        run: folder of checkpoint.safetensors, best.safetensors and log.jsonl.
        validate: gives the figure to be maximised.
        report: called after every step with the progress and the share done.

    Raises:
        FloatingPointError: the loss is no longer a number.
    """
    torch.manual_seed(plan.seed)
    average = copy.deepcopy(model).eval()
    optimizer = torch.optim.AdamW(
        [parameter for parameter in model.parameters() if parameter.requires_grad],
        plan.peak_rate,
        weight_decay=plan.weight_decay,
    )
    progress = Progress()
    if resume:
        progress = checkpoint.resume(run, model, average, optimizer)
    run.mkdir(parents=True, exist_ok=True)
    next_check = plan.share_done(progress) + plan.validate_every
    while (done := plan.share_done(progress)) < 1:
        for images, targets in _chunk(records, plan, how, progress, done):
            started = time.monotonic()
            losses = _step(model, average, optimizer, images, targets, plan, progress, device)
            progress.step += 1
            progress.items += len(images)
            progress.spent_s += time.monotonic() - started
            _log(run, progress, losses, optimizer.param_groups[0]["lr"])
            report(progress, plan.share_done(progress))
            if plan.share_done(progress) >= 1:
                break
        if (done := plan.share_done(progress)) >= min(next_check, 1):
            next_check = done + plan.validate_every
            metric = validate(average)
            progress.history.append({"step": progress.step, "metric": metric})
            _log(run, progress, {"metric": metric}, 0.0)
            if metric >= progress.best_metric:
                progress.best_metric = metric
                checkpoint.save(run / "best", progress, average, average, optimizer)
        checkpoint.save(run, progress, model, average, optimizer)
    best = checkpoint.resume(run / "best", average, average, optimizer)
    progress.best_metric = best.best_metric
    return average


def _step(
    model: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
    images: list[torch.Tensor],
    targets: list[dict[str, torch.Tensor]],
    plan: Plan,
    progress: Progress,
    device: str,
) -> dict[str, float]:
    """One optimizer step: bf16 autocast, clipped gradients, averaged weights."""
    rate = plan.peak_rate * learning_share(plan.share_done(progress))
    rate *= min(1.0, (progress.step + 1) / plan.warm_up_steps)
    for group in optimizer.param_groups:
        group["lr"] = rate
    model.train()
    batch = [image.to(device).float() for image in images]
    truth = [{name: value.to(device) for name, value in t.items()} for t in targets]
    with torch.autocast(device, torch.bfloat16):
        losses = model(batch, truth)
    total = sum(losses.values())
    if not torch.isfinite(total):
        raise FloatingPointError(f"the loss is not a number any more at step {progress.step}")
    optimizer.zero_grad(set_to_none=True)
    total.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimizer.step()
    with torch.no_grad():
        decay = min(plan.average_decay, (1 + progress.step) / (10 + progress.step))
        for kept, fresh in zip(
            average.state_dict().values(), model.state_dict().values(), strict=True
        ):
            if kept.dtype.is_floating_point:
                kept.lerp_(fresh, 1 - decay)
            else:
                kept.copy_(fresh)
    return {"total": float(total.detach())} | {k: float(v.detach()) for k, v in losses.items()}


def learning_share(done: float) -> float:
    """Half a cosine from 1 down to 0.01 (Loshchilov and Hutter 2017)."""
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done))


def _chunk(
    records: list[Record], plan: Plan, how: Augmentation, progress: Progress, done: float
) -> DataLoader:  # type: ignore[type-arg]
    """The next few steps' samples. Item numbers go on where the last chunk ended."""
    crops = done < plan.crop_share
    side, batch = (plan.crop_px, plan.crop_batch) if crops else (plan.full_px, plan.full_batch)
    steps = plan.chunk_steps
    if plan.steps is not None:
        steps = min(steps, plan.steps - progress.step)
    rng = np.random.default_rng([plan.seed, progress.items])
    numbers = rng.integers(0, len(records), steps * batch)
    samples = TrainingSet(
        records,
        [(int(number), side) for number in numbers],
        how,
        plan.seed * 1_000_003 + progress.items,
    )
    return DataLoader(
        samples,
        batch,
        num_workers=plan.loader_processes,
        collate_fn=collate,
        prefetch_factor=4 if plan.loader_processes else None,
    )


def _log(run: Path, progress: Progress, values: dict[str, float], rate: float) -> None:
    line = {"step": progress.step, "spent_s": round(progress.spent_s, 1), "rate": rate}
    line |= {name: round(value, 5) for name, value in values.items()}
    with (run / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
