"""What every service is told from outside: environment variables with the prefix ONEWINDOW_, or files.

What is in no variable is looked for in a folder of secrets (ONEWINDOW_SECRETS_DIR, else /run/secrets): a file
named like the variable in small letters, ``onewindow_database_url``. A variable left empty counts as absent.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from pydantic import field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

SECRETS_DIR = Path("/run/secrets")  # where engines and clusters put files nobody else may read


class ServiceSettings(BaseSettings):
    """Settings every service has; a service's own settings room adds its own.

    Absent optional settings mean: no clock file = real time, no OTLP endpoint and no trace file = traces are
    not kept, no OIDC issuer = nobody can log in (every route that needs a person answers 401).
    ``public_path`` is the path below which a gateway shows this service (``/intake``); the gateway takes it off.
    ``inner_sites`` are addresses among services, where people's (``sites``) are not to be used.
    """

    model_config = SettingsConfigDict(env_prefix="ONEWINDOW_", extra="ignore", env_ignore_empty=True)

    database_url: str = "postgresql://localhost/onewindow"
    broker_url: str = "amqp://localhost/permit"
    http_host: str = "127.0.0.1"
    http_port: int = 8000
    oidc_issuer: str | None = None
    oidc_client_id: str = "onewindow"
    oidc_client_secret: str = ""
    oidc_audience: str | None = None
    oidc_roles_claim: str = "roles"  # dotted paths into the provider's claims
    oidc_department_claim: str = "department"
    oidc_name_claim: str = "name"
    oidc_role_names: dict[str, str] = {}  # a provider's names of functions -> ours
    session_secret: str = ""
    sites: dict[str, Any] = {}
    inner_sites: dict[str, Any] = {}
    public_path: str = ""
    clock_file: Path | None = None
    trace_file: Path | None = None
    otlp_endpoint: str | None = None
    traces_per_s: float = (
        5.0  # traces kept of those that begin under one name, after a burst of ten seconds'
    )
    signing_key_file: Path | None = None
    key_directory_file: Path | None = None
    data_dir: Path | None = None
    max_body_bytes: int = 12 * 1024 * 1024
    log_level: str = "INFO"

    @field_validator("public_path")
    @classmethod
    def _is_a_path(cls, told: str) -> str:
        path = told.rstrip("/")
        if path and not re.fullmatch(r"(/[A-Za-z0-9_-]+)+", path):
            raise ValueError("public_path is a path like /intake, or empty")
        return path

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Variables before files: whoever starts a service by hand can overrule what is mounted."""
        folder = Path(os.environ.get("ONEWINDOW_SECRETS_DIR") or SECRETS_DIR)
        files = (SecretsSettingsSource(settings_cls, folder),) if folder.is_dir() else ()
        return init_settings, env_settings, *files
