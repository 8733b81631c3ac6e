import os
import subprocess
import sys

import pytest

from lineside.bench import figures, pictures


def test_percentiles_are_ms() -> None:
    seconds = [value / 1000 for value in range(1, 101)]
    assert figures.latency_ms(seconds) == pytest.approx(
        {"p50": 50.5, "p95": 95.0, "p99": 99.0}, abs=0.1
    )
    assert figures.latency_ms([]) == {}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, which only Linux has")
def test_memory_and_processor_time_of_a_process_and_its_children() -> None:
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    code = f"{child.replace('input()', 'print(1, flush=True); input()')}"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "1\n"  # the grandchild runs
        pids = figures.descendants(process.pid)
        assert len(pids) == 2
        assert all((figures.peak_memory_mb(pid) or 0) > 1 for pid in pids)
        assert all(figures.cpu_s(pid) is not None for pid in pids)
        process.communicate("\n")
    assert figures.peak_memory_mb(process.pid) is None
    assert figures.cpu_s(process.pid) is None
    assert (figures.cpu_s(os.getpid()) or 0) > 0


def test_the_host_names_what_matters() -> None:
    host = figures.host()
    assert host["cores"]
    versions = host["versions"]
    assert isinstance(versions, dict)
    assert "celery" in versions


def test_pictures_are_1080p_and_the_same_every_time() -> None:
    first, again = pictures.surfaces(2), pictures.surfaces(2)
    assert [picture.shape for picture in first] == [(1080, 1920, 3)] * 2
    for one, other in zip(first, again, strict=True):
        assert (one == other).all()
