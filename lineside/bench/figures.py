"""What a benchmark reports: latencies, memory, and on what it ran."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Sequence
from pathlib import Path

import numpy as np

_PACKAGES = ("lineside", "openvino", "opencv-python-headless", "celery", "redis", "sqlalchemy")


def latency_ms(seconds: Sequence[float]) -> dict[str, float]:
    """Percentiles of latencies in s, as ms."""
    if not seconds:
        return {}
    found = np.percentile(seconds, [50, 95, 99]) * 1000
    return {
        name: round(float(ms), 1) for name, ms in zip(("p50", "p95", "p99"), found, strict=True)
    }


def peak_memory_mb(pid: int) -> float | None:
    """The most memory that a process has held, MB (10⁶ bytes); None where the kernel hides it."""
    value = _status(pid).get("VmHWM")
    return None if value is None else round(int(value.split()[0]) * 1024 / 1e6, 1)


def cpu_s(pid: int) -> float | None:
    """Processor time that a process has taken so far, s; None where the kernel hides it."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def descendants(pid: int) -> list[int]:
    """A process and all that it has started, parents first."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += [int(child) for child in task.read_text().split()]
            except OSError:
                continue  # it has just ended
    return found


def host() -> dict[str, object]:
    """The machine and the versions that a figure belongs to."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        # Whatever else runs takes its share: a figure of a busy machine says little.
        "load_1min": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: version for name in _PACKAGES if (version := _version(name))},
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _status(pid: int) -> dict[str, str]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}
