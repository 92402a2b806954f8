"""What the healer's own process is told: the same variables and files of secrets as a service's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

SECRETS_DIR = Path("/run/secrets")
PORT = 9200  # as deploy/prometheus asks


class HealerSettings(BaseSettings):
    """Variables with the prefix ONEWINDOW_, or files of that name in small letters.

    ``sites`` are addresses among services: whoever heals stands beside them. ``healer_login`` and its password are
    for a provider that gives functions to people only; without them the program logs in as itself.
    """

    model_config = SettingsConfigDict(env_prefix="ONEWINDOW_", extra="ignore", env_ignore_empty=True)

    audit_databases: dict[str, str]
    audit_broker_url: str
    sites: dict[str, Any]
    oidc_issuer: str
    oidc_client_id: str = "healer"
    oidc_client_secret: str
    oidc_scope: str = "openid profile"
    healer_login: str = ""
    healer_password: str = ""
    http_host: str = "127.0.0.1"
    http_port: int = PORT

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Variables before files, as every service reads them."""
        folder = Path(os.environ.get("ONEWINDOW_SECRETS_DIR") or SECRETS_DIR)
        files = (SecretsSettingsSource(settings_cls, folder),) if folder.is_dir() else ()
        return init_settings, env_settings, *files
