"""What one worker process holds from task to task: database, frame store and warm models."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from db.engine import Database, connect
from db.events import Events
from db.frames import FrameStore, open_store
from db.queries.commits import Committed, commit_results
from db.settings import BrokerSettings, StorageSettings
from inspection.model_folder import ModelFolder
from inspection.recipe import Recipe
from workers.engines import Detector, load
from workers.inspecting.drain import Drain
from workers.inspecting.events import Publish
from workers.inspecting.fetching import Fetcher
from workers.inspecting.finishing import Finisher, Judge
from workers.inspecting.guard import Guard, NoGuard
from workers.inspecting.keeping import LeaseKeeper
from workers.inspecting.models import Load, Models, Pace
from workers.inspecting.shelf_watch import ShelfWatch
from workers.settings import WorkerSettings


@dataclass
class Runtime:
    """Everything that a drain needs."""

    database: Database
    store: FrameStore
    models: Models
    judge: Judge
    publish: Publish
    settings: WorkerSettings
    pace: Pace
    commit: Callable[..., Committed] = commit_results
    stop: threading.Event = field(default_factory=threading.Event)
    recipes: dict[int, Recipe] = field(default_factory=dict)
    shelves: ShelfWatch = field(default_factory=ShelfWatch)
    guard: Guard = field(default_factory=NoGuard)

    def drain(self, queue: str) -> bool:
        """Inspect what waits, for `drain_s` at most; returns whether more may wait."""
        finisher = Finisher(
            self.database,
            self.judge,
            self.publish,
            self.recipes,
            commit=self.commit,
            watch=self.shelves,
        )
        lease_s = self.settings.lease_s
        keeper = LeaseKeeper(self.database, self.pace, self.guard, lease_s=lease_s)
        fetcher = Fetcher(
            self.database,
            self.store,
            self.pace,
            queue_name=queue,
            lease_s=lease_s,
            drain_s=self.settings.drain_s,
            depth=self.settings.engine_streams + 2,
            stop=self.stop,
            busy=lambda: fetcher.fetched > finisher.finished,
            keep=keeper.keep,
            input_px=self.models.input_px,
            models=self.models,
        )
        with keeper:
            return Drain(fetcher, finisher, self.models, self.pace, self.stop, keeper).run()


def build_runtime(
    stop: threading.Event,
    *,
    load_detector: Load | None = None,
    commit: Callable[..., Committed] = commit_results,
    guard: Guard | None = None,
) -> Runtime:
    """A runtime by this process's settings. Nothing of it is shared with another process.

    Args:
        stop: ends drains early; what they have not begun is given back.
        load_detector: in place of the engines of `workers.engines`.
        guard: ends this process when it hangs, where somebody starts another.
    """
    from inspection.judge import judge

    settings, storage = WorkerSettings(), StorageSettings()

    def load_here(folder: ModelFolder) -> Detector:
        return load(
            folder,
            device=settings.device,
            threads=settings.engine_threads,
            streams=settings.engine_streams,
        )

    return Runtime(
        database=connect(storage.resolved_database_url),
        store=open_store(storage.resolved_frame_store_url),
        models=Models(
            load_detector or load_here,
            models_dir=storage.models_dir,
            budget_bytes=settings.model_budget_mb * 1_000_000,
        ),
        judge=judge,
        publish=Events(BrokerSettings().redis_url).publish,
        settings=settings,
        pace=Pace(settings.claim_engine_s),
        commit=commit,
        stop=stop,
        guard=guard or NoGuard(),
    )
