"""Putting a finished model where workers find it: whole or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path

from inspection.model_folder import ModelFolder, ModelFolderError, load_model_folder


def publish(folder: Path, models_dir: Path) -> ModelFolder:
    """Copy a model folder into models_dir under its own name, and check what lies there.

    The folder may be there already, of a trainer that was killed right after.

    Raises:
        ModelFolderError: another model of that name is there, or the folder is not whole.
        OSError: models_dir cannot be written.
    """
    made = load_model_folder(folder)
    place = models_dir / folder.name
    if place.exists():
        there = load_model_folder(place)
        if there.version != made.version:
            raise ModelFolderError(folder.name, f"another model of that name lies in {models_dir}")
        return there
    models_dir.mkdir(parents=True, exist_ok=True)
    # With a dot, so that nobody takes it for a model before it is whole.
    fresh = models_dir / f".{folder.name}.part"
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        shutil.copytree(folder, fresh)
        fresh.replace(place)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    return load_model_folder(place)
