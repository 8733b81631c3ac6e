"""The real sets, opened, checked and divided as a user would.

The images are not in the repository: `LINESIDE_REAL_DATA` names their folder (`make test-real`).
"""

from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from inspection.datasets import Dataset, open_dataset, save_coco
from inspection.datasets.checking import check_dataset
from lineside.commands import dataset as dataset_command

pytestmark = pytest.mark.real_data

TILES = {"blowhole": 75, "break": 57, "crack": 36, "fray": 25, "uneven": 65, "free": 150}


def instances(dataset: Dataset) -> Counter[str]:
    return Counter(
        dataset.classes[each.class_index] for file in dataset.files for each in file.annotations
    )


def test_the_sets_hold_what_their_description_says(real_data: Path) -> None:
    cracks = open_dataset(real_data / "deepcrack" / "train")
    assert len(cracks.files) == 300
    assert {file.size_wh for file in cracks.files} == {(544, 384)}
    tiles = open_dataset(real_data / "magnetic-tile" / "train")
    assert Counter(file.group for file in tiles.files) == TILES
    assert tiles.classes == ("blowhole", "break", "crack", "fray", "uneven")
    pits = open_dataset(real_data / "ball-screw-pitting" / "train")
    assert (len(pits.files), instances(pits)) == (212, {"Pitting": 258})
    screws = open_dataset(real_data / "screws")
    assert Counter(file.part for file in screws.files) == {"train": 70, "valid": 20}
    assert len(screws.classes) == 4
    assert max(len(file.annotations) for file in screws.files) <= 8


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("deepcrack/train", {}),
        ("magnetic-tile/train", {"empty-mask": 3, "tiny-area": 2}),
        ("ball-screw-pitting/train", {}),
        ("screws", {}),
    ],
)
def test_check_finds_no_error_and_few_doubts(
    real_data: Path, name: str, expected: dict[str, int]
) -> None:
    _, problems = check_dataset(real_data / name)
    for problem in problems:
        print(problem.severity, problem.kind, problem.path.name, problem.detail)
    assert Counter(problem.kind for problem in problems) == expected
    assert not [problem for problem in problems if problem.severity == "error"]


@pytest.mark.parametrize("name", ["magnetic-tile/train", "ball-screw-pitting/train", "screws"])
def test_a_set_is_the_same_as_coco(real_data: Path, tmp_path: Path, name: str) -> None:
    dataset = open_dataset(real_data / name)
    save_coco(dataset, tmp_path / "coco")
    again = open_dataset(tmp_path / "coco")
    assert again.sha256 == dataset.sha256
    assert again.instances == dataset.instances
    assert instances(again) == instances(dataset)


def test_tiles_at_several_exposures_stay_together(real_data: Path, tmp_path: Path) -> None:
    words = ["split", str(real_data / "magnetic-tile" / "train"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(dataset_command.command, [*words, "--seed", "1"])
    assert result.exit_code == 0, result.output
    part = {file.path.stem: file.part for file in open_dataset(tmp_path / "out").files}
    for one, other in (
        ("exp6_num_85665", "exp6_num_86064"),
        ("exp2_num_108741", "exp2_num_108923"),
        ("exp4_num_4995", "exp5_num_5022"),
    ):
        assert part[one] == part[other]
    _, problems = check_dataset(tmp_path / "out")
    assert not [problem for problem in problems if problem.severity == "error"]


def test_sequences_of_a_drive_are_never_parted(real_data: Path, tmp_path: Path) -> None:
    source = real_data / "ball-screw-pitting" / "train"
    words = ["split", str(source), "--out", str(tmp_path / "out")]
    pattern = ["--group-regex", r"^\d+_\d+_(\d+)", "--seed", "1"]
    result = CliRunner().invoke(dataset_command.command, [*words, *pattern])
    assert result.exit_code == 0, result.output
    sequences = [
        {file.path.stem.split("_")[2] for file in open_dataset(tmp_path / "out" / part).files}
        for part in ("train", "validation")
    ]
    long = [{each for each in found if len(each) == 6} for found in sequences]
    assert len(long[0] | long[1]) == 14
    assert not long[0] & long[1]
