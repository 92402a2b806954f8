"""What every service is told from outside: environment variables with the prefix ONEWINDOW_."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """Settings every service has; a service's own settings room adds its own.

    Absent optional settings mean: no clock file = real time, no OTLP endpoint and no trace file = traces are
    not kept, no OIDC issuer = nobody can log in (every route that needs a person answers 401).
    """

    model_config = SettingsConfigDict(env_prefix="ONEWINDOW_", extra="ignore")

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
    clock_file: Path | None = None
    trace_file: Path | None = None
    otlp_endpoint: str | None = None
    traces_per_s: float = (
        20.0  # traces kept of those that begin under one name, after a burst of ten seconds'
    )
    signing_key_file: Path | None = None
    key_directory_file: Path | None = None
    data_dir: Path | None = None
    max_body_bytes: int = 12 * 1024 * 1024
    log_level: str = "INFO"
