"""A claim on its way through the worker, and what becomes of each of its frames."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from db.queries.claims import Claim, ClaimedFrame
from db.queries.results import NewInspection
from inspection.detections import Detections
from inspection.judgement import Judgement
from workers.engines import EngineImage
from workers.inspecting.models import WarmModel


@dataclass(frozen=True)
class Failed:
    """An attempt that raised. It may be tried again."""

    error: str


@dataclass(frozen=True)
class NotTried:
    """The worker is told to stop: as if it had never been claimed."""


@dataclass(frozen=True)
class Refused:
    """It can never be inspected as it is."""

    judgement: Judgement


@dataclass(frozen=True)
class Detected:
    """What the engine found, in how much of its time."""

    detections: Detections
    model: WarmModel
    engine_s: float
    image: EngineImage | None = None  # for what a shelf's recipe looks at besides its items


Outcome = Detected | Refused | Failed | NotTried


@dataclass
class HeldClaim:
    """A claim, until all its frames have an outcome."""

    claim: Claim
    leased_until: float  # by this process's own clock, `time.monotonic`
    on_hold: Mapping[int, str] = field(default_factory=dict)  # why, by station id
    results: list[NewInspection] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)  # error by acquisition id
    not_tried: list[int] = field(default_factory=list)
    judged: set[int] = field(default_factory=set)  # acquisition ids on which the model ran
    model: WarmModel | None = None  # where it judged anything
    model_version_id: int | None = None
    settled: bool = False  # committed, or given up: nobody renews its lease any more

    @property
    def complete(self) -> bool:
        done = len(self.results) + len(self.failed) + len(self.not_tried)
        return done == len(self.claim.frames)

    @property
    def lease_left_s(self) -> float:
        """By this process's own clock, which stands still while it is stopped: never a proof."""
        return self.leased_until - time.monotonic()


@dataclass(frozen=True)
class Job:
    """A frame with its pixels, or with why it has none."""

    held: HeldClaim
    frame: ClaimedFrame
    image: EngineImage | Refused | Failed | NotTried
