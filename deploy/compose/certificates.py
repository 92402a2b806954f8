"""A certificate authority of this center's own, and certificates for its servers."""

from __future__ import annotations

import datetime
import ipaddress
import os
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

YEARS_CA, YEARS_SERVER = 10, 2
LOOPBACK = ipaddress.ip_address("127.0.0.1")


class Authority:
    """Signs certificates; its key never leaves the folder it was made in."""

    def __init__(self, folder: Path) -> None:
        self.certificate_file = folder / "ca.crt"
        self._key_file = folder / "ca.key"
        if not self.certificate_file.exists():
            _make_authority(self._key_file, self.certificate_file)
        key = serialization.load_pem_private_key(self._key_file.read_bytes(), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key
        self._certificate = x509.load_pem_x509_certificate(self.certificate_file.read_bytes())

    def server(self, names: Sequence[str], certificate_file: Path, key_file: Path) -> None:
        """A certificate and key for a server known by these names and 127.0.0.1; kept if there is one."""
        if certificate_file.exists() and key_file.exists():
            return
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = [*(x509.DNSName(name) for name in names), x509.IPAddress(LOOPBACK)]
        built = (
            _begun(names[0], self._certificate.subject, key.public_key(), YEARS_SERVER)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        _write_key(key_file, key)
        certificate_file.write_bytes(built.public_bytes(serialization.Encoding.PEM))


def _make_authority(key_file: Path, certificate_file: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Onewindow, this center's own authority")])
    built = (
        _begun("Onewindow, this center's own authority", name, key.public_key(), YEARS_CA)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_CA_USAGE, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write_key(key_file, key)
    certificate_file.write_bytes(built.public_bytes(serialization.Encoding.PEM))


_CA_USAGE = x509.KeyUsage(
    digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
    key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
)  # fmt: skip


def _begun(
    name: str, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, years: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=365 * years))
    )


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "wb") as file:
        file.write(pem)  # its folder is closed to others; in a container the server's own user must read it
