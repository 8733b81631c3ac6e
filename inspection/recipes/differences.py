"""What differs between two recipes, key by key, as people read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from inspection.recipe import Recipe

_LONGEST = 80
# Lists whose items have a name are told apart by it, not by their place.
_NAMED = ("regions", "positions")


@dataclass(frozen=True)
class Change:
    """One key, with its value before and after; None: it was not there, or is not any more."""

    key: str
    before: str | None
    after: str | None


def changes(before: Recipe, after: Recipe) -> list[Change]:
    """Every key whose value differs, in the order of the recipe."""
    old, new = _flat(before), _flat(after)
    keys = list(new) + [key for key in old if key not in new]
    order = {name: place for place, name in enumerate(Recipe.model_fields)}
    found = [
        Change(key, old.get(key), new.get(key)) for key in keys if old.get(key) != new.get(key)
    ]
    return sorted(found, key=lambda change: order[change.key.partition(".")[0].partition("[")[0]])


def _flat(recipe: Recipe) -> dict[str, str]:
    found: dict[str, str] = {}
    _walk(recipe.model_dump(mode="json"), "", found)
    return found


def _walk(value: Any, key: str, found: dict[str, str]) -> None:
    if isinstance(value, dict):
        before = len(found)
        for name, inner in value.items():
            _walk(inner, f"{key}.{name}" if key else str(name), found)
        if len(found) == before and key.startswith("classes."):
            # That a class is kept says something, also where nothing of it is limited.
            found.setdefault(key, "kept")
    elif isinstance(value, list) and key in _NAMED:
        for item in value:
            rest = {name: inner for name, inner in item.items() if name != "name"}
            _walk(rest, f"{key}[{item['name']}]", found)
    elif value is not None and value != []:
        found[key] = _shown(value)


def _shown(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], list):
        text = f"{len(value)} corners: " + " ".join(f"{x:.3g},{y:.3g}" for x, y in value)
    elif isinstance(value, list):
        text = ", ".join(f"{each:.3g}" if isinstance(each, float) else str(each) for each in value)
    else:
        text = f"{value:g}" if isinstance(value, float) else str(value)
    # Two long values that begin alike must still look different.
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST - 12]}… ({hash_of(text)})"
    return text


def hash_of(text: str) -> str:
    from hashlib import sha256

    return sha256(text.encode()).hexdigest()[:8]
