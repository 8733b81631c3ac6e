"""The card of a model: the one Markdown file that its folder brings along."""

from __future__ import annotations

from inspection.model_folder import ModelFolder

_NAMES = ("README.md", "MODEL_CARD.md", "model-card.md")
_BYTES = 200_000


def read_card(folder: ModelFolder) -> str:
    """Its text, of 200 kB at most; empty where there is none."""
    for name in _NAMES:
        try:
            with (folder.path / name).open("rb") as file:
                return file.read(_BYTES).decode("utf-8", "replace").replace("\x00", "")
        except OSError:
            continue
    return ""
