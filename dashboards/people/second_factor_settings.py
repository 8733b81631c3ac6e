"""Who must have a second factor. Read in entry points only."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from db.access import Role

_ROLES = {
    "nobody": frozenset[Role](),
    "admins": frozenset({Role.ADMIN}),
    "engineers": frozenset({Role.ADMIN, Role.ENGINEER}),
}


class SecondFactorSettings(BaseSettings):
    """Nobody must by default; everybody may."""

    model_config = SettingsConfigDict(env_prefix="LINESIDE_")

    second_factor: Literal["nobody", "admins", "engineers"] = Field(
        "nobody", description="Who must set one up before anything else; engineers: admins, too."
    )

    @property
    def roles(self) -> frozenset[Role]:
        """The roles that must have one."""
        return _ROLES[self.second_factor]
