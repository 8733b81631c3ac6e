"""A model folder that somebody sent as an archive: looked through before anybody may use it.

What needs no engine is checked here: the archive, model.json, every hash, the weights' own form,
the classes. The trial inference is a worker's (`workers.inspecting.uploads`).
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Collection, Mapping
from pathlib import Path

from inspection.archives import ArchiveLimits, ArchiveRefused, unpack
from inspection.model_folder import MANIFEST, ModelFolder, ModelFolderError, load_model_folder
from inspection.weights import BadWeights, check_weights

LIMITS = ArchiveLimits(files=50, total_bytes=4_000_000_000, file_bytes=4_000_000_000)
MAX_ARCHIVE_BYTES = 2_000_000_000
# Hidden beside the models, so that a checked folder only has to be renamed.
INCOMING = ".incoming"


def take_in(archive: Path, models_dir: Path) -> ModelFolder:
    """Unpack an archive beside the models and check it; the folder lies under `INCOMING`.

    Raises:
        ModelFolderError: it is no model folder, or none that may be used, with the reason;
            nothing of it is left.
        OSError: it cannot be written.
    """
    place = models_dir / INCOMING / uuid.uuid4().hex
    try:
        try:
            unpack(archive, place, LIMITS)
        except ArchiveRefused as error:
            raise ModelFolderError("archive", str(error)) from error
        return check_folder(_folder_in(place))
    except (ModelFolderError, OSError):
        shutil.rmtree(place, ignore_errors=True)
        raise


def check_folder(path: Path) -> ModelFolder:
    """A folder whose files are what model.json says, and nothing else.

    Raises:
        ModelFolderError: with what is wrong, and what was expected.
    """
    folder = _loaded(path)
    known = {MANIFEST, *folder.manifest.files}
    for file in sorted(each.relative_to(path).as_posix() for each in path.rglob("*")):
        if file not in known and not file.endswith(".md"):
            raise ModelFolderError(
                folder.name, f"holds {file!r}, for which {MANIFEST} has no SHA-256"
            )
    for name in folder.manifest.files:
        if name.endswith((".onnx", ".safetensors")):
            try:
                check_weights(path / name)
            except BadWeights as error:
                raise ModelFolderError(folder.name, str(error)) from error
    return folder


def check_classes(folder: ModelFolder, wanted: Mapping[str, Collection[str]]) -> None:
    """See that a model knows the classes of one recipe at least.

    Args:
        wanted: the classes that each recipe asks for, by the recipe's name. None: any will do.

    Raises:
        ModelFolderError: it fits none of them.
    """
    if not wanted or any(set(names) <= set(folder.classes) for names in wanted.values()):
        return
    asked = "; ".join(f"{name}: {', '.join(sorted(each))}" for name, each in wanted.items())
    raise ModelFolderError(
        folder.name,
        f"its classes are {', '.join(folder.classes)}, which fits no active recipe ({asked[:400]})",
    )


def put_in_place(folder: ModelFolder, models_dir: Path) -> ModelFolder:
    """Move a folder out of `INCOMING` to its name; done twice it is done once.

    Raises:
        ModelFolderError: another model has that name here.
        OSError: it cannot be moved.
    """
    target = models_dir / folder.name
    if target.exists():
        there = _loaded(target)
        if there.version != folder.version:
            raise ModelFolderError(folder.name, f"there is another {folder.name} already")
    else:
        folder.path.rename(target)
    remove_incoming(folder.path, models_dir)
    return _loaded(target)


def remove_incoming(path: Path, models_dir: Path) -> None:
    """Remove what is left of one upload."""
    incoming = (models_dir / INCOMING).resolve()
    place = path.resolve()
    while place.parent != incoming:
        if place == place.parent:
            return
        place = place.parent
    shutil.rmtree(place, ignore_errors=True)


def _loaded(path: Path) -> ModelFolder:
    """`load_model_folder`, whose errors reach who sent it: without where folders lie here."""
    try:
        return load_model_folder(path)
    except ModelFolderError as error:
        name = "archive" if path.parent.name == INCOMING else path.name
        raise ModelFolderError(name, error.reason) from error


def _folder_in(place: Path) -> Path:
    """Where model.json lies: in the archive's root, or in the one folder that it holds."""
    inside = list(place.iterdir())
    if len(inside) == 1 and inside[0].is_dir():
        place = inside[0]
    if not (place / MANIFEST).is_file():
        raise ModelFolderError("archive", f"expected {MANIFEST} in it, or in its one folder")
    return place
