"""Sets are divided by group, with their share of each class, and copies stay together."""

from collections import Counter
from pathlib import Path

import pytest

from inspection.datasets import Annotation, Dataset, DatasetError, LabelledFile
from inspection.datasets.splitting import Copies, find_copies, split_dataset
from tests.unit.inspection.datasets.drawn_sets import RING, SIZE_WH, coco_folder, picture

SHARES = {"train": 0.75, "validation": 0.25}


def invented(counts: dict[tuple[str, int | None], int]) -> Dataset:
    """Files by (group, class or None): how many; their images do not exist."""
    files = [
        LabelledFile(
            Path(f"{group}-{index}-{number}.jpg"),
            SIZE_WH,
            () if index is None else (Annotation(index, [RING]),),
            group=group,
        )
        for (group, index), count in counts.items()
        for number in range(count)
    ]
    return Dataset("set", Path("set"), ("a", "b"), tuple(files), True)


def of_parts(split) -> dict[str, Counter]:
    return {
        name: Counter(
            file.annotations[0].class_index if file.annotations else None for file in part.files
        )
        for name, part in split.parts.items()
    }


def test_every_class_and_the_empty_images_are_shared_out() -> None:
    dataset = invented({("", 0): 80, ("", 1): 8, ("", None): 40})
    split = split_dataset(dataset, SHARES, lambda file: None, [], seed=3)
    assert of_parts(split) == {
        "train": {0: 60, 1: 6, None: 30},
        "validation": {0: 20, 1: 2, None: 10},
    }
    assert split.groups == 128
    assert {file.part for file in split.parts["train"].files} == {"train"}


def test_groups_are_never_parted_and_classes_go_as_evenly_as_they_let() -> None:
    dataset = invented({(f"g{number}", number % 2): 5 + number % 3 for number in range(40)})
    split = split_dataset(dataset, SHARES, lambda file: file.group, [], seed=1)
    train, validation = ({file.group for file in part.files} for part in split.parts.values())
    assert not train & validation
    assert len(train | validation) == 40
    counts = of_parts(split)["validation"]
    total = Counter(file.annotations[0].class_index for file in dataset.files)
    for index in (0, 1):
        assert counts[index] == pytest.approx(total[index] / 4, abs=4)


def test_the_seed_decides_and_the_order_of_files_is_kept() -> None:
    dataset = invented({("", 0): 40})

    def names(seed: int) -> list[str]:
        split = split_dataset(dataset, SHARES, lambda file: None, [], seed)
        return [file.path.name for file in split.parts["validation"].files]

    assert names(5) == names(5)
    assert names(5) != names(6)
    assert names(5) == sorted(names(5), key=[file.path.name for file in dataset.files].index)


def test_copies_go_to_one_part_and_join_groups() -> None:
    dataset = invented({("a", 0): 2, ("b", 0): 2, ("c", 0): 2, ("d", 0): 2})
    copies = [Copies(1, 2, 0.95), Copies(3, 4, 0.93)]
    split = split_dataset(dataset, SHARES, lambda file: file.group, copies, seed=0)
    assert split.groups == 2
    assert split.joined == tuple(copies)
    sizes = {name: len(part.files) for name, part in split.parts.items()}
    assert sizes == {"train": 6, "validation": 2}
    # Images that are groups by themselves are kept together, and that is no news.
    alone = split_dataset(dataset, SHARES, lambda file: None, copies, seed=0)
    assert (alone.groups, alone.joined) == (6, ())


def test_every_part_gets_something() -> None:
    dataset = invented({("a", 0): 20, ("b", 0): 1, ("c", 0): 1})
    shares = {"train": 0.98, "validation": 0.01, "test": 0.01}
    split = split_dataset(dataset, shares, lambda file: file.group, [], seed=0)
    assert sorted(len(part.files) for part in split.parts.values()) == [1, 1, 20]
    with pytest.raises(DatasetError, match="has 2 groups, expected at least one for each of 3"):
        split_dataset(
            invented({("a", 0): 20, ("b", 0): 1}), shares, lambda file: file.group, [], seed=0
        )


def test_copies_are_found_in_files(tmp_path: Path) -> None:
    from inspection.datasets import open_dataset

    coco_folder(tmp_path, 4)
    picture(tmp_path / "images" / "2.jpg", 0)
    (copy,) = find_copies(open_dataset(tmp_path))
    assert (copy.one, copy.other, copy.correlation) == (0, 2, 1.0)
