"""For what size of input pictures are decoded, and copies of them made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from inspection.inference import split_inference
from inspection.model_folder import ModelFolderError, find_model, read_manifest


def input_px(engine_key: str, models_dirs: Sequence[Path]) -> int | None:
    """The side of a model's square input; None where it wants every pixel or cannot be read.

    Reads `model.json` and nothing else.

    Args:
        engine_key: a model and how it is run (`Recipe.engine_key`).
        models_dirs: where models are looked for beside the shipped ones.
    """
    try:
        model, inference = split_inference(engine_key)
        return read_manifest(find_model(model, models_dirs)).run_by(inference).decode_px
    except ModelFolderError:
        return None
