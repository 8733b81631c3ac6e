"""The processes of one run: one alone, or as many as torchrun has started, one a GPU."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True, slots=True)
class Team:
    """This process among those of the run.

    Attributes:
        rank: 0 to size - 1; the first validates, writes and speaks.
        size: how many there are.
        device: what this one works on.
    """

    rank: int = 0
    size: int = 1
    device: str = "cpu"

    @property
    def leads(self) -> bool:
        """Whether this process validates, writes and speaks."""
        return self.rank == 0

    def agree(self, value: float) -> float:
        """The first process's value, in all of them."""
        if self.size == 1:
            return value
        tensor = torch.tensor([value], dtype=torch.float64)
        if dist.get_backend() == "nccl":
            tensor = tensor.to(self.device)
        dist.broadcast(tensor, 0)
        return float(tensor)

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model whose gradients are averaged over the team."""
        if self.size == 1:
            return model
        devices = None if self.device == "cpu" else [torch.device(self.device)]
        # A view without an instance leaves a mask branch without gradients.
        return DistributedDataParallel(model, devices, find_unused_parameters=True)


SOLO = Team()


def join_team(device: str) -> Team:
    """The team that torchrun's variables describe, joined; a team of one without them.

    Args:
        device: `cpu`, or `cuda`, which becomes the GPU of this process's local rank.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return Team(device=device)
    local = int(os.environ.get("LOCAL_RANK", "0"))
    own = f"cuda:{local}" if device.startswith("cuda") else device
    if own != "cpu":
        torch.cuda.set_device(local)
    if not dist.is_initialized():
        dist.init_process_group("gloo" if own == "cpu" else "nccl")
    return Team(dist.get_rank(), size, own)


def leave_team(team: Team) -> None:
    """End what `join_team` began."""
    if team.size > 1 and dist.is_initialized():
        dist.destroy_process_group()
