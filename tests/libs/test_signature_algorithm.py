"""Ed25519 as it is used here: the vectors of RFC 8032, agreement with a second library, and no weak signature."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.exceptions import CryptoError
from nacl.signing import SigningKey, VerifyKey

from libs.signatures import BadSignature, KeyDirectory, SignedDocument, Signer

ORDER = 2**252 + 27742317777372353535851937790883648493  # of the group, L in RFC 8032
FEE_KEY = Ed25519PrivateKey.from_private_bytes(b"m" * 32)
FEE = Signer("fee-1", "fee", FEE_KEY)
BILL = FEE.sign("bill", {"total_fen": 12_300, "item": "占道经营"})
# RFC 8032, 7.1: seed, public key, message, signature
RFC_8032 = [
    ("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
     "d25bf5f0595bbe24655141438e7a100b"),
    ("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
     "387b2eaeb4302aeeb00d291612bb0c00"),
    ("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
     "4a7c15e9716ed28dc027beceea1ec40a"),
]  # fmt: skip
# Public keys of small order, and the same points spelt with a coordinate that is not reduced: whoever lists one
# of them could "sign" anything as that issuer.
SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
]


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_the_vectors_of_rfc_8032_hold(seed: str, public: str, message: str, signature: str) -> None:
    key = SigningKey(bytes.fromhex(seed))
    assert bytes(key.verify_key).hex() == public
    assert key.sign(bytes.fromhex(message)).signature.hex() == signature
    VerifyKey(bytes.fromhex(public)).verify(bytes.fromhex(message), bytes.fromhex(signature))


@given(st.binary(min_size=32, max_size=32), st.text(max_size=200))
@settings(max_examples=60, deadline=None)
def test_both_libraries_write_the_same_signature(seed: bytes, text: str) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    document = Signer("k", "fee", private).sign("bill", {"text": text})
    assert base64.b64decode(document.signature) == private.sign(document.body.encode())


@given(st.sets(st.integers(0, 511), min_size=1, max_size=3))
@settings(max_examples=100, deadline=None)
def test_any_changed_bits_of_a_signature_are_found_by_both(bits: set[int]) -> None:
    raw = bytearray(base64.b64decode(BILL.signature))
    for bit in bits:
        raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(InvalidSignature):
        FEE_KEY.public_key().verify(bytes(raw), BILL.body.encode())
    with pytest.raises(BadSignature):
        _verify(FEE.directory_entry()["public_key"], bytes(raw))


@pytest.mark.parametrize("bit", range(512))
def test_each_single_changed_bit_of_a_signature_is_found(bit: int) -> None:
    raw = bytearray(base64.b64decode(BILL.signature))
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BadSignature):
        _verify(FEE.directory_entry()["public_key"], bytes(raw))


@pytest.mark.parametrize("times", [1, 2, 7, 15])
def test_the_same_signature_with_the_groups_order_added_is_refused(times: int) -> None:
    raw = base64.b64decode(BILL.signature)
    scalar = int.from_bytes(raw[32:], "little") + times * ORDER
    assert scalar < 2**256
    with pytest.raises(BadSignature):
        _verify(FEE.directory_entry()["public_key"], raw[:32] + scalar.to_bytes(32, "little"))


@pytest.mark.parametrize("public", SMALL_ORDER)
@pytest.mark.parametrize("commitment", SMALL_ORDER)
def test_a_key_of_small_order_signs_nothing(public: str, commitment: str) -> None:
    forged = bytes.fromhex(commitment) + bytes(32)  # [0]B = R + [k]A for one message in eight at the most
    with pytest.raises((BadSignature, CryptoError)):
        _verify(base64.b64encode(bytes.fromhex(public)).decode(), forged)


def test_the_forgery_is_real_another_library_lets_it_pass() -> None:
    identity = bytes.fromhex(SMALL_ORDER[0])
    Ed25519PublicKey.from_public_bytes(identity).verify(identity + bytes(32), BILL.body.encode())


@pytest.mark.parametrize("length", [0, 1, 63, 65, 128])
def test_a_signature_of_another_length_is_refused(length: int) -> None:
    raw = (base64.b64decode(BILL.signature) * 2)[:length]
    with pytest.raises(BadSignature):
        _verify(FEE.directory_entry()["public_key"], raw)


def _verify(public: str, signature: bytes) -> dict[str, Any]:
    keys = KeyDirectory.from_entries([{"key_id": "fee-1", "issuer": "fee", "public_key": public}])
    document = SignedDocument(
        kind="bill",
        issuer="fee",
        body=BILL.body,
        key_id="fee-1",
        signature=base64.b64encode(signature).decode(),
    )
    return keys.verify(document)
