"""deploy/detectron2: what adds Detectron2 to a GPU image is pinned, and is what the docs say."""

import re

from packaging.requirements import Requirement

from tests.unit.deploy.files import DEPLOY, ROOT, images

DOCKERFILE = (DEPLOY / "detectron2/Dockerfile").read_text()
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.M)


def test_it_takes_one_commit_the_one_that_is_documented_and_tested():
    (commit,) = re.findall(r"detectron2\.git#([0-9a-f]{40}) ", DOCKERFILE)
    assert f"checkout {commit}" in (ROOT / "docs/training.md").read_text()
    config = (ROOT / "workers/networks/detectron2_config.py").read_text()
    assert f"commit {commit[:8]}" in config


def test_it_stands_on_an_image_of_ours_and_ends_without_rights():
    (image,) = re.findall(r"^ARG IMAGE=lineside-(\S+)$", DOCKERFILE, re.M)
    assert image in images()
    assert re.findall(r"^USER (\S+)$", DOCKERFILE, re.M) == ["0:0", "10001:10001"]
    assert re.findall(r"^RUN (.*)$", DOCKERFILE, re.M) == [
        "pip install --require-hashes --no-deps --no-build-isolation --no-cache-dir "
        "-r /requirements.txt"
    ]


def test_its_packages_are_pinned_with_hashes():
    text = (DEPLOY / "detectron2/requirements.txt").read_text()
    left = PINNED.sub("", text).splitlines()
    assert [line for line in left if line.strip() and not line.lstrip().startswith("#")] == []
    pinned = {name: version for name, version, _ in PINNED.findall(text)}
    wanted = (DEPLOY / "detectron2/requirements.in").read_text().splitlines()
    asked = [Requirement(line) for line in wanted if not line.startswith("#")]
    assert {one.name for one in asked} == set(pinned)
    assert all(one.specifier.contains(pinned[one.name], prereleases=True) for one in asked)
