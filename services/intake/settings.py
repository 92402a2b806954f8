"""What intake is told from outside, beside what every service is told."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

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
        return self._derived_key

    @cached_property  # every department of every case gets a capability
    def _derived_key(self) -> CapabilityKey:
        if self.signing_key_file is None:
            raise RuntimeError("capabilities need ONEWINDOW_SIGNING_KEY_FILE")
        signed = OKPKey.import_key(self.signing_key_file.read_bytes())
        raw = str(signed.as_dict(private=True)["d"])
        return CapabilityKey(hashlib.sha256(f"onewindow capability\n{raw}".encode()).digest(), signed)
