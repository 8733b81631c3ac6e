"""Class names: in the order that was asked for, or as they come up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from inspection.datasets.labels import Problem, Report


class ClassList:
    """Gives a class its index; a fixed list takes no further names."""

    def __init__(self, fixed: Sequence[str] | None, known: Iterable[str] = ()) -> None:
        """fixed: all the classes there may be; known: those that come first if it is None."""
        self.fixed = fixed is not None
        names = list(dict.fromkeys(known)) if fixed is None else list(fixed)
        self._index = {name: place for place, name in enumerate(names)}

    @property
    def names(self) -> tuple[str, ...]:
        """The classes so far, in the order of their indices."""
        return tuple(self._index)

    def find(self, name: str, path: Path, report: Report) -> int | None:
        """The index of a class; None once it was reported that a fixed list lacks it."""
        if name not in self._index:
            if self.fixed:
                expected = ", ".join(self._index)
                report(Problem(path, "unknown-class", f"class {name!r}, expected {expected}"))
                return None
            self._index[name] = len(self._index)
        return self._index[name]
