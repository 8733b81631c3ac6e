"""Which OpenID Connect provider signs people in. Read in entry points only."""

from __future__ import annotations

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class OidcSettings(BaseSettings):
    """The provider. None is configured by default, and then passwords alone sign in."""

    model_config = SettingsConfigDict(env_prefix="LINESIDE_OIDC_", hide_input_in_errors=True)

    issuer: str = Field("", description="https://…, the provider; its well-known page is read.")
    client_id: str = Field("", description="Of Lineside, at the provider.")
    client_secret: SecretStr = Field(SecretStr(""), description="Of Lineside, at the provider.")
    name: str = Field("", description="What the button says, such as Keycloak.")
    allow_private: bool = Field(False, description="Allow addresses inside this network.")

    @model_validator(mode="after")
    def _complete(self) -> OidcSettings:
        if self.issuer and not (
            self.client_id
            and (
                self.issuer.startswith("https://")
                or (self.issuer.startswith("http://") and self.allow_private)
            )
        ):
            raise ValueError(
                "LINESIDE_OIDC_ISSUER: expected https://… and LINESIDE_OIDC_CLIENT_ID beside it"
            )
        return self
