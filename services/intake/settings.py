"""What intake is told from outside, beside what every service is told."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from joserfc.jwk import OKPKey

from libs.settings import ServiceSettings


@dataclass(frozen=True)
class CapabilityKey:
    """Seals capabilities; ``signed`` is the key with which an older intake beside this one signs its own."""

    secret: bytes
    signed: OKPKey


class IntakeSettings(ServiceSettings):
    """Settings of intake.

    reference_secret: the center's secret by which a login becomes an opaque reference; fee has the same one.
    capability_s: how long (real seconds) a department may fetch a case's materials with what it was sent.
    """

    reference_secret: str = ""
    capability_s: int = 24 * 3600

    def capability_key(self) -> CapabilityKey:
        """The key that seals capabilities, derived from intake's own; RuntimeError when there is none."""
        if self.signing_key_file is None:
            raise RuntimeError("capabilities need ONEWINDOW_SIGNING_KEY_FILE")
        return _key(self.signing_key_file)


@lru_cache(maxsize=4)
def _key(path: Path) -> CapabilityKey:
    signed = OKPKey.import_key(path.read_bytes())
    raw = str(signed.as_dict(private=True)["d"])
    return CapabilityKey(hashlib.sha256(f"onewindow capability\n{raw}".encode()).digest(), signed)
