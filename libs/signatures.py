"""Signs documents and verifies them: the exact RFC 8785 text, its Ed25519 signature, and who signs as whom.

A signature belongs to a document (an opinion, decision, voucher, bill), not to the message that carries it.
Whoever relies on a document verifies it against the published key directory.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rfc8785
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from nacl.exceptions import CryptoError
from nacl.signing import SigningKey, VerifyKey
from pydantic import BaseModel, ConfigDict
from pydantic_core import from_json, to_json


class BadSignature(Exception):
    """The document is not what its issuer signed. ``code`` says why it was refused."""

    code = "bad_signature"


class BadKeyFile(Exception):
    """A key file or key directory cannot be used; the text says which and why."""


class SignedDocument(BaseModel):
    """A document and its signature, as they travel and as they are kept."""

    model_config = ConfigDict(frozen=True)

    kind: str  # what it is: voucher, opinion, decision, permit, refusal, bill, receipt, notice
    issuer: str  # who signed: "intake", "fee", "review/fire"
    body: str  # the exact RFC 8785 JSON text that was signed
    key_id: str
    signature: str  # base64 of the Ed25519 signature over the UTF-8 bytes of ``body``

    def content(self) -> dict[str, Any]:
        """What the document says. Verify it before relying on it."""
        return dict(json.loads(self.body))


_LARGEST_INT = 2**53 - 1


class _Unusual(Exception):
    """Something of which the quick writer's text may not be the RFC 8785 text."""


def canonical(content: Mapping[str, Any]) -> str:
    """The one RFC 8785 text of ``content``; ValueError when it holds what JSON cannot say (NaN, bytes).

    pydantic's writer writes the same text, ten times faster, of everything but fractions, huge integers and names
    outside ASCII (RFC 8785 orders those by UTF-16), once the names are in order; the rest is left to the slow way.
    """
    try:
        return to_json(_in_order(content)).decode()
    except (_Unusual, ValueError):
        pass
    try:
        return rfc8785.dumps(dict(content)).decode()
    except rfc8785.CanonicalizationError as wrong:
        raise ValueError(f"not canonical JSON: {wrong}") from wrong


def _in_order(value: Any) -> Any:
    """``value`` with its names in order; _Unusual when that does not make its text the RFC 8785 text."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is dict:
        try:
            names = sorted(value)
            usual = "".join(names).isascii()
        except TypeError:  # a name that is no text
            usual = False
        if not usual:
            raise _Unusual
        return {name: _in_order(value[name]) for name in names}
    if kind is list or kind is tuple:
        return [_in_order(each) for each in value]
    if kind is int and -_LARGEST_INT <= value <= _LARGEST_INT:
        return value
    raise _Unusual


def read_canonical(text: str) -> dict[str, Any]:
    """The object that ``text`` says, if it is the RFC 8785 text of that; ValueError otherwise."""
    content = from_json(text)
    if not isinstance(content, dict) or canonical(content) != text:
        raise ValueError("the text is not RFC 8785 JSON of an object")
    read: dict[str, Any] = content
    return read


def document_sha256(document: SignedDocument | Mapping[str, Any]) -> str:
    """The hex SHA-256 of the signed text: the document's name in logs, events and the public log."""
    body = document.body if isinstance(document, SignedDocument) else str(document["body"])
    return hashlib.sha256(body.encode()).hexdigest()


def key_id_of(public_key: Ed25519PublicKey) -> str:
    """The key's own name: the first 16 hex digits of the SHA-256 of its raw bytes."""
    return hashlib.sha256(_raw(public_key)).hexdigest()[:16]


