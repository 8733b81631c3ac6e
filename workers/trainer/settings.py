"""How a trainer runs. Read in its entry points only."""

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class TrainerSettings(BaseSettings):
    """One trainer: where its runs lie, on what it trains, and how far it gives way."""

    model_config = SettingsConfigDict(env_prefix="LINESIDE_TRAINER_")

    dir: Path | None = Field(
        None, description="Data and checkpoints of runs; empty: `training` in the data folder."
    )
    device: str = Field("cpu", description="`cpu`, or a torch device such as `cuda`.")
    threads: int | None = Field(None, ge=1, description="Empty: one less than cores, at least one.")
    nice: int = Field(10, ge=0, le=19, description="By how much it gives way to inspection.")
    lease_s: float = Field(60, gt=0, description="How long a run outlives its trainer.")

    @property
    def resolved_threads(self) -> int:
        return self.threads or max(1, len(os.sched_getaffinity(0)) - 1)
