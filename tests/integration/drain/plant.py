"""A drain's surroundings: a database, a real frame store, and an engine made for the tests."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select

from db.engine import Database
from db.frames import FrameStore, open_store
from db.models import Acquisition, Inspection
from db.queries.acquisitions import NewAcquisition, accept
from db.queries.ledger import read_ledger
from inspection.decode import encode_png
from inspection.detections import Detections, InstanceMask
from inspection.judge import judge
from inspection.model_folder import ModelFolder
from tests.factories import make_camera, make_recipe_version, make_station, recipe_body
from workers.engines import RgbImage
from workers.inspecting.models import Models, Pace
from workers.inspecting.runtime import Runtime
from workers.settings import WorkerSettings

MODEL = "classical-threshold"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
RAISE, FINE = 13, 200  # grey values that mean something to the engine below


class BrightnessDetector:
    """Finds the pixels darker than 100 in each image, and raises on an image of grey 13."""

    def __init__(
        self, classes: tuple[str, ...], on_image: Callable[[int], object] | None = None
    ) -> None:
        self.classes, self._on_image = classes, on_image
        self.seen: list[int] = []
        self.closed = False

    def detect(self, images_rgb: Sequence[RgbImage]) -> list[Detections]:
        return list(self.detect_stream(images_rgb))

    def detect_stream(self, images_rgb: Iterable[RgbImage]) -> Iterator[Detections]:
        # As engines do, two images ahead of the results.
        ahead: list[RgbImage] = []
        for image in images_rgb:
            ahead.append(image)
            if len(ahead) > 2:
                yield self._detect(ahead.pop(0))
        while ahead:
            yield self._detect(ahead.pop(0))

    def close(self) -> None:
        self.closed = True

    def _detect(self, image: RgbImage) -> Detections:
        grey = int(image[0, 0, 0])
        self.seen.append(grey)
        if self._on_image is not None:
            self._on_image(len(self.seen))
        if grey == RAISE:
            raise RuntimeError("boom")
        size_wh = (image.shape[1], image.shape[0])
        dark = image[..., 0] < 100
        if not dark.any():
            return Detections.empty(size_wh)
        mask = InstanceMask.from_frame(dark)
        height, width = mask.bits.shape
        return Detections(
            size_wh,
            np.array([[mask.x0, mask.y0, mask.x0 + width, mask.y0 + height]], dtype=np.float32),
            np.array([0.9], dtype=np.float32),
            np.array([0], dtype=np.int64),
            (mask,),
        )


class Plant:
    """A database, a store and a worker's runtime around the engine above."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.store: FrameStore = open_store(str(folder / "frames"), min_free_bytes=0)
        self.events: list[dict[str, Any]] = []
        self.loaded: list[BrightnessDetector] = []
        self.stop = threading.Event()
        self.runtime = self.new_runtime()

    def new_runtime(self, **changes: Any) -> Runtime:
        values: dict[str, Any] = {
            "database": self.database,
            "store": self.store,
            "models": Models(self._load, models_dir=None, budget_bytes=1),
            "judge": judge,
            "publish": lambda *events: self.events.extend(events),
            "settings": WorkerSettings(drain_s=20),
            "pace": Pace(0.5),
            "stop": self.stop,
        }
        return Runtime(**values | changes)

    def _load(self, folder: ModelFolder) -> BrightnessDetector:
        self.loaded.append(BrightnessDetector(folder.classes))
        return self.loaded[-1]

    def camera(self, *, model: str = MODEL, **body: Any) -> int:
        class_rules = {"defect": {"limits": {"count": {"fail": 0}}}}
        with self.database.sessions.begin() as session:
            version = make_recipe_version(
                session,
                body=recipe_body(model=model, classes=class_rules, frames={"max_waiting": 500})
                | body,
            )
            return make_camera(session, make_station(session, recipe=version)).id

    def push(self, camera_id: int, *images: RgbImage | bytes) -> list[int]:
        news = []
        for number, image in enumerate(images):
            data = image if isinstance(image, bytes) else encode_png(image)
            news.append(
                NewAcquisition(
                    camera_id, NOW + timedelta(seconds=number), self.store.put(data, "png")
                )
            )
        with self.database.sessions.begin() as session:
            return [accepted.acquisition_id for accepted in accept(session, news)]

    def verdicts(self) -> list[str]:
        """Verdict or reason of every acquisition, in their order; `waiting` and so on if none."""
        with self.database.reads() as session:
            assert read_ledger(session).consistent
            rows = session.execute(
                select(Acquisition.state, Inspection.verdict, Inspection.reason)
                .outerjoin(Inspection, Inspection.acquisition_id == Acquisition.id)
                .order_by(Acquisition.id)
            )
            return [reason or verdict or state for state, verdict, reason in rows]


def grey(value: int = FINE, *, dark: bool = False) -> RgbImage:
    image = np.full((60, 80, 3), value, dtype=np.uint8)
    if dark:
        image[20:40, 30:50] = 0
    return image
