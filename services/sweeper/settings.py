"""How often the sweeper looks. Read in its entry point only."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.watching import SelfCheck


class SweeperSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="LINESIDE_")

    sweep_s: float = Field(5, gt=0, description="Seconds from look to look.")
    retention_every_s: float = Field(60, gt=0, description="Seconds between purges of images.")
    watch_every_s: float = Field(60, gt=0, description="Seconds between checks of stations.")
    self_check: SelfCheck = Field(
        SelfCheck.WARN,
        description="What becomes of a station whose self-check alarms: off, warn or hold.",
    )
    review_every_s: float = Field(20, gt=0, description="Seconds between fillings of the queue.")
