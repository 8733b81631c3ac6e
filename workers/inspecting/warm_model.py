"""A model that is loaded and ready."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from inspection.model_folder import ModelFolder
from workers.engines import Detector


@dataclass
class WarmModel:
    """A loaded model, and what it takes."""

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
