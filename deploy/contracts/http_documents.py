"""contracts/http/<service>.openapi.json: each service's OpenAPI document as its own app tells it."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ROOT = Path(__file__).resolve().parents[2]


def document(service: str) -> str:
    """The document as JSON; built in a process of its own, so that metrics and settings stay apart."""
    with tempfile.TemporaryDirectory() as folder:
        made = subprocess.run(
            [sys.executable, "-m", "deploy.contracts.http_documents", service],
            cwd=ROOT,
            env={**os.environ, **harmless_settings(Path(folder))},
            check=False,
            capture_output=True,
            text=True,
        )
    if made.returncode != 0:
        raise RuntimeError(f"{service} does not start: {made.stderr[-2000:]}")
    return made.stdout


def harmless_settings(folder: Path) -> dict[str, str]:
    """Settings with which every service can be built without being run."""
    key = folder / "key.pem"
    key.write_bytes(
        Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    key.chmod(0o600)
    directory = folder / "keys.json"
    directory.write_text("[]")
    return {
        "ONEWINDOW_SIGNING_KEY_FILE": str(key),
        "ONEWINDOW_KEY_DIRECTORY_FILE": str(directory),
        "ONEWINDOW_DEPARTMENT_FILE": str(ROOT / "deploy" / "departments" / "fire.yaml"),
        "ONEWINDOW_SESSION_SECRET": "only-for-building-documents-0123456789",
        "ONEWINDOW_REFERENCE_SECRET": "only-for-building-documents-0123456789",
        "ONEWINDOW_DATA_DIR": str(folder),
    }


def main(service: str) -> None:
    """Print one service's document."""
    app = importlib.import_module(f"services.{service}.app").create_app()
    print(json.dumps(app.openapi(), ensure_ascii=False, indent=2, sort_keys=True))


if __name__ == "__main__":
    main(sys.argv[1])
