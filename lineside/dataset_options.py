"""What `lineside dataset` is told in words: class lists, groups, shares of parts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from inspection.datasets import LabelledFile


def class_names(classes: str | None) -> list[str] | None:
    """The items of a comma-separated list, None where none was given."""
    return [name.strip() for name in classes.split(",") if name.strip()] if classes else None


def group_of(by: str, pattern: str | None) -> Callable[[LabelledFile], str | None]:
    """The function that gives a file its group, None for one that is a group by itself.

    Images in which the pattern is not found are one group together.

    Raises:
        UsageError: a pattern that is none, or one without `regex`, or `regex` without one.
    """
    if (by == "regex") != (pattern is not None):
        raise click.UsageError("--by regex and --group-regex go together")
    if by == "folder":
        return lambda file: str(file.path.parent)
    if by == "group":
        return lambda file: file.group
    if pattern is None:
        return lambda file: None
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise click.UsageError(f"--group-regex {pattern!r}: {error}") from error

    def found(file: LabelledFile) -> str:
        match = compiled.search(file.path.name)
        return "" if match is None else match[1 if compiled.groups else 0] or ""

    return found


def part_shares(parts: str) -> dict[str, float]:
    """`train=0.8,validation=0.2` as shares by name.

    Raises:
        UsageError: another form, a name twice, or shares that do not make 1.
    """
    shares: dict[str, float] = {}
    for item in parts.split(","):
        match = re.fullmatch(r"\s*([A-Za-z0-9_-]+)\s*=\s*([0-9.]+)\s*", item)
        if match is None or match[1] in shares:
            raise click.UsageError(f"--parts: {item!r}, expected NAME=SHARE, each name once")
        shares[match[1]] = float(match[2])
    if len(shares) < 2 or abs(sum(shares.values()) - 1) > 1e-6 or min(shares.values()) <= 0:
        raise click.UsageError(f"--parts {parts!r}: expected two or more shares that make 1")
    return shares
