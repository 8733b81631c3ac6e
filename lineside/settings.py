"""Where the pages and the API are served. Read in entry points only."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class WebSettings(BaseSettings):
    """Address of `lineside up` and `lineside web`."""

    model_config = SettingsConfigDict(env_prefix="LINESIDE_")

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=1, le=65535, description="TCP port of the pages and the API.")
