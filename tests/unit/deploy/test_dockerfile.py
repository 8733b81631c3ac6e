"""deploy/Dockerfile: one target an image, each with its own packages, none of them as root."""

import re

import pytest

from tests.unit.deploy.files import (
    DEPLOY,
    ROOT,
    check_command,
    dockerfile,
    images,
    json_instruction,
    known_variables,
    lineage,
)

STAGES = dockerfile()
IMAGES = sorted(images())
# What Celery and the NVIDIA container toolkit read.
OF_OTHERS = {"NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES"}


@pytest.mark.parametrize("image", IMAGES)
def test_it_runs_as_a_user_without_rights(image):
    users = [user for stage in lineage(STAGES, image) for user in stage.all("USER")]
    assert users[0] == "10001:10001"


@pytest.mark.parametrize("image", IMAGES)
def test_it_starts_what_lineside_has(image):
    words = json_instruction(STAGES, image, "ENTRYPOINT") + json_instruction(STAGES, image, "CMD")
    check_command(words)


@pytest.mark.parametrize("image", IMAGES)
def test_it_carries_its_own_packages_and_nothing_that_builds(image):
    stage = STAGES[image]
    assert [one.name for one in lineage(STAGES, image)] == [image, "runtime"]
    assert stage.all("COPY") == [f"--from={image}-environment /opt/lineside /opt/lineside"]
    assert stage.all("RUN") == []
    environment = STAGES[f"{image}-environment"]
    assert f"deploy/requirements/{image}.txt /requirements.txt" in environment.all("COPY")


def test_every_stage_is_used():
    used = set(images())
    while True:
        more = {STAGES[name].base for name in used} & set(STAGES)
        for name in used:
            for copied in STAGES[name].all("COPY"):
                more |= set(re.findall(r"--from=(\S+)", copied))
        if more <= used:
            break
        used |= more
    assert used == set(STAGES)


def test_packages_are_only_installed_with_their_hashes_or_from_what_was_built():
    installs = [
        run
        for stage in STAGES.values()
        for run in stage.all("RUN")
        if "pip install" in run or "pip wheel" in run
    ]
    assert len(installs) == 2 * len(IMAGES) + 2
    for run in installs:
        assert "--require-hashes" in run or "--no-index" in run or "--no-build-isolation" in run, (
            run
        )
        assert "--trusted-host" not in run
        assert "index-url" not in run
    everything = (DEPLOY / "Dockerfile").read_text()
    assert not re.search(r"\b(curl|wget|apt-get|git clone)\b", everything)
    assert not any(stage.all("ADD") for stage in STAGES.values())


def test_what_is_copied_is_there_and_gets_past_the_ignore_file():
    ignore = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    allowed = [line[1:] for line in ignore if line.startswith("!")]
    assert "*" in ignore
    for stage in STAGES.values():
        for copied in stage.all("COPY"):
            if "--from" in copied:
                continue
            *sources, _ = copied.split()
            for source in sources:
                assert (ROOT / source).exists(), source
                assert any(source == one or source.startswith(f"{one}/") for one in allowed), source


def test_every_package_of_lineside_is_copied():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = {
        pattern.rstrip("*")
        for pattern in project["tool"]["setuptools"]["packages"]["find"]["include"]
    }
    copied = {one.split()[0] for one in STAGES["build"].all("COPY")}
    assert packages <= copied
    assert {project["project"]["readme"], *project["project"]["license-files"]} <= {
        word for one in STAGES["build"].all("COPY") for word in one.split()
    }


def test_its_settings_are_ones_that_somebody_reads():
    for stage in STAGES.values():
        for value in stage.all("ENV"):
            for name in re.findall(r"(\w+)=", value):
                if name.startswith("LINESIDE_"):
                    assert name in known_variables(), name
                else:
                    assert name in OF_OTHERS | {"PATH", "HOME"} or name.startswith(
                        ("PYTHON", "PIP_")
                    )
