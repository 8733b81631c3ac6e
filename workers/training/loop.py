"""The training loop: seeded, resumable, ended by a number of steps or by a time budget."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset

from workers.training import checkpoint
from workers.training.checkpoint import Progress
from workers.training.team import SOLO, Team


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does.

    Attributes:
        steps: optimizer steps; None with a time budget.
        time_budget_s: training time after which the run ends; None with steps.
        crop_px, crop_batch: side and batch (of each process) of the first phase, on crops.
        full_px, full_batch: the same of the second phase, on whole images; networks for
            instances alone have one.
        crop_share: share of the run that the first phase takes.
        validate_every: share of the run between two validations.
        patience: validations without a new best one after which the run ends; None for never.
        chunk_steps: steps between two checkpoints.
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
    patience: int | None = 5
    average_decay: float = 0.998
    chunk_steps: int = 100
    loader_processes: int = 1

    def share_done(self, progress: Progress) -> float:
        """0 at the start, 1 at the end."""
        if self.time_budget_s is not None:
            return min(1.0, progress.spent_s / self.time_budget_s)
        assert self.steps is not None
        return min(1.0, progress.step / self.steps)


class Task(Protocol):
    """What is learnt: where samples come from, what is lost on them, and how good it is."""

    def batch(self, done: float) -> int:
        """Samples of a step in one process, at a share of the run that is done."""
        ...

    def dataset(self, progress: Progress, done: float, count: int) -> Dataset[Any]:
        """The next count samples; which they are depends on the seed and progress.items alone."""
        ...

    def collate(self, samples: list[Any]) -> Any:
        """Samples as a batch."""
        ...

    def losses(self, model: nn.Module, batch: Any, device: str) -> dict[str, Tensor]:
        """The parts of the loss; their sum is minimised."""
        ...

    def validate(self, model: nn.Module) -> float:
        """The figure to be maximised."""
        ...

    def state(self) -> dict[str, Tensor]:
        """Tensors of its own that a resumed run needs; they are written over in place."""
        ...


def train(
    model: nn.Module,
    task: Task,
    plan: Plan,
    run: Path,
    *,
    report: Callable[[Progress, float], None],
    team: Team = SOLO,
    resume: bool = False,
) -> nn.Module:
    """Train and return the averaged weights that did best on validation.

    Args:
        model: changed in place; on the team's device.
        run: folder of checkpoint.safetensors, best/ and log.jsonl.
        report: called after every step with the progress and the share done.
        team: the processes that train together.

    Raises:
        FloatingPointError: the loss is no longer a number.
        FileNotFoundError: there is nothing to resume.
    """
    torch.manual_seed(plan.seed + 1_000_003 * team.rank)
    average = copy.deepcopy(model).eval()
    optimizer = torch.optim.AdamW(
        [parameter for parameter in model.parameters() if parameter.requires_grad],
        plan.peak_rate,
        weight_decay=plan.weight_decay,
    )
    stepper = _Stepper(model, average, optimizer, plan, task, team)
    progress = Progress(next_check=plan.validate_every)
    if resume:
        progress = checkpoint.resume(run, model, average, optimizer, task.state())
    run.mkdir(parents=True, exist_ok=True)
    while (done := plan.share_done(progress)) < 1:
        started = time.monotonic()
        for batch in _chunk(task, plan, progress, done, team):
            losses = stepper.step(batch, progress)
            progress.step += 1
            progress.items += task.batch(done) * team.size
            # Waiting for images counts too: a budget is what a person waits for.
            now = time.monotonic()
            progress.spent_s = team.agree(progress.spent_s + now - started)
            started = now
            if team.leads:
                _log(run, progress, losses, optimizer.param_groups[0]["lr"])
                report(progress, plan.share_done(progress))
            if plan.share_done(progress) >= 1:
                break
        # Three times a tenth is a little more than 0.3.
        if plan.share_done(progress) >= min(progress.next_check, 1) - 1e-6:
            progress.next_check = plan.share_done(progress) + plan.validate_every
            metric = team.agree(task.validate(average) if team.leads else 0.0)
            progress.history.append({"step": progress.step, "metric": metric})
            better = metric >= progress.best_metric
            progress.best_metric = max(metric, progress.best_metric)
            if team.leads:
                _log(run, progress, {"metric": metric}, 0.0)
                if better:
                    checkpoint.save(run / "best", progress, average, average, optimizer, {})
        if team.leads:
            checkpoint.save(run, progress, model, average, optimizer, task.state())
        if _given_up(progress, plan):
            break
    if team.leads:
        best = checkpoint.resume(run / "best", average, average, optimizer, {})
        progress.best_metric = best.best_metric
    return average


def _given_up(progress: Progress, plan: Plan) -> bool:
    """Whether the last `patience` validations have all been worse than one before them."""
    metrics: list[float] = [entry["metric"] for entry in progress.history]
    if plan.patience is None or len(metrics) <= plan.patience:
        return False
    return max(metrics[-plan.patience :]) < max(metrics[: -plan.patience])


class _Stepper:
    """One optimizer step: autocast, clipped gradients, averaged weights."""

    def __init__(
        self,
        model: nn.Module,
        average: nn.Module,
        optimizer: torch.optim.Optimizer,
        plan: Plan,
        task: Task,
        team: Team,
    ) -> None:
        self._model, self._average, self._optimizer = model, average, optimizer
        self._plan, self._task, self._team = plan, task, team
        self._wrapped = team.wrap(model)
        self._device = torch.device(team.device)
        # bf16 has the range of fp32; fp16 alone needs its gradients scaled.
        scaled = matrix_type(self._device) == torch.float16
        self._scaler = torch.amp.GradScaler(self._device.type, enabled=scaled)

    def step(self, batch: Any, progress: Progress) -> dict[str, float]:
        plan, optimizer = self._plan, self._optimizer
        rate = plan.peak_rate * learning_share(plan.share_done(progress))
        rate *= min(1.0, (progress.step + 1) / plan.warm_up_steps)
        for group in optimizer.param_groups:
            group["lr"] = rate
        self._wrapped.train()
        with mixed_precision(self._device):
            losses = self._task.losses(self._wrapped, batch, self._team.device)
        total = torch.stack([value.float() for value in losses.values()]).sum()
        if not torch.isfinite(total):
            raise FloatingPointError(
                f"the loss is not a number any more at step {progress.step}: stopped. The last "
                "checkpoint is whole; go on from it with a lower --rate"
            )
        optimizer.zero_grad(set_to_none=True)
        self._scaler.scale(total).backward()  # type: ignore[no-untyped-call]
        self._scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(self._model.parameters(), 5.0)
        self._scaler.step(optimizer)
        self._scaler.update()
        self._follow(progress)
        return {"total": float(total.detach())} | {k: float(v.detach()) for k, v in losses.items()}

    @torch.no_grad()
    def _follow(self, progress: Progress) -> None:
        """The averaged weights a step closer to the model's."""
        decay = min(self._plan.average_decay, (1 + progress.step) / (10 + progress.step))
        pairs = list(
            zip(self._average.state_dict().values(), self._model.state_dict().values(), strict=True)
        )
        floats = [pair for pair in pairs if pair[0].dtype.is_floating_point]
        # One call for all: hundreds of small ones take a GPU longer than the step itself.
        torch._foreach_lerp_([kept for kept, _ in floats], [new for _, new in floats], 1 - decay)
        for kept, fresh in pairs:
            if not kept.dtype.is_floating_point:
                kept.copy_(fresh)


