"""Divide a set by group, so that what looks alike is never learnt and measured at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from inspection.datasets.labels import Dataset, DatasetError, LabelledFile, Problem, hash_file
from inspection.datasets.likeness import look_at, near_pairs
from inspection.datasets.pictures import read_rgb

_PASSES = 20
# Of a group that no part holds yet.
FREE = -1


@dataclass(frozen=True, slots=True)
class Copies:
    """Two images that show the same, as places in the set's files."""

    one: int
    other: int
    correlation: float


@dataclass(frozen=True, slots=True)
class Split:
    """A set in parts.

    Attributes:
        parts: name and data set of each part, files in the order of the whole.
        groups: how many groups there were to give away, after copies had joined some.
        joined: copies that lay in two groups, which therefore became one.
        places: of each part's files in the whole.
    """

    parts: dict[str, Dataset]
    groups: int
    joined: tuple[Copies, ...]
    places: dict[str, tuple[int, ...]]


def find_copies(dataset: Dataset, progress: Callable[[int], None] | None = None) -> list[Copies]:
    """Files of the same bytes (correlation 1) and pictures that show the same.

    Raises:
        DatasetError: an image cannot be read.
    """
    looks = []
    first: dict[str, int] = {}
    found = []
    for number, file in enumerate(dataset.files):
        before = first.setdefault(hash_file(file.path), number)
        if before != number:
            found.append(Copies(before, number, 1.0))
        looks.append(look_at(read_rgb(file)))
        if progress is not None:
            progress(number + 1)
    same = {(each.one, each.other) for each in found}
    near = [Copies(*each) for each in near_pairs(looks) if each[:2] not in same]
    return found + near


def split_dataset(
    dataset: Dataset,
    shares: Mapping[str, float],
    group_of: Callable[[LabelledFile], str | None],
    copies: Sequence[Copies],
    seed: int,
    held: Mapping[int, str] | None = None,
) -> Split:
    """Give each group to one part, so that all parts have their share of images and labels.

    Args:
        dataset: what to divide.
        shares: of each part by name, together 1. A part with none gets only what is held.
        group_of: the group of a file; None for a file that is a group by itself.
        copies: pairs that may not be parted.
        seed: of the order in which groups of one size are given away.
        held: the part of files that have one already, by their places; their whole groups go
            there.

    Raises:
        DatasetError: there are fewer groups than parts.
    """
    label = [_key(number, group_of(file)) for number, file in enumerate(dataset.files)]
    ancestor = {each: each for each in label}

    def top(each: str) -> str:
        while ancestor[each] != each:
            ancestor[each] = ancestor[ancestor[each]]
            each = ancestor[each]
        return each

    joined = []
    for pair in copies:
        one, other = top(label[pair.one]), top(label[pair.other])
        if label[pair.one] != label[pair.other] and not _alone(label, pair):
            joined.append(pair)
        ancestor[max(one, other)] = min(one, other)
    members: dict[str, list[int]] = {}
    for number, each in enumerate(label):
        members.setdefault(top(each), []).append(number)
    groups = list(members.values())
    names = list(shares)
    before = np.array([_held(numbers, names, held or {}) for numbers in groups], dtype=np.int64)
    # Parts that have a share, less those that are held already, take from what is free.
    wanting = {place for place, name in enumerate(names) if shares[name] > 0} - set(before)
    if (before == FREE).sum() < len(wanting):
        detail = f"has {len(members)} groups, expected at least one for each of {len(shares)} parts"
        raise DatasetError(Problem(dataset.root, "too-few-groups", detail))
    content = np.stack([_content(dataset, numbers) for numbers in groups])
    given = _give(content, np.array(list(shares.values())), np.random.default_rng(seed), before)
    parts, places = {}, {}
    for place, name in enumerate(shares):
        numbers = sorted(
            number
            for group, part in zip(groups, given, strict=True)
            if part == place
            for number in group
        )
        places[name] = tuple(numbers)
        files = tuple(replace(dataset.files[number], part=name) for number in numbers)
        parts[name] = replace(dataset, name=f"{dataset.name}-{name}", files=files)
    return Split(parts, len(groups), tuple(joined), places)


def _held(numbers: Sequence[int], names: Sequence[str], held: Mapping[int, str]) -> int:
    """The place of the part that a group has already, or `FREE`."""
    return next((names.index(held[number]) for number in numbers if number in held), FREE)


def _key(number: int, group: str | None) -> str:
    return f"group {group}" if group is not None else f"image {number:09d}"


def _alone(label: Sequence[str], pair: Copies) -> bool:
    """Whether both images were groups by themselves, so that joining them is no news."""
    return label[pair.one].startswith("image ") and label[pair.other].startswith("image ")


def _content(dataset: Dataset, numbers: Sequence[int]) -> npt.NDArray[np.float64]:
    """Images, images without labels, and images with each class, of a group."""
    counts = np.zeros(2 + len(dataset.classes))
    for number in numbers:
        present = {each.class_index for each in dataset.files[number].annotations}
        counts[0] += 1
        counts[1] += not present
        counts[[2 + index for index in present]] += 1
    return counts


def _give(
    content: npt.NDArray[np.float64],
    shares: npt.NDArray[np.float64],
    rng: np.random.Generator,
    before: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """The part of each group: largest first to where it is missed most, then single moves.

    Groups that have a part before keep it.

    What is kept small is the sum over parts and columns of the squared difference between a
    part's count and its share, over that share.
    """
    totals = content.sum(axis=0)
    wanted = shares[:, None] * totals
    scale = np.where(wanted > 0, 1 / np.maximum(wanted * totals, 1e-9), 0.0)
    have = np.zeros_like(wanted)
    given = before.copy()
    for group in np.flatnonzero(before != FREE):
        have[before[group]] += content[group]

    def gain(group: int) -> npt.NDArray[np.float64]:
        """By how much the cost falls if a group that has no part goes to each one."""
        without, added = have - wanted, content[group]
        falls = -((2 * without * added + added**2) * scale).sum(axis=1)
        return np.where(shares > 0, falls, -np.inf)

    order = rng.permutation(len(content))
    order = order[np.argsort(-content[order, 0], kind="stable")]
    order = order[before[order] == FREE]
    for group in order:
        part = int(np.argmax(gain(int(group))))
        given[group] = part
        have[part] += content[group]
    for _ in range(_PASSES):
        moved = False
        for group in order:
            old = int(given[group])
            if (given == old).sum() == 1:
                continue
            have[old] -= content[group]
            gains = gain(int(group))
            part = int(np.argmax(gains))
            part = part if gains[part] > gains[old] + 1e-12 else old
            given[group], moved = part, moved or part != old
            have[part] += content[group]
        if not moved:
            break
    # A part may be so small that no group fits: it takes the smallest of the richest part.
    for part in np.flatnonzero(shares > 0).tolist():
        if not (given == part).any():
            free = given[before == FREE]
            rich = int(np.argmax(np.bincount(free, minlength=len(shares))))
            candidates = np.flatnonzero((given == rich) & (before == FREE))
            given[candidates[np.argmin(content[candidates, 0])]] = part
    return given
