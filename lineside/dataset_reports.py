"""What `lineside dataset` answers, ready for JSON; docs/datasets.md lists the keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inspection.datasets import Dataset, Problem
    from inspection.datasets.splitting import Split


def summary(dataset: Dataset) -> str:
    """How much there is, in one line."""
    labels = sum(len(file.annotations) for file in dataset.files)
    classes = len(dataset.classes)
    return (
        f"{len(dataset.files)} images, {labels} annotations of {classes} "
        f"class{'' if classes == 1 else 'es'}"
    )


def class_counts(dataset: Dataset) -> dict[str, int]:
    """Annotations by class, and images without any as `(nothing)`."""
    counts: dict[str, int] = dict.fromkeys(dataset.classes, 0)
    for file in dataset.files:
        for each in file.annotations:
            counts[dataset.classes[each.class_index]] += 1
    empty = sum(not file.annotations for file in dataset.files)
    return counts | ({"(nothing)": empty} if empty else {})


def check_report(dataset: Dataset, problems: Sequence[Problem]) -> dict[str, Any]:
    """The answer of `lineside dataset check --json`."""
    errors = sum(problem.severity == "error" for problem in problems)
    return {
        "name": dataset.name,
        "images": len(dataset.files),
        "errors": errors,
        "warnings": len(problems) - errors,
        "problems": [
            {
                "severity": each.severity,
                "kind": each.kind,
                "file": str(each.path),
                "detail": each.detail,
            }
            for each in problems
        ],
    }


def split_report(
    dataset: Dataset, split: Split, shares: Mapping[str, float], copies: int, seed: int
) -> dict[str, Any]:
    """The answer of `lineside dataset split --json`, which also stands in split.json."""
    files = dataset.files
    return {
        "source_sha256": dataset.sha256,
        "seed": seed,
        "groups": split.groups,
        "copies": copies,
        "parts": [
            {
                "name": name,
                "share": shares[name],
                "images": len(part.files),
                "classes": class_counts(part),
                "sha256": part.sha256,
            }
            for name, part in split.parts.items()
        ],
        "joined": [
            {
                "one": str(files[pair.one].path),
                "other": str(files[pair.other].path),
                "correlation": round(pair.correlation, 3),
            }
            for pair in split.joined
        ],
    }
