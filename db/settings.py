"""Where things are. Read in entry points only; inner code is handed values."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class StorageSettings(BaseSettings):
    """Data folder, database and frame store."""

    model_config = SettingsConfigDict(env_prefix="LINESIDE_")

    data_dir: Path = Field(Path("var"), description="Folder of everything that must last.")
    database_url: str = Field("", description="SQLAlchemy URL; empty: SQLite in the data folder.")
    frame_store_url: str = Field("", description="fsspec URL such as s3://…; empty: local folder.")
    min_free_bytes: int = Field(
        200_000_000, ge=0, description="Nothing is stored below this much free space, bytes."
    )
    retention_bytes: int = Field(5_000_000_000, gt=0, description="Cap of the frame store, bytes.")
    retention_days: float = Field(7, gt=0, description="Age at which images are purged.")
    models_dir: Path | None = Field(
        None, description="More model folders, by their names; empty: `models` in the data folder."
    )

    @model_validator(mode="after")
    def _models_lie_somewhere(self) -> Self:
        if self.models_dir is None:
            self.models_dir = self.data_dir / "models"
        return self

    @property
    def resolved_database_url(self) -> str:
        return self.database_url or f"sqlite:///{(self.data_dir / 'lineside.sqlite3').absolute()}"

    @property
    def resolved_frame_store_url(self) -> str:
        return self.frame_store_url or str((self.data_dir / "frames").absolute())


class BrokerSettings(BaseSettings):
    """Redis, which only rings."""

    model_config = SettingsConfigDict(env_prefix="LINESIDE_")

    # redis://host:port/db, rediss://… or unix:///path/to/socket?db=0
    redis_url: str = Field("redis://127.0.0.1:6379/0", description="Where the bell is.")
