"""The pinned packages of the images: those of pyproject.toml, with hashes, from nowhere named."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.unit.deploy.files import DEPLOY, ROOT, images

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# The images' Python and platform (deploy/Dockerfile, deploy/pin-requirements.sh).
WHERE = {
    "python_version": "3.12",
    "python_full_version": "3.12.0",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
    "os_name": "posix",
}
PINNED = re.compile(
    r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.M
)


def pins(image: str) -> dict[str, Version]:
    text = (DEPLOY / "requirements" / f"{image}.txt").read_text()
    return {canonicalize_name(name): Version(version) for name, version, _ in PINNED.findall(text)}


def declared(extras: list[str]) -> list[Requirement]:
    texts = [*PROJECT["dependencies"]]
    for extra in extras:
        texts += PROJECT["optional-dependencies"][extra]
    requirements = [Requirement(text) for text in texts]
    return [one for one in requirements if one.marker is None or one.marker.evaluate(WHERE)]


def test_there_is_one_file_an_image_and_one_for_the_build():
    found = {path.stem for path in (DEPLOY / "requirements").iterdir()}
    assert found == {*images(), "build"}


@pytest.mark.parametrize("image", [*images(), "build"])
def test_every_line_is_a_pin_with_hashes_a_comment_or_a_hash(image):
    text = (DEPLOY / "requirements" / f"{image}.txt").read_text()
    left = PINNED.sub("", text)
    assert [
        line for line in left.splitlines() if line.strip() and not line.lstrip().startswith("#")
    ] == []
    assert not re.search(r"https?://|file:|index-url|find-links|trusted-host|@ ", text)


@pytest.mark.parametrize(("image", "extras"), images().items())
def test_they_are_those_of_pyproject(image, extras):
    """Fails when pyproject.toml has changed since: run deploy/pin-requirements.sh."""
    pinned = pins(image)
    for requirement in declared(extras):
        name = canonicalize_name(requirement.name)
        assert name in pinned, f"{name} is not pinned; run deploy/pin-requirements.sh"
        assert requirement.specifier.contains(pinned[name], prereleases=True), (
            f"{requirement} is pinned as {pinned[name]}; run deploy/pin-requirements.sh"
        )
    text = (DEPLOY / "requirements" / f"{image}.txt").read_text()
    blocks = re.split(r"\n(?=\S)", text)
    asked_for = {
        canonicalize_name(re.split(r"[=\[]", block, maxsplit=1)[0])
        for block in blocks
        if re.search(r"#\s+(?:via )?lineside \(pyproject\.toml\)", block)
    }
    assert asked_for == {canonicalize_name(one.name) for one in declared(extras)}


@pytest.mark.parametrize("image", images())
def test_only_gpu_worker_and_trainer_carry_torch(image):
    assert ("torch" in pins(image)) == (image in ("worker-gpu", "trainer"))


@pytest.mark.parametrize("image", images())
def test_only_pages_and_api_carry_a_web_framework(image):
    assert ("flask" in pins(image)) == (image in ("api", "dashboard"))


def test_all_images_agree_on_every_version():
    seen: dict[str, Version] = {}
    for image in images():
        for name, version in pins(image).items():
            assert seen.setdefault(name, version) == version, (image, name)
