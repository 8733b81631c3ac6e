"""Models kept warm within a memory budget, found by the name that a recipe gives."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from inspection.inference import split_inference
from inspection.model_folder import (
    ModelFolder,
    ModelFolderError,
    find_model,
    load_model_folder,
    read_manifest,
)
from inspection.model_input import input_px
from workers.engines import Detector, EngineUnavailableError
from workers.engines.wrapped import WrappedDetector

_log = structlog.get_logger()

_SMOOTHING = 0.2  # weight of the newest frame in the measured time of a model
_FIRST_CLAIM = 4  # frames of the first claim of a model, of which nothing is known yet
_LARGEST_CLAIM = 32

Load = Callable[[ModelFolder], Detector]


class ModelMissing(Exception):
    """A recipe's model cannot be loaded on this worker."""


@dataclass
class WarmModel:
    """A loaded model, and how fast it has been here."""

    folder: ModelFolder
    detector: Detector
    engine: str
    memory_bytes: int
    version_id: int | None = None  # its row in the database, once one is committed

    @property
    def classes(self) -> tuple[str, ...]:
        return self.detector.classes

    def manifest_json(self) -> dict[str, Any]:
        return self.folder.manifest.model_dump(mode="json", by_alias=True)


class Pace:
    """Measured engine time of a frame, s, by model: it bounds how much is claimed at once."""

    def __init__(self, claim_engine_s: float) -> None:
        self._claim_engine_s = claim_engine_s
        self._frame_s: dict[str, float] = {}

    def note(self, model: str, frame_s: float) -> None:
        before = self._frame_s.get(model, frame_s)
        self._frame_s[model] = before + _SMOOTHING * (frame_s - before)

    def frames_per_claim(self, model: str) -> int:
        frame_s = self._frame_s.get(model)
        if frame_s is None:
            return _FIRST_CLAIM
        return int(min(max(self._claim_engine_s / max(frame_s, 1e-6), 1), _LARGEST_CLAIM))

    def lease_s(self, least_s: float) -> float:
        """Enough for one frame of the slowest model, several times over.

        Where a single frame takes longer than the lease, its claim would otherwise be lost to
        the next worker every time, and its five attempts with it.
        """
        return max(least_s, 4 * max(self._frame_s.values(), default=0.0))

    def patience_s(self, model: str, least_s: float) -> float | None:
        """After how long without a result an engine hangs; None before its first one here."""
        frame_s = self._frame_s.get(model)
        return None if frame_s is None else max(least_s, 4 * frame_s)


class Models:
    """The warm models of one process. Not for several threads at once."""

    def __init__(self, load: Load, *, models_dir: Path | None, budget_bytes: int) -> None:
        self._load = load
        self._places = [models_dir] if models_dir is not None else []
        self._budget_bytes = budget_bytes
        self._warm: OrderedDict[tuple[Path, str, str], WarmModel] = OrderedDict()

    def get(self, name: str) -> WarmModel:
        """A model by a recipe's `engine_key`, loaded where it is not yet.

        `model.json` is read every time, so that a folder that was replaced is loaded anew.

        Raises:
            ModelMissing: there is none, its files are not what they should be, or no engine
                that could run it is installed here.
        """
        try:
            model, inference = split_inference(name)
            path = find_model(model, self._places)
            key = (path, read_manifest(path).version, name)
            if key in self._warm:
                self._warm.move_to_end(key)
                return self._warm[key]
            self._close_other_versions(path, key[1])
            folder = load_model_folder(path)
            before, started = _resident_bytes(), time.monotonic()
            detector = self._load(folder.run_by(inference))
        except (ModelFolderError, EngineUnavailableError) as error:
            raise ModelMissing(str(error)) from error
        used = max(_resident_bytes() - before, 0)
        warm = WarmModel(folder, detector, _engine_name(detector), used)
        self._warm[key] = warm
        _log.info(
            "model.loaded",
            model=folder.name,
            version=folder.version,
            engine=warm.engine,
            memory_mb=round(used / 1e6),
            load_s=round(time.monotonic() - started, 2),
        )
        self._close_beyond_budget()
        return warm

    def input_px(self, name: str) -> int | None:
        """The side of a model's input, None where it wants every pixel or cannot be read.

        Reads `model.json` and nothing else, so that any thread may ask.
        """
        return input_px(name, self._places)

    def close(self) -> None:
        while self._warm:
            self._warm.popitem()[1].detector.close()

    def _close_other_versions(self, path: Path, version: str) -> None:
        for key in [key for key in self._warm if key[0] == path and key[1] != version]:
            self._warm.pop(key).detector.close()

    def _close_beyond_budget(self) -> None:
        """Close those used longest ago; the one just loaded stays, however large it is."""
        while (
            len(self._warm) > 1
            and sum(warm.memory_bytes for warm in self._warm.values()) > self._budget_bytes
        ):
            _, warm = self._warm.popitem(last=False)
            _log.info("model.closed", model=warm.folder.name, version=warm.folder.version)
            warm.detector.close()


def _engine_name(detector: Detector) -> str:
    """Its module, with what is around it: `openvino`, `openvino+tiled+joined`."""
    if isinstance(detector, WrappedDetector):
        return f"{_engine_name(detector.inner)}+{detector.how}"
    return type(detector).__module__.rpartition(".")[2]


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
