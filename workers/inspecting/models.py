"""Models kept warm within a memory budget, found by the name that a recipe gives."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from pathlib import Path

import structlog
from pydantic import ValidationError

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
from workers.inspecting.loading_beside import LoadingBeside
from workers.inspecting.warm_model import WarmModel

__all__ = ["Load", "ModelMissing", "Models", "Pace", "WarmModel"]

_log = structlog.get_logger()

_SMOOTHING = 0.2  # weight of the newest frame in the measured time of a model
_FIRST_CLAIM = 4  # frames of the first claim of a model, of which nothing is known yet
_LARGEST_CLAIM = 32

Load = Callable[[ModelFolder], Detector]


class ModelMissing(Exception):
    """A recipe's model cannot be loaded on this worker."""


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


_Key = tuple[Path, str, str]  # folder, version, engine key


class Models:
    """The warm models of one process. `get` and `close` are for one thread alone.

    `prepare` loads beside: a thread of its own puts what it has loaded down for the next `get`,
    which alone adds to the warm models and closes any. So there is one model more than the budget
    allows at most, and none is closed while an engine runs in it.
    """

    def __init__(self, load: Load, *, models_dir: Path | None, budget_bytes: int) -> None:
        self._load = load
        self.models_dir = models_dir
        self._places = [models_dir] if models_dir is not None else []
        self._budget_bytes = budget_bytes
        self._warm: OrderedDict[_Key, WarmModel] = OrderedDict()
        self._beside = LoadingBeside()

    def get(self, name: str) -> WarmModel:
        """A model by a recipe's `engine_key`, loaded where it is not yet.

        `model.json` is read every time, so that a folder that was replaced is loaded anew.

        Raises:
            ModelMissing: there is none, its files are not what they should be, or no engine
                that could run it is installed here.
        """
        try:
            key = self._key(name)
            self._keep_prepared(name)
            if key in self._warm:
                self._warm.move_to_end(key)
                return self._warm[key]
            warm = self._beside.take(name)
            if warm is not None and warm.folder.version != key[1]:
                warm.detector.close()
                warm = None
            self._close_other_versions(key[0], key[1])
            warm = warm or self._loaded(name, key[0])
        except (ModelFolderError, EngineUnavailableError) as error:
            raise ModelMissing(str(error)) from error
        self._warm[key] = warm
        self._close_beyond_budget()
        return warm

    def prepare(self, needed: Collection[str], maybe: Collection[str] = ()) -> None:
        """Begin to load the first of these that is not warm, beside the one that runs.

        Any thread may ask, again and again. Nothing is begun while nothing is warm yet, or while
        another one loads or waits to be taken; what cannot be loaded is left to `get`, which says
        why.

        Args:
            needed: engine keys that are active at stations.
            maybe: those that may soon be. They are loaded while the budget allows it.
        """
        warm = {key[2] for key in list(self._warm)}
        # What may soon be wanted gives its place to what is and can be loaded.
        missing = {n for n in needed if n not in warm and not self._beside.has_failed(n)}
        self._beside.drop_unless(missing or {*needed, *maybe})
        if not self._warm:
            return
        within = self.memory_bytes() < self._budget_bytes
        for name in (*needed, *(maybe if within else ())):
            try:
                key = self._key(name)
            except (ModelFolderError, ValidationError):
                continue
            if key not in self._warm and self._beside.free_for(name):
                self._beside.begin(name, lambda name=name, key=key: self._loaded(name, key[0]))  # type: ignore[misc]
                return

    def loading(self) -> frozenset[str]:
        """Engine keys that are being loaded beside: claims of others go on meanwhile."""
        return self._beside.loading()

    def memory_bytes(self) -> int:
        """What the warm models take, as far as it could be measured."""
        return sum(warm.memory_bytes for warm in list(self._warm.values()))

    def load_alone(self, folder: ModelFolder) -> Detector:
        """A detector that is not kept: the caller closes it."""
        return self._load(folder)

    def _key(self, name: str) -> _Key:
        path = find_model(split_inference(name)[0], self._places)
        return path, read_manifest(path).version, name

    def _loaded(self, name: str, path: Path) -> WarmModel:
        folder = load_model_folder(path)
        before, started = _resident_bytes(), time.monotonic()
        detector = self._load(folder.run_by(split_inference(name)[1]))
        used = max(_resident_bytes() - before, 0)
        warm = WarmModel(folder, detector, _engine_name(detector), used)
        _log.info(
            "model.loaded",
            model=folder.name,
            version=folder.version,
            engine=warm.engine,
            memory_mb=round(used / 1e6),
            load_s=round(time.monotonic() - started, 2),
        )
        return warm

    def input_px(self, name: str) -> int | None:
        """The side of a model's input, None where it wants every pixel or cannot be read.

        Reads `model.json` and nothing else, so that any thread may ask.
        """
        return input_px(name, self._places)

    def close(self) -> None:
        self._beside.close()
        while self._warm:
            self._warm.popitem()[1].detector.close()

    def _keep_prepared(self, wanted: str) -> None:
        """Put what was loaded beside for later among the warm ones, where it fits."""
        ready = self._beside.ready()
        if ready is None or ready[0] == wanted:
            return
        name, warm = ready
        if self.memory_bytes() + warm.memory_bytes > self._budget_bytes:
            return
        if (taken := self._beside.take(name)) is not None:
            key = (taken.folder.path, taken.folder.version, name)
            self._warm[key] = taken
            self._warm.move_to_end(key, last=False)

    def _close_other_versions(self, path: Path, version: str) -> None:
        for key in [key for key in self._warm if key[0] == path and key[1] != version]:
            self._warm.pop(key).detector.close()

    def _close_beyond_budget(self) -> None:
        """Close those used longest ago; the one just loaded stays, however large it is."""
        while len(self._warm) > 1 and self.memory_bytes() > self._budget_bytes:
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