def matrix_type(device: torch.device) -> torch.dtype:
    """What matrices are multiplied in: bf16, fp16 on a GPU that has no bf16, or fp32.

    An x86 processor without AVX-512 only imitates bf16, at a tenth of the speed of fp32.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    imitates = torch.backends.cpu.get_cpu_capability() in ("DEFAULT", "AVX2")
    return torch.float32 if imitates else torch.bfloat16


def mixed_precision(device: torch.device) -> torch.autocast:
    """The context in which a network's matrices are multiplied in `matrix_type`."""
    chosen = matrix_type(device)
    if chosen == torch.float32:
        return torch.autocast(device.type, enabled=False)
    return torch.autocast(device.type, chosen)


def learning_share(done: float) -> float:
    """Half a cosine from 1 down to 0.01 (Loshchilov and Hutter 2017)."""
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done))


def _chunk(task: Task, plan: Plan, progress: Progress, done: float, team: Team) -> DataLoader[Any]:
    """The next few steps' samples, this process's share of them.

    Item numbers go on where the last chunk ended, so a resumed run sees what it would have.
    """
    steps = plan.chunk_steps
    if plan.steps is not None:
        steps = min(steps, plan.steps - progress.step)
    samples = task.dataset(progress, done, steps * task.batch(done) * team.size)
    if team.size > 1:
        mine = range(team.rank, steps * task.batch(done) * team.size, team.size)
        samples = Subset(samples, mine)
    return DataLoader(
        samples,
        task.batch(done),
        num_workers=plan.loader_processes,
        collate_fn=task.collate,
        prefetch_factor=4 if plan.loader_processes else None,
    )


def _log(run: Path, progress: Progress, values: dict[str, float], rate: float) -> None:
    line = {"step": progress.step, "spent_s": round(progress.spent_s, 1), "rate": rate}
    line |= {name: round(value, 5) for name, value in values.items()}
    with (run / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
