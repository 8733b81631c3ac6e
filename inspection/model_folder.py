"""A model version on disk: a folder with `model.json` and the files that it vouches for.

Weights are safetensors and graphs are ONNX, so loading a model never runs code out of it, and
every file is checked against its SHA-256 before anybody reads it.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from inspection.inference import Inference
from inspection.model_manifest import Manifest

MANIFEST = "model.json"
_MOST_MANIFEST_BYTES = 1_000_000


class ModelFolderError(Exception):
    """A model that cannot be used, with the folder (or the name that was asked for) and why."""

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(f"model {model}: {reason}")
        self.model = model
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A model whose every file has been checked.

    Attributes:
        path: the folder.
        manifest: what model.json says.
        version: first 12 hex digits of the SHA-256 of model.json, which holds the SHA-256 of
            every other file: the same version is the same model.
    """

    path: Path
    manifest: Manifest
    version: str

    @property
    def name(self) -> str:
        """The model's name, as recipes and inspections call it."""
        return self.manifest.name

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of `Detections.class_ids`."""
        return self.manifest.classes

    @property
    def decode_px(self) -> int | None:
        """Side of the square that images are decoded for, None where every pixel is wanted."""
        return None if self.manifest.inference.tiling is not None else self.manifest.input_px

    def run_by(self, inference: Inference) -> ModelFolder:
        """The same folder, run as a recipe wants it; what that leaves open is the model's own.

        Raises:
            ModelFolderError: classes are to be joined that the model does not have, or mirror
                images are asked for of a model without a semantic network.
        """
        joined = inference.join.classes if inference.join else ()
        if unknown := set(joined) - set(self.classes):
            raise ModelFolderError(
                self.name, f"join names {sorted(unknown)}, classes are {list(self.classes)}"
            )
        semantic = self.manifest.semantic is not None or self.manifest.engines.hybrid is not None
        if inference.flips == "four" and not semantic:
            raise ModelFolderError(
                self.name, "flips are for semantic models and hybrids, and this one is neither"
            )
        around = inference.over(self.manifest.inference)
        return replace(self, manifest=self.manifest.model_copy(update={"inference": around}))


def read_manifest(path: Path) -> ModelFolder:
    """Read model.json without hashing the other files: for lists and for recipe checks.

    Raises:
        ModelFolderError: there is no model.json, or it does not say what it must.
    """
    try:
        with (path / MANIFEST).open("rb") as file:
            content = file.read(_MOST_MANIFEST_BYTES + 1)
    except OSError as error:
        raise ModelFolderError(str(path), f"cannot read {MANIFEST}: {error.strerror}") from error
    if len(content) > _MOST_MANIFEST_BYTES:
        raise ModelFolderError(str(path), f"{MANIFEST} is larger than 1 MB")
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc']) or MANIFEST}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_context=False)
        )
        raise ModelFolderError(str(path), f"{MANIFEST}: {problems}") from error
    return ModelFolder(path, manifest, hashlib.sha256(content).hexdigest()[:12])


def load_model_folder(path: Path) -> ModelFolder:
    """Read model.json and check the SHA-256 of every file that it names.

    Raises:
        ModelFolderError: model.json is missing or wrong, or a file is missing or changed.
    """
    folder = read_manifest(path)
    for name, expected in folder.manifest.files.items():
        try:
            actual = sha256_of(path / name)
        except OSError as error:
            raise ModelFolderError(str(path), f"cannot read {name}: {error.strerror}") from error
        if actual != expected:
            raise ModelFolderError(
                str(path),
                f"{name} has SHA-256 {actual[:12]}…, {MANIFEST} says {expected[:12]}…",
            )
    return folder


def find_model(name_or_dir: str | Path, models_dirs: Sequence[Path] = ()) -> Path:
    """The folder of a model: a path, a name under one of models_dirs, or a shipped starter.

    Raises:
        ModelFolderError: there is none; the message lists the names that there are.
    """
    if isinstance(name_or_dir, Path) or "/" in name_or_dir or name_or_dir.startswith("."):
        path = Path(name_or_dir)
        if not _holds_model(path):
            raise ModelFolderError(str(name_or_dir), f"no {MANIFEST} in this folder")
        return path
    known = list_models(models_dirs)
    if name_or_dir in known:
        return known[name_or_dir]
    if _holds_model(Path(name_or_dir)):
        return Path(name_or_dir)
    names = ", ".join(sorted(known)) or "none"
    raise ModelFolderError(name_or_dir, f"unknown; the models here are: {names}")


def _holds_model(folder: Path) -> bool:
    try:
        return (folder / MANIFEST).is_file()
    except OSError:  # such as a name that is too long
        return False


def list_models(models_dirs: Sequence[Path] = ()) -> dict[str, Path]:
    """Every model by the name of its folder; earlier places win, shipped starters come last."""
    found: dict[str, Path] = {}
    for place in (*models_dirs, *starters_dirs()):
        if place.is_dir():
            for folder in sorted(place.iterdir()):
                if _holds_model(folder):
                    found.setdefault(folder.name, folder)
    return found


def starters_dirs() -> list[Path]:
    """Where the shipped models lie, whether installed from a wheel or from a checkout.

    They are data of the package `workers`, which is located here and not imported: an image
    without the workers simply has no starters.
    """
    spec = importlib.util.find_spec("workers")
    places = spec.submodule_search_locations if spec is not None else None
    return [Path(place) / "starters" for place in places or ()]


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
