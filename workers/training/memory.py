"""How much memory a training run will need, told before it begins."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from workers.training.checkpoint import Progress
from workers.training.loop import Task, mixed_precision

# The interpreter with torch, and each process that reads images (measured on Linux, x86-64).
PROCESS_BYTES = 600_000_000
# fp32 values kept of each parameter: itself, its gradient, Adam's two, and the average.
COPIES = 5
MEASURED_SAMPLES = 2


def estimate_bytes(model: nn.Module, task: Task, loader_processes: int) -> int:
    """Memory of a run on the CPU, or of the GPU's part without the processes, roughly.

    Activations are counted on one forward pass of a few samples, as autograd keeps them, and
    multiplied up to a batch; the model and the random numbers stay as they were.
    """
    parameters: int = sum(value.numel() * 4 for value in model.state_dict().values())
    progress = Progress()
    samples: Any = task.dataset(progress, 0.0, MEASURED_SAMPLES)
    batch = task.collate([samples[number] for number in range(MEASURED_SAMPLES)])
    seen: dict[int, int] = {}

    def count(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    device = next(model.parameters()).device
    twin = copy.deepcopy(model).train()
    kept = {name: value.clone() for name, value in task.state().items()}
    devices = [device] if device.type == "cuda" else []
    with (
        torch.random.fork_rng(devices=devices),
        torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor),
        mixed_precision(device),
    ):
        task.losses(twin, batch, str(device))
    for name, value in task.state().items():
        value.copy_(kept[name])
    activations: int = sum(seen.values()) * task.batch(0.0) // MEASURED_SAMPLES
    # Gradients of activations live beside them while the step goes backward.
    return (
        COPIES * parameters + 3 * activations // 2 + PROCESS_BYTES * (1 + max(0, loader_processes))
    )


def free_bytes(device: str) -> int | None:
    """Memory that is free on the host, or on a GPU; None where nobody says."""
    if device != "cpu":
        return int(torch.cuda.mem_get_info(torch.device(device))[0])
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def memory_line(needed: int, free: int | None) -> str:
    """What is needed and what is there, in one line."""
    if free is None:
        return f"will need about {needed / 1e9:.1f} GB of memory"
    line = f"will need about {needed / 1e9:.1f} GB of memory; {free / 1e9:.1f} GB are free"
    return line + (": too little, take a smaller --batch or --crop" if needed > free else "")
