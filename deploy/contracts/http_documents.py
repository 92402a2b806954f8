"""contracts/http/<service>.openapi.json: each service's OpenAPI document as its own app tells it.

The apps are built in processes of their own, so that metrics and settings stay apart; what they have in common is
imported once, before the processes fork.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ROOT = Path(__file__).resolve().parents[2]


def documents(services: Sequence[str]) -> dict[str, str]:
    """The documents of these services as JSON texts, by service; RuntimeError when an app cannot be built."""
    with tempfile.TemporaryDirectory() as folder:
        made = subprocess.run(
            [sys.executable, "-m", "deploy.contracts.http_documents", folder, *services],
            cwd=ROOT,
            env={**os.environ, **harmless_settings(Path(folder))},
            check=False,
            capture_output=True,
            text=True,
        )
        if made.returncode != 0:
            raise RuntimeError(made.stderr[-2000:])
        return {name: (Path(folder) / f"{name}.json").read_text(encoding="utf-8") for name in services}


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


def _write(service: str, folder: Path) -> None:
    app = importlib.import_module(f"services.{service}.app").create_app()
    text = json.dumps(app.openapi(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    (folder / f"{service}.json").write_text(text, encoding="utf-8")


def main(folder: Path, services: Sequence[str]) -> int:
    """Write ``folder/<service>.json`` for each; 1 when one cannot be built, with the reason on standard error."""
    importlib.import_module("libs.runner")
    for service in services:
        child = os.fork()
        if child == 0:
            try:
                _write(service, folder)
                os._exit(0)
            except BaseException:
                print(f"{service} cannot be built: {traceback.format_exc()}", file=sys.stderr, flush=True)
                os._exit(1)
        if os.waitpid(child, 0)[1] != 0:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
