"""A training run on disk: tensors as safetensors, the rest as JSON; nothing is unpickled."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn


@dataclass(slots=True)
class Progress:
    """How far a run is.

    `spent_s` counts training only, over all its resumptions; `next_check` is the share of the
    run at which it is validated next.
    """

    step: int = 0
    items: int = 0
    spent_s: float = 0.0
    best_metric: float = -1.0
    next_check: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)


def save(
    folder: Path,
    progress: Progress,
    model: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
    task: dict[str, Tensor],
) -> None:
    """Write everything a resumed run needs; a kill in the middle leaves the previous state.

    `task` is what the task keeps besides the weights.

    Raises:
        OSError, SafetensorError: it cannot be written, and the previous state stays. What was
            written of the new one is removed, since a full disk needs the room.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Tensor] = {"rng": torch.get_rng_state()}
    tensors |= {f"model.{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in average.state_dict().items()}
    tensors |= {f"task.{name}": value for name, value in task.items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{key}": value for key, value in state.items()}
    fresh = folder / "checkpoint.safetensors.part"
    # The progress travels inside the same file, so that the two can never disagree.
    try:
        save_file(
            {name: value.detach().clone().contiguous() for name, value in tensors.items()},
            fresh,
            metadata={"progress": json.dumps(asdict(progress))},
        )
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    fresh.replace(folder / "checkpoint.safetensors")


def resume(
    folder: Path,
    model: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
    task: dict[str, Tensor],
) -> Progress:
    """Put a saved run back into the objects (`task`'s tensors in place) and give its progress.

    Raises:
        FileNotFoundError: the folder holds no checkpoint.
    """
    path = folder / "checkpoint.safetensors"
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: there is nothing to resume")
    tensors = load_file(path)
    model.load_state_dict(_part(tensors, "model."))
    average.load_state_dict(_part(tensors, "average."))
    for name, value in _part(tensors, "task.").items():
        if name in task and task[name].shape == value.shape:
            task[name].copy_(value)
    states: dict[int, dict[str, Tensor]] = {}
    for name, value in _part(tensors, "optimizer.").items():
        number, key = name.split(".", 1)
        states.setdefault(int(number), {})[key] = value
    whole = optimizer.state_dict()
    whole["state"] = states
    optimizer.load_state_dict(whole)
    torch.set_rng_state(tensors["rng"])
    return read_progress(path)


def read_progress(path: Path) -> Progress:
    """The progress that stands in the header of a checkpoint file."""
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return Progress(**json.loads(header["__metadata__"]["progress"]))


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
