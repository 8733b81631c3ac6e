"""How often the sweeper looks. Read in its entry point only."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class SweeperSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="LINESIDE_")

    sweep_s: float = Field(5, gt=0, description="Seconds from look to look.")
    retention_every_s: float = Field(60, gt=0, description="Seconds between purges of images.")
    review_every_s: float = Field(20, gt=0, description="Seconds between fillings of the queue.")
