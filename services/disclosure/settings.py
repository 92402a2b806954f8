"""What disclosure is told from outside beside the settings every service has."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from libs.settings import ServiceSettings
from libs.signatures import BadKeyFile

ROOT = Path(__file__).resolve().parent.parent.parent


class DisclosureSettings(ServiceSettings):
    """``log_origin`` names the log for ever: it stands in every checkpoint and in the verifier key.

    ``departments_dir`` holds one file per department; whoever has a file there may stand in a review plan.
    """

    log_origin: str = "onewindow.example/disclosure"
    departments_dir: Path = ROOT / "deploy" / "departments"

    @cached_property
    def log_key(self) -> Ed25519PrivateKey:
        """The key that signs checkpoints; RuntimeError when the service was started without one."""
        if self.signing_key_file is None:
            raise RuntimeError("disclosure was started without ONEWINDOW_SIGNING_KEY_FILE")
        key = load_pem_private_key(self.signing_key_file.read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise BadKeyFile(f"{self.signing_key_file}: not an Ed25519 key")
        return key

    def department_codes(self) -> frozenset[str]:
        """The departments the center knows at this moment."""
        return frozenset(path.stem for path in self.departments_dir.glob("*.yaml"))
