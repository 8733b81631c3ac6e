"""How a worker runs. Read in the worker's entry points only."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class WorkerSettings(BaseSettings):
    """Claims, engine and memory of one worker."""

    model_config = SettingsConfigDict(env_prefix="LINESIDE_")

    lease_s: float = Field(
        30, gt=0, description="How long a claim outlives its worker, and a worker its hang."
    )
    drain_s: float = Field(10, gt=0, description="How long one task goes on claiming.")
    claim_engine_s: float = Field(
        0.5, gt=0, le=2, description="Engine time of one claim; more delays its first verdict."
    )
    device: str = Field("cpu", description="`cpu`, or a torch device such as `cuda`.")
    engine_threads: int | None = Field(None, ge=1, description="Empty: every core it may use.")
    engine_streams: int = Field(2, ge=1, le=64, description="Images in the engine at once.")
    model_budget_mb: int = Field(
        2000, ge=1, description="Memory for models; those used longest ago are closed."
    )
    task_limit_s: float = Field(
        90, gt=0, description="A task that takes longer hangs, and its process is killed."
    )
    soft_shutdown_s: float = Field(
        10, ge=0, description="Time between SIGTERM and the end of what still runs."
    )