class Signer:
    """Signs as one issuer with one private key."""

    def __init__(self, key_id: str, issuer: str, private_key: Ed25519PrivateKey) -> None:
        self.key_id = key_id
        self.issuer = issuer
        self._public_key = private_key.public_key()
        seed = private_key.private_bytes(
            serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
        )
        self._signing_key = SigningKey(seed)

    @classmethod
    def from_file(cls, path: Path, issuer: str) -> Signer:
        """The signer whose PEM private key (PKCS 8, not encrypted) is in ``path``; BadKeyFile otherwise."""
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as wrong:
            raise BadKeyFile(f"{path}: no readable private key ({wrong})") from wrong
        if not isinstance(key, Ed25519PrivateKey):
            raise BadKeyFile(f"{path}: not an Ed25519 key")
        return cls(key_id_of(key.public_key()), issuer, key)

    def sign(self, kind: str, body: Mapping[str, Any]) -> SignedDocument:
        """Sign ``body``. ``kind`` and ``issuer`` are written into the signed text, so neither can be swapped.

        ValueError when the body already says another kind or issuer, or cannot be written as JSON.
        """
        for name, value in (("kind", kind), ("issuer", self.issuer)):
            if body.get(name, value) != value:
                raise ValueError(f"the body says {name} {body[name]!r}, the document {value!r}")
        text = canonical({**body, "kind": kind, "issuer": self.issuer})
        signature = base64.b64encode(self._signing_key.sign(text.encode()).signature).decode()
        return SignedDocument(
            kind=kind, issuer=self.issuer, body=text, key_id=self.key_id, signature=signature
        )

    def directory_entry(self) -> dict[str, str]:
        """This key's line in the key directory."""
        public = base64.b64encode(_raw(self._public_key)).decode()
        return {"key_id": self.key_id, "issuer": self.issuer, "public_key": public}


@dataclass(frozen=True, slots=True)
class KnownKey:
    """One line of the key directory: this key signs for this issuer, and for no other."""

    key_id: str
    issuer: str
    public_key: VerifyKey


class KeyDirectory:
    """The published keys: which key signs as whom."""

    def __init__(self, keys: Iterable[KnownKey]) -> None:
        self._keys: dict[str, KnownKey] = {}
        for key in keys:
            if key.key_id in self._keys:
                raise BadKeyFile(f"key {key.key_id} is listed twice")
            self._keys[key.key_id] = key

    @classmethod
    def from_entries(cls, entries: Iterable[Mapping[str, str]]) -> KeyDirectory:
        """From lines {key_id, issuer, public_key base64}; BadKeyFile when a line cannot be read."""
        try:
            return cls(
                KnownKey(
                    str(entry["key_id"]),
                    str(entry["issuer"]),
                    VerifyKey(base64.b64decode(entry["public_key"], validate=True)),
                )
                for entry in entries
            )
        except (KeyError, TypeError, ValueError, CryptoError) as wrong:
            raise BadKeyFile(f"key directory: {wrong}") from wrong

    @classmethod
    def from_file(cls, path: Path) -> KeyDirectory:
        """From a JSON file holding a list of such lines; BadKeyFile when it cannot be read."""
        try:
            entries = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as wrong:
            raise BadKeyFile(f"{path}: {wrong}") from wrong
        if not isinstance(entries, list):
            raise BadKeyFile(f"{path}: a key directory is a JSON list")
        return cls.from_entries(entries)

    def verify(
        self,
        document: SignedDocument | Mapping[str, Any],
        *,
        issuer: str | None = None,
        kind: str | None = None,
    ) -> dict[str, Any]:
        """What the document says, once its signature holds and it was signed by ``issuer`` as a ``kind``.

        BadSignature when anything differs: the key, the issuer it belongs to, the text, the kind inside it.
        """
        signed = _read(document)
        key = self._keys.get(signed.key_id)
        if key is None:
            raise BadSignature(f"key {signed.key_id} is not in the directory")
        if key.issuer != signed.issuer or (issuer is not None and signed.issuer != issuer):
            raise BadSignature(f"key {signed.key_id} does not sign for {issuer or signed.issuer}")
        if kind is not None and signed.kind != kind:
            raise BadSignature(f"a {signed.kind} is no {kind}")
        try:
            key.public_key.verify(signed.body.encode(), base64.b64decode(signed.signature, validate=True))
        except (CryptoError, binascii.Error, ValueError) as wrong:
            raise BadSignature("the signature does not fit the text") from wrong
        try:
            content = read_canonical(signed.body)
        except ValueError as wrong:
            raise BadSignature("the text is not RFC 8785 JSON of an object") from wrong
        if content.get("kind") != signed.kind or content.get("issuer") != signed.issuer:
            raise BadSignature("the signed text names another kind or issuer")
        return content


def create_key(path: Path, issuer: str) -> Signer:
    """Make a new key in ``path`` (PEM, mode 600), return its signer; FileExistsError if it is there."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    return Signer(key_id_of(key.public_key()), issuer, key)


def _read(document: SignedDocument | Mapping[str, Any]) -> SignedDocument:
    if isinstance(document, SignedDocument):
        return document
    try:
        return SignedDocument.model_validate(document)
    except ValueError as wrong:
        raise BadSignature(f"not a signed document: {wrong}") from wrong


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
