"""Loads one model in a thread of its own, while claims of the others go on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection

import structlog

from workers.inspecting.warm_model import WarmModel

_log = structlog.get_logger()

_AGAIN_S = 30.0  # after a load that failed


class LoadingBeside:
    """One model at a time: being loaded, or loaded and not yet taken."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._name: str | None = None
        self._ready: WarmModel | None = None
        self._failed: dict[str, float] = {}  # until when, by this process's clock

    def free_for(self, name: str) -> bool:
        """Whether loading a model may begin: nothing else is under way, and it has not failed."""
        with self._lock:
            return self._name is None and self._failed.get(name, 0.0) < time.monotonic()

    def has_failed(self, name: str) -> bool:
        """Whether its last load failed, a short while ago."""
        with self._lock:
            return self._failed.get(name, 0.0) >= time.monotonic()

    def begin(self, name: str, load: Callable[[], WarmModel]) -> None:
        with self._lock:
            if self._name is not None:
                return
            self._name = name
            self._thread = threading.Thread(
                target=self._run, args=(name, load), name="load", daemon=True
            )
            self._thread.start()

    def loading(self) -> frozenset[str]:
        """What is being loaded and not ready."""
        with self._lock:
            waits = self._name is not None and self._ready is None
            return frozenset([self._name] if waits and self._name is not None else [])

    def ready(self) -> tuple[str, WarmModel] | None:
        """What is loaded and waits to be taken, with its engine key."""
        with self._lock:
            if self._name is None or self._ready is None:
                return None
            return self._name, self._ready

    def drop_unless(self, names: Collection[str]) -> None:
        """Close what is loaded where nobody wants it any more."""
        with self._lock:
            if self._ready is None or self._name in names:
                return
            dropped, self._ready, self._name, self._thread = self._ready, None, None, None
        dropped.detector.close()

    def take(self, name: str) -> WarmModel | None:
        """What was loaded under a name, once it is; None where it is another, or failed."""
        with self._lock:
            thread = self._thread if self._name == name else None
        if thread is None:
            return None
        thread.join()
        with self._lock:
            if self._name != name:
                return None
            ready, self._ready, self._name, self._thread = self._ready, None, None, None
            return ready

    def close(self) -> None:
        """Close what was loaded and never taken."""
        with self._lock:
            name = self._name
        if name is not None and (ready := self.take(name)) is not None:
            ready.detector.close()

    def _run(self, name: str, load: Callable[[], WarmModel]) -> None:
        try:
            ready = load()
        except Exception as error:  # noqa: BLE001 - whatever an engine raises while it loads
            # Who needs it loads it again and says what is wrong.
            _log.warning("model.not_prepared", model=name, error=str(error))
            with self._lock:
                self._name = self._thread = None
                self._failed[name] = time.monotonic() + _AGAIN_S
            return
        with self._lock:
            self._ready = ready
