"""Checks of the host: Python, packages, Redis, engine, port, clock, what the tests need."""

import importlib.metadata
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement

from lineside import embedded_redis, ports
from lineside.doctor_findings import Finding, Patient, Status

_OLDEST_PYTHON = (3, 11)
# What an extra is for, where one can do without it.
_OPTIONAL = {
    "train": "training and the torch engine (make setup)",
    "postgres": "PostgreSQL instead of SQLite",
    "s3": "images in S3",
    "dev": "the tests (make setup)",
}
_NEEDED = ("embedded",)


def python(_: Patient) -> Iterator[Finding]:
    text = f"{platform.python_version()} ({sys.executable})"
    if sys.version_info < _OLDEST_PYTHON:
        yield Finding("python", Status.MISSING, text, "Install Python 3.11 or 3.12.")
    else:
        yield Finding("python", Status.OK, text)


def packages(_: Patient) -> Iterator[Finding]:
    """What the distribution asks for, by extra, against what is installed."""
    for extra in ("", *_NEEDED, *_OPTIONAL):
        subject = f"packages [{extra}]" if extra else "packages"
        lacking = sorted(set(_lacking(extra)))
        if not lacking:
            yield Finding(subject, Status.OK, "all installed")
        elif extra in _OPTIONAL:
            text = f"not installed, needed only for {_OPTIONAL[extra]}: {', '.join(lacking)}"
            yield Finding(subject, Status.NOTE, text)
        else:
            what = f"lineside[{extra}]" if extra else "lineside"
            text = f"not installed or too old: {', '.join(lacking)}"
            yield Finding(subject, Status.MISSING, text, f"pip install '{what}', or make run")


def _lacking(extra: str) -> Iterator[str]:
    host = {name: str(value) for name, value in default_environment().items()}
    environment, bare = {**host, "extra": extra}, {**host, "extra": ""}
    for line in importlib.metadata.requires("lineside") or []:
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is not None and not marker.evaluate(environment):
            continue
        if extra and (marker is None or marker.evaluate(bare)):
            continue  # part of the core
        if requirement.name == "lineside":
            # What an optional extra builds upon has a line of its own.
            for other in requirement.extras if extra in _NEEDED else ():
                yield from _lacking(other)
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            yield requirement.name
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            yield f"{requirement.name} {version} (expected {requirement.specifier})"


def redis(patient: Patient) -> Iterator[Finding]:
    if patient.redis_url is None:
        try:
            binary = embedded_redis.find_redis_binary()
        except embedded_redis.RedisMissing as error:
            yield Finding("redis", Status.MISSING, *_halves(str(error)))
            return
        yield Finding("redis", Status.OK, f"{binary.version}, {binary.path} from {binary.origin}")
        return
    from redis import Redis
    from redis.exceptions import RedisError

    where = _without_password(patient.redis_url)
    try:
        with Redis.from_url(
            patient.redis_url, socket_connect_timeout=3, socket_timeout=3
        ) as client:
            version = client.info("server")["redis_version"]
    except (RedisError, OSError, ValueError) as error:
        remedy = "Start it, or unset LINESIDE_REDIS_URL to let `lineside up` bring its own."
        yield Finding("redis", Status.MISSING, f"{where} does not answer: {error}", remedy)
        return
    yield Finding("redis", Status.OK, f"{version} at {where}")


def engine(_: Patient) -> Iterator[Finding]:
    """In a process of its own: a processor without what the wheel was built for ends it."""
    code = "import openvino as o; print(o.get_version(), *o.Core().available_devices)"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    if ran.returncode != 0:
        why = ran.stderr.strip().splitlines()[-1:] or [f"ended with status {ran.returncode}"]
        remedy = "pip install 'lineside[workers]'; it needs a 64-bit x86 or ARM processor."
        yield Finding("engine", Status.MISSING, f"OpenVINO does not work here: {why[0]}", remedy)
        return
    version, *devices = ran.stdout.split()
    flags = _cpu_flags()
    fast = [flag for flag in ("amx_tile", "avx512f", "avx2", "asimd") if flag in flags]
    text = f"OpenVINO {version.split('-')[0]} on {', '.join(devices)}"
    yield Finding("engine", Status.OK, f"{text} ({', '.join(fast) or 'no vector extensions seen'})")


def port(patient: Patient) -> Iterator[Finding]:
    where = f"{patient.host} port {patient.port}"
    if ports.is_free(patient.host, patient.port):
        yield Finding("port", Status.OK, f"{where} is free")
        return
    lock = patient.data_dir / "up.lock"
    about = lock.read_text().strip() if lock.exists() else ""
    if about.endswith(f":{patient.port}"):
        yield Finding("port", Status.OK, f"{where} is used by this Lineside ({about})")
        return
    user = ports.owner(patient.port) or "another process"
    remedy = "Stop it, or set LINESIDE_PORT to a free port."
    yield Finding("port", Status.MISSING, f"{where} is used by {user}", remedy)


def clock(_: Patient) -> Iterator[Finding]:
    if shutil.which("timedatectl") is None:
        yield Finding("clock", Status.NOTE, "whether it is set by the network cannot be seen here")
        return
    shown = subprocess.run(
        ["timedatectl", "show", "--property=NTPSynchronized", "--value"],
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    ).stdout.strip()
    if shown == "no":
        remedy = "Switch on network time (timedatectl set-ntp true): verdicts carry its times."
        yield Finding("clock", Status.WARNING, "not set by the network", remedy)
    else:
        known = shown == "yes"
        text = "set by the network" if known else "whether the network sets it cannot be seen here"
        yield Finding("clock", Status.OK if known else Status.NOTE, text)


def tests(_: Patient) -> Iterator[Finding]:
    browsers = ("chromium", "chromium-browser", "google-chrome")
    browser = next((path for name in browsers if (path := shutil.which(name))), None)
    if browser:
        yield Finding("tests: browser", Status.OK, browser)
    else:
        text = "none, needed only for tests/browser"
        yield Finding("tests: browser", Status.NOTE, text, "apt install chromium")
    code = "import gi; gi.require_version('GstRtspServer', '1.0')"
    system_python = Path("/usr/bin/python3")
    has_rtsp = (
        system_python.exists()
        and subprocess.run(
            [system_python, "-c", code], capture_output=True, timeout=30, check=False
        ).returncode
        == 0
    )
    if has_rtsp:
        yield Finding("tests: RTSP server", Status.OK, "GStreamer's, under /usr/bin/python3")
    else:
        text = "none, needed only for the tests of RTSP cameras"
        remedy = "apt install gir1.2-gst-rtsp-server-1.0 python3-gi"
        yield Finding("tests: RTSP server", Status.NOTE, text, remedy)


def _cpu_flags() -> set[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    return {
        flag
        for line in lines
        if line.startswith(("flags", "Features"))
        for flag in line.partition(":")[2].split()
    }


def _halves(text: str) -> tuple[str, str]:
    """A sentence that says what is wrong, and those that say what to do."""
    first, _, rest = text.partition(". ")
    return first, rest


def _without_password(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    return scheme + separator + rest.rpartition("@")[2]


CHECKS = (python, packages, redis, engine, port, clock, tests)
